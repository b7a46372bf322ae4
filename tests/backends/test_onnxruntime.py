"""What only the ONNX Runtime backend does: cut spans into sessions and hand parameters over in memory."""

import numpy as np
import pytest
from nets import face_like_network, random_inputs, random_parameters

from harness.backends import Settings
from harness.core.activations import expose_activations
from harness.core.errors import InputError

pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed", exc_type=ImportError)
pytest.importorskip("onnx", reason="ONNX is not installed", exc_type=ImportError)
from harness.backends import onnxruntime
from harness.backends.onnx_graph import build_model

NETWORK = face_like_network()


def name_pieces(network, start, stop):
    return [[blob.name for blob in piece] for piece in onnxruntime.cut_span(network.span(start, stop))]


def test_inner_products_stand_alone_and_convolutions_together():
    convolutions = ["conv1_1", "conv2_2", "pool3", "conv4_1"]
    assert name_pieces(NETWORK, "data", "prob") == [convolutions, ["fc6"], ["fc7"], ["fc8"], ["prob"]]
    assert name_pieces(NETWORK, "pool3", "fc6") == [["conv4_1"], ["fc6"]]
    exposed = expose_activations(NETWORK)
    assert name_pieces(exposed, "relu4_1", "fc7") == [["fc6"], ["relu6"], ["fc7"]]


def test_spans_over_an_inner_product_share_its_session():
    executor = onnxruntime.load(NETWORK, random_parameters(NETWORK), Settings())
    inputs = executor.to_native(random_inputs(NETWORK, 2))
    executor.forward(inputs, "data", "fc8")
    middle = executor.forward(inputs, "data", "pool3")
    executor.forward(middle, "pool3", "fc8")
    spans = sorted(executor._sessions)
    assert [span for span in spans if span[1].startswith("fc")] == [
        ("conv4_1", "fc6"),
        ("fc6", "fc7"),
        ("fc7", "fc8"),
    ]
    assert len(spans) == 6


def test_models_hold_no_parameters():
    """Stored in it, VGG-Face's would be copied and, in larger networks, pass a model's 2 GB."""
    model = build_model(NETWORK.input, NETWORK.span("data", "fc8"), "nowhere")
    assert len(model.SerializeToString()) < 10_000
    assert {tensor.name for tensor in model.graph.initializer} == set(NETWORK.parameter_shapes())


def test_parameters_may_be_dropped_by_whoever_loaded_them():
    """Sessions read an InnerProduct's parameters where they are, so the executor keeps them alive."""
    weights = random_parameters(NETWORK)
    executor = onnxruntime.load(NETWORK, dict(weights), Settings())
    inputs = executor.to_native(random_inputs(NETWORK, 1))
    first = executor.forward(inputs, "data", "fc8")
    weights.clear()
    ballast = [np.full(100_000, np.nan, np.float32) for _ in range(50)]
    assert (executor.forward(inputs, "data", "fc8") == first).all()
    assert len(ballast) == 50


def test_a_provider_that_does_not_start_is_refused(monkeypatch):
    """A CUDA build without a GPU falls back to the processor and only warns."""
    monkeypatch.setattr(onnxruntime.onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(
        onnxruntime.onnxruntime.InferenceSession, "get_providers", lambda _: ["CPUExecutionProvider"]
    )
    monkeypatch.setattr(onnxruntime, "PROVIDER_OPTIONS", {"cuda": {}})
    executor = onnxruntime.load(NETWORK, random_parameters(NETWORK), Settings(device="cuda"))
    inputs = executor.to_native(random_inputs(NETWORK, 1))
    with pytest.raises(InputError, match="does not start"), pytest.warns(UserWarning, match="CUDA"):
        executor.forward(inputs, "data", "fc8")
