"""Readers of what people write: environments, images, models, examples, faces."""

import json
import shutil
from pathlib import Path

import nets
import numpy as np
import picture_files
import portraits
import small_model
import witness_sets
from scipy.io import savemat

from fuzz.drive import Reader
from harness.ami.witnesses import read_witnesses
from harness.core.arrays import Preprocess, check_array
from harness.core.caffemodel import layer_spans
from harness.core.decode import decode_array, decode_image
from harness.core.examples import read_examples, read_file
from harness.dumps.files import read_dump
from harness.dumps.targets import Targets
from harness.dumps.tie import tie_dump
from harness.examples.gather import gather_examples
from harness.images.recipes import read_images
from harness.model.caffemodel import list_parameters, read_parameters
from harness.model.folder import read_model
from harness.model.prototxt import read_prototxt
from harness.plan.environments import read_environments
from harness.plan.register import read_register, select_environments
from harness.system.cache import read_hashes
from harness.witnesses.compare import compare_sets
from harness.witnesses.landmarks import Landmarks, Located, check_inside, read_landmarks, write_landmarks
from harness.witnesses.sets import read_set, write_set

ROOT = Path(__file__).resolve().parents[2]
NETWORK = nets.face_like_network()
MODEL = Preprocess(small_model.SIZE, small_model.SIZE, "bgr", (90.0, 100.0, 110.0))
PNG = picture_files.plain_png()
PROTOTXT, LIST = "small/deploy.prototxt", "examples.jsonl"


def seed_environments(folder):
    """Two of the repository's environments, its register cut down to them, and its images."""
    register = 'reference = "local-reference-float64"\ndefault = "default"\n[groups]\n'
    for path in sorted((ROOT / "environments").glob("*.toml")):
        if path.stem in ("local-reference-float64", "pypi-pytorch-port"):
            shutil.copyfile(path, folder / path.name)
    groups = {name for one in read_environments(folder) for name in one.groups}
    register += "".join(f'{name} = "x"\n' for name in sorted({*groups, "default"}))
    rule = 'environment = "pypi-*"\nmodel = "*"\nreason = "x"\n'
    expected = 'example = "x-*"\nenvironment = "*"\nreason = "x"\nowner = "me"\nuntil = 2099-01-01\n'
    tables = f"[[include]]\n{rule}[[exclude]]\n{rule}[[expected]]\n{expected}"
    (folder / "matrix.toml").write_text(register + tables, encoding="utf-8")


def read_all_environments(folder):
    """What every run reads first."""
    environments = read_environments(folder)
    register = read_register(folder, environments)
    return select_environments(environments, register, "m")


def seed_recipes(folder):
    """The repository's images and Dockerfiles."""
    for path in sorted((ROOT / "dockerfiles").iterdir()):
        if path.is_file():
            shutil.copyfile(path, folder / path.name)


def seed_model(folder):
    """A whole model, with a table that fetches."""
    small_model.write_model(folder / "small", count=2)
    table, digest = folder / "small" / "model.toml", "ab" * 32
    fetch = f'[fetch.net]\nurl = "https://a/b.tar"\nsha256 = "{digest}"\n[fetch.net.take]\n"a/" = "b/"\n'
    table.write_text(table.read_text() + "[measured]\naccuracy = 0.5\n" + fetch)


def read_whole_model(folder):
    """What every verb with a model reads."""
    model = read_model(folder / "small")
    for path in model.witnesses.values():
        read_witnesses(path, model.network)
    return [read_examples(path, len(model.labels)) for path in model.examples.values()]


def read_description(folder):
    """A model's network."""
    return read_prototxt(folder / PROTOTXT)


def read_caffemodel(folder):
    """All parameters of a caffemodel."""
    path, network = folder / "small" / "net.caffemodel", read_description(folder)
    list(layer_spans(path))
    list_parameters(path, network)
    return dict(read_parameters(path, network))


def seed_witnesses(folder):
    """Witness files in both formats."""
    (folder / "leye_witness.txt").write_text("conv1_1,4,2,4\nfc6,7\npool3,1\n")
    (folder / "leye_neurons.txt").write_text("relu1_1->4,2\npool3->\nrelu6->7,\n")


def read_both_witnesses(folder):
    """Both."""
    return [read_witnesses(path, NETWORK) for path in sorted(folder.iterdir())]


def seed_list(folder):
    """A list of examples."""
    small_model.write_examples(folder, 4)
    text = (folder / "examples.jsonl").read_text().splitlines()
    first = {**json.loads(text[0]), "npy": "raw-rgb", "parameters": {"eps": 8}}
    (folder / "examples.jsonl").write_text("\n".join([json.dumps(first), *text[1:]]) + "\n")


def read_list(folder):
    """The bytes of all that it names."""
    return [read_file(one) for one in read_examples(folder / LIST, 6)]


def seed_faces(folder):
    """Pictures and an array with a CSV file beside them, and a folder whose names say everything."""
    for name in ("listed", "named"):
        (folder / name).mkdir()
    np.save(folder / "listed" / "b.npy", np.full((3, small_model.SIZE, small_model.SIZE), 7, np.float32))
    (folder / "listed" / "a.png").write_bytes(PNG)
    (folder / "listed" / "examples.csv").write_text("file,gold,attack,source\na.png,Bea,,\nb.npy,3,bim,a\n")
    (folder / "named" / "Bea_1_2_3_4_5.png").write_bytes(PNG)


def gather_faces(folder):
    """The examples of both."""
    places = [str(folder / name) for name in ("listed", "named")]
    cache = folder / "cache"
    return gather_examples(places, small_model.LABELS, MODEL, cache, read_hashes(cache), "raw-bgr")


def seed_pictures(folder):
    """Pictures of several kinds."""
    (folder / "a.png").write_bytes(PNG)
    (folder / "b.jpg").write_bytes(picture_files.encode())
    (folder / "c.jpg").write_bytes(picture_files.add_exif(picture_files.encode(progressive=True), 1))
    (folder / "d.png").write_bytes(picture_files.interlaced_png())


def decode_pictures(folder):
    """Pixels of all of them."""
    return [decode_image(path.read_bytes(), "pillow") for path in sorted(folder.iterdir())]


def seed_arrays(folder):
    """Arrays of several kinds."""
    for number, kind in enumerate((np.float32, np.uint8, np.float64)):
        np.save(folder / f"{number}.npy", np.ones((3, 4, 4), kind))


def decode_arrays(folder):
    """All of them, checked."""
    return [check_array(decode_array(path.read_bytes()), 4, 4) for path in sorted(folder.iterdir())]


def seed_landmarks(folder):
    """Landmarks of two images."""
    images = {name: Located(64, 64, portraits.place_marks()) for name in ("a.png", "b.png")}
    write_landmarks(Landmarks(folder / "landmarks.json", "dlib", images))


def read_all_landmarks(folder):
    """All of them, checked."""
    landmarks = read_landmarks(folder / "landmarks.json")
    for name, located in landmarks.images.items():
        check_inside(name, located)
    return landmarks


def seed_sets(folder):
    """Two extractions."""
    for number in (0, 1):
        records = witness_sets.make_records(witness_sets.draw_differences(number))
        write_set(folder / str(number), records, witness_sets.make_cell())


def compare_both_sets(folder):
    """One against the other."""
    return compare_sets(read_set(folder / "0"), read_set(folder / "1"))


def seed_dumps(folder):
    """One dump in each format, and names for it."""
    arrays = {"conv1_1": np.ones((6, 16, 16), np.float32), "x": np.linspace(0, 1, 12, dtype=np.float32)}
    np.savez(folder / "a.npz", **arrays)
    np.savez_compressed(folder / "b.npz", **arrays)
    np.save(folder / "fc7.npy", arrays["x"])
    savemat(folder / "c.mat", arrays, do_compression=True)
    savemat(folder / "d.mat", arrays)
    header = {"x": {"dtype": "F32", "shape": [12], "data_offsets": [0, 48]}}
    text = json.dumps(header).encode()
    data = len(text).to_bytes(8, "little") + text + arrays["x"].tobytes()
    (folder / "e.safetensors").write_bytes(data)
    (folder / "names.toml").write_text('fc6 = "x"\nlayout = "nchw"\n')


def tie_dumps(folder):
    """All of them, tied to the network's blobs."""
    shapes = {blob.name: blob.shape for blob in NETWORK.blobs[:-1]}
    targets = Targets(NETWORK, shapes, ("conv1_1",))
    known = {"plain/fc6": np.linspace(0, 1, 12), "plain/fc7": np.ones(12)}
    for path in sorted(folder.iterdir()):
        if path.suffix != ".toml":
            names = None if path.suffix == ".npy" else folder / "names.toml"
            tie_dump(path, read_dump(path), targets, known.get, names)


MODEL_FILES = tuple(
    f"small/{name}"
    for name in ("model.toml", "labels.txt", "witnesses/nose_witness.txt", "examples/examples.jsonl")
)
READERS = (
    Reader("environments", seed_environments, read_all_environments),
    Reader("recipes", seed_recipes, read_images),
    Reader("model", seed_model, read_whole_model, MODEL_FILES),
    Reader("prototxt", seed_model, read_description, (PROTOTXT,)),
    Reader("caffemodel", seed_model, read_caffemodel, ("small/net.caffemodel",)),
    Reader("witnesses", seed_witnesses, read_both_witnesses),
    Reader("list", seed_list, read_list, (LIST,)),
    Reader("faces", seed_faces, gather_faces),
    Reader("pictures", seed_pictures, decode_pictures),
    Reader("arrays", seed_arrays, decode_arrays),
    Reader("landmarks", seed_landmarks, read_all_landmarks),
    Reader("sets", seed_sets, compare_both_sets),
    Reader("dumps", seed_dumps, tie_dumps),
)
