"""Model folders: what `model.toml` may say, and what must be there."""

from pathlib import Path

import pytest
from model_folders import NETWORK, TABLE, make_folder

from harness.ami.port import ATTRIBUTES
from harness.core.arrays import Preprocess
from harness.core.errors import InputError
from harness.model.folder import MODELS, read_model


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "small")


def test_a_whole_model(folder):
    model = read_model(folder)
    assert (model.name, model.folder, model.network) == ("small", folder, NETWORK)
    assert model.labels == ("Ana", "Bea", "Cécile Ø", "Dora")
    assert (model.prototxt, model.caffemodel) == (folder / "deploy.prototxt", folder / "net.caffemodel")
    assert model.preprocess == Preprocess(32, 32, "bgr", (93.594, 104.7624, 129.1863), 1.0, "bicubic")
    assert model.witnesses == {name: folder / f"witnesses/{name}_witness.txt" for name in ATTRIBUTES}
    assert model.examples == {"default": folder / "examples/examples.jsonl"}
    assert model.measured == {"accuracy": 0.97}


def test_places_of_a_model(folder, monkeypatch):
    for place in (folder, str(folder), folder / "model.toml"):
        assert read_model(place).name == "small"
    monkeypatch.setattr("harness.model.folder.MODELS", folder.parent)
    monkeypatch.chdir(folder)
    assert read_model("small").folder == folder
    with pytest.raises(InputError, match="no such model; there are small"):
        read_model("smal")
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr("harness.model.folder.MODELS", folder)
    assert read_model("small").folder == Path("small")


def test_files_handed_in_replace_those_of_the_table(folder, tmp_path):
    other = make_folder(tmp_path / "other")
    for name in ("deploy.prototxt", "net.caffemodel", "labels.txt"):
        (folder / name).unlink()
    for attribute in ATTRIBUTES:
        (folder / f"witnesses/{attribute}_witness.txt").unlink()
    model = read_model(
        folder,
        prototxt=other / "deploy.prototxt",
        caffemodel=other / "net.caffemodel",
        labels=other / "labels.txt",
        witnesses=other / "witnesses",
    )
    assert model.folder == folder
    assert model.caffemodel == other / "net.caffemodel"
    assert model.witnesses["nose"] == other / "witnesses/nose_witness.txt"


def test_witness_files_named_as_in_the_port_are_found(folder, tmp_path):
    (tmp_path / "port").mkdir()
    for attribute in ATTRIBUTES:
        (tmp_path / "port" / f"{attribute}_neurons.txt").write_text("relu2_2->1\n")
    model = read_model(folder, witnesses=tmp_path / "port")
    assert model.witnesses["leye"] == tmp_path / "port/leye_neurons.txt"


def test_absent_files_are_asked_for_by_option(folder):
    for name in ("deploy.prototxt", "net.caffemodel"):
        (folder / name).unlink()
    with pytest.raises(InputError, match="--prototxt PATH and --caffemodel PATH") as caught:
        read_model(folder)
    assert str(folder / "net.caffemodel") in str(caught.value)
    assert "--labels" not in str(caught.value)


def test_absent_witnesses(folder):
    (folder / "witnesses/nose_witness.txt").unlink()
    with pytest.raises(InputError, match=r"witnesses of nose .*nose_witness\.txt expected.*--witnesses"):
        read_model(folder)
    assert sorted(read_model(folder, need_witnesses=False).witnesses) == ["leye", "mouth", "reye"]


def test_a_model_may_have_no_witnesses_yet(folder):
    table = TABLE[: TABLE.index("[witnesses]")] + TABLE[TABLE.index("[preprocess]") :]
    (folder / "model.toml").write_text(table)
    assert read_model(folder, need_witnesses=False).witnesses == {}
    with pytest.raises(InputError, match="no witnesses of leye"):
        read_model(folder)


@pytest.mark.parametrize(("text", "count"), [("Ana\nBea\nCea\n", 3), ("a\nb\nc\nd\ne", 5), ("", 0)])
def test_labels_must_match_the_classes(folder, text, count):
    (folder / "labels.txt").write_text(text)
    with pytest.raises(InputError, match=rf"labels\.txt: has {count} labels, network .* has 4 classes"):
        read_model(folder)


def test_labels_must_be_text(folder):
    (folder / "labels.txt").write_bytes(b"\xff\xfe\n\n\n")
    with pytest.raises(InputError, match=r"labels\.txt: is in UTF-16; save it as UTF-8"):
        read_model(folder)


BAD = {
    "syntax": ("height = 32", "height = ", "line 14"),
    "missing": ('name = "small"\n', "", "name: is missing; add it"),
    "unknown": (
        'name = "small"',
        'name = "small"\ncolour = 1',
        "colour: unknown key; there are name, description,",
    ),
    "unknown table": ("[measured]", "[measure]", "measure: unknown key; there are .*measured"),
    "unknown option": (
        "height = 32",
        "height = 32\nscael = 1",
        r"model\.toml:15: preprocess\.scael: unknown key; .*scale, resize",
    ),
    "unknown attribute": (
        "nose =",
        "ear =",
        r"witnesses\.nose: is missing; add it; .*witnesses\.ear: unknown key",
    ),
    "type": ("height = 32", 'height = "tall"', r"preprocess\.height = .*integer"),
    "order": ('"bgr"', '"gbr"', r"preprocess\.channel_order = .*'bgr' or 'rgb'"),
    "mean": ("mean = [93.5940, ", "mean = [", r"preprocess\.mean"),
    "infinite mean": ("mean = [93.5940, ", "mean = [inf, ", "inf is no finite number"),
    "kernel": ("[examples]", 'resize = "cubic"\n[examples]', r"preprocess\.resize = .*'bicubic'"),
    "size": ("height = 32", "height = 64", r"makes \(3, 64, 32\), network .* takes \(3, 32, 32\)"),
}


@pytest.mark.parametrize(("old", "new", "reason"), BAD.values(), ids=BAD.keys())
def test_bad_tables_are_refused_with_file_and_key(folder, old, new, reason):
    assert old in TABLE
    (folder / "model.toml").write_text(TABLE.replace(old, new))
    with pytest.raises(InputError, match=reason) as caught:
        read_model(folder)
    assert "model.toml" in str(caught.value)


FILES = ("deploy.prototxt", "net.caffemodel", "labels.txt", "witnesses/nose_witness.txt", "model.toml")


@pytest.mark.parametrize("name", [*FILES, "witnesses"])
def test_nothing_in_a_model_is_a_link(folder, tmp_path, name):
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    place = name.replace("/", ".")
    with pytest.raises(InputError, match=rf"small.{place}: is a link; put the file itself there"):
        read_model(folder)


def test_a_model_may_lie_behind_a_link(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert read_model(tmp_path / "link").folder == tmp_path / "link"
    (tmp_path / "model.toml").symlink_to(folder / "model.toml")
    assert read_model(tmp_path / "model.toml").folder == folder


@pytest.mark.parametrize("name", FILES[:-1])
@pytest.mark.parametrize("place", ["/etc/hostname", "../secret", "a/../../secret"])
def test_a_table_names_files_of_its_own_folder_alone(folder, tmp_path, name, place):
    (tmp_path / "secret").write_text("a\nb\nc\nd\n")
    (folder / "model.toml").write_text(TABLE.replace(f'"{name}"', f'"{place}"'))
    with pytest.raises(InputError, match=r"model\.toml: \w+: .* lies outside .*, or hand it in with --"):
        read_model(folder)


def test_a_name_that_no_file_can_have_is_absent(folder):
    long = "n" * 300
    for name in (long, f"{long}/a", "a\\u0000b"):
        (folder / "model.toml").write_text(TABLE.replace("labels.txt", name))
        with pytest.raises(InputError, match="no labels at"):
            read_model(folder)
    with pytest.raises(InputError, match="no such model"):
        read_model(long)


def test_every_bundled_table_is_sound():
    tables = sorted(MODELS.glob("*/model.toml"))
    assert MODELS / "vgg-face/model.toml" in tables
    for table in tables:
        try:
            read_model(table.parent.name)
        except InputError as error:
            # A bundled model may lack what is published elsewhere, never anything in its table.
            assert "put the files there, or hand them in" in str(error)  # noqa: PT017


def test_vgg_face_takes_published_files(tmp_path):
    make_folder(tmp_path / "small")
    with pytest.raises(InputError, match=r"--prototxt PATH and --caffemodel PATH and --labels PATH"):
        read_model("vgg-face", witnesses=tmp_path / "small/witnesses")
