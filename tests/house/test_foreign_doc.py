"""docs/foreign.md: what its snippets dump is read, and tied by names."""

import re
from pathlib import Path

import nets
import numpy as np
import pytest
import small_model
from docker_runs import NeverStop, make_client

from harness.dumps.files import read_dump
from harness.dumps.targets import PARTS, Targets
from harness.dumps.tie import tie_dump
from harness.images.build import BuildOptions, build_image
from harness.images.recipes import read_images
from harness.model.caffemodel import write_caffemodel
from harness.model.prototxt import write_prototxt
from harness.system.cache import find_cache

FIXTURES = (make_client,)
ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "foreign.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^(\w+), (?:by|whose) [^\n]*\n\n```python\n(.*?)```", TEXT, re.MULTILINE | re.DOTALL)
NETWORK = nets.face_like_network()
TARGETS = Targets(NETWORK, {blob.name: blob.shape for blob in NETWORK.blobs[:-1]}, ())
INPUT = nets.random_inputs(NETWORK, 1)


def run(name, folder, monkeypatch, **given):
    """What a snippet's dump is tied to, and how."""
    monkeypatch.chdir(folder)
    exec(compile(dict(SNIPPETS)[name], f"docs/foreign.md, {name}", "exec"), {"numpy": np, **given})
    ties = tie_dump(folder / "dump.npz", read_dump(folder / "dump.npz"), TARGETS, lambda _: None)
    return {one.target: one for one in ties.tied.values() if one.how == "name"}


def test_every_framework_has_a_snippet():
    assert [name for name, _ in SNIPPETS] == ["PyTorch", "ONNX", "Keras", "pycaffe"]
    assert all(f"`{part}`" in TEXT for part in PARTS if part not in ("after", "sums"))


def make_module(torch, weights):
    """The network with modules by its layers' names."""
    layers = {}
    for layer in NETWORK.layers[:-1]:
        kind = type(layer).__name__
        if kind == "Convolution":
            layers[layer.name] = torch.nn.LazyConv2d(layer.num_output, 3, padding=1)
        elif kind == "Pooling":
            layers[layer.name] = torch.nn.MaxPool2d(2)
        elif kind == "Relu":
            layers[layer.name] = torch.nn.ReLU()
        else:
            layers |= {"flat": torch.nn.Flatten()} if "flat" not in layers else {}
            layers[layer.name] = torch.nn.LazyLinear(layer.num_output)
    model = torch.nn.Sequential()
    for name, module in layers.items():
        model.add_module(name, module)
    with torch.no_grad():
        model(torch.from_numpy(INPUT))
    model.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    return model


def test_pytorch_s(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    model = make_module(torch, nets.random_parameters(NETWORK))
    found = run("PyTorch", tmp_path, monkeypatch, model=model, batch=torch.from_numpy(INPUT), torch=torch)
    assert set(found) == {"input", *(f"plain/{blob}" for blob in [*nets.BLOBS, "fc8"])}
    assert found["plain/conv1_1"].name == "relu1_1"
    assert found["plain/fc8"].name in ("fc8", "logits")
    assert np.array_equal(found["input"].values, INPUT[0])


def test_onnx_s(tmp_path, monkeypatch):
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    weights = nets.random_parameters(NETWORK)
    initial = [onnx.numpy_helper.from_array(weights[f"conv1_1.{one}"], one) for one in ("weight", "bias")]
    nodes = [
        onnx.helper.make_node("Conv", ["data", "weight", "bias"], ["conv1_1"], pads=[1, 1, 1, 1]),
        onnx.helper.make_node("Relu", ["conv1_1"], ["relu1_1"]),
    ]
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("data", INPUT.shape), ("relu1_1", (1, 6, 16, 16)))
    ]
    graph = onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:], initial)
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), tmp_path / "model.onnx")
    given = {"onnx": onnx, "onnxruntime": onnxruntime, "batch": INPUT}
    found = run("ONNX", tmp_path, monkeypatch, **given)
    assert {target: one.name for target, one in found.items()} == {
        "input": "input",
        "plain/conv1_1": "relu1_1",
    }
    assert found["plain/conv1_1"].values.min() >= 0


@pytest.mark.docker
def test_pycaffe_s(tmp_path, client):
    network = small_model.vgg_face_network((4, 6, 8, 10, 12), size=32, fc=16, classes=6)
    (tmp_path / "deploy.prototxt").write_text(write_prototxt(network))
    write_caffemodel(tmp_path / "net.caffemodel", network, small_model.random_weights(network, 0))
    lines = ["import numpy, caffe", 'net = caffe.Net("deploy.prototxt", "net.caffemodel", caffe.TEST)']
    lines += ['net.blobs["data"].data[...] = 50', dict(SNIPPETS)["pycaffe"]]
    (tmp_path / "dump.py").write_text("\n".join(lines))
    options = BuildOptions(find_cache(ROOT), stop=NeverStop())
    image = build_image(client, read_images(ROOT / "dockerfiles")["caffe-openblas"], options, print)
    place = {str(tmp_path): {"bind": "/w", "mode": "rw"}}
    client.containers.run(image.id, ["python3", "dump.py"], volumes=place, working_dir="/w", remove=True)
    shapes = {blob.name: blob.shape for blob in network.blobs[:-1]}
    targets = Targets(network, shapes, ())
    ties = tie_dump(tmp_path / "dump.npz", read_dump(tmp_path / "dump.npz"), targets, lambda _: None)
    assert {one.target for one in ties.tied.values()} == {
        "input",
        *(f"plain/{one}" for one in list(shapes)[1:]),
    }
    assert (ties.tied["input"].values == 50).all()


def test_the_page_is_linked():
    assert "docs/foreign.md" in (ROOT / "README.md").read_text(encoding="utf-8")
