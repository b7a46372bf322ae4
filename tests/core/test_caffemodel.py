"""Layers of a caffemodel, found without reading their parameters."""

import pytest
from caffe_files import MESSAGES, WEIGHTS, newer_message, write_bytes

from harness.core.caffemodel import layer_bytes, layer_spans
from harness.core.errors import InputError
from harness.model.schema import message_class


@pytest.mark.parametrize("form", MESSAGES)
def test_spans_are_one_layer_caffemodels(tmp_path, form):
    data = MESSAGES[form](WEIGHTS).SerializeToString()
    path = write_bytes(tmp_path, data)
    spans = [span for span in layer_spans(path) if span.name != "data"]
    assert [(span.name, span.form) for span in spans] == [
        (name, {"newer": "layer", "older": "layers"}[form]) for name in ("conv", "relu", "fc")
    ]
    for span in spans:
        alone = layer_bytes(path, span.name)
        assert alone == data[span.offset : span.offset + span.length]
        message = message_class("NetParameter").FromString(alone)
        assert [layer.name for layer in (*message.layer, *message.layers)] == [span.name]
        assert (message.layer or message.layers)[0].SerializeToString() == data[
            span.body : span.offset + span.length
        ]


def test_layer_bytes_wants_exactly_one_layer(tmp_path):
    message = newer_message(WEIGHTS)
    message.layer.add(name="relu", type="ReLU")
    path = write_bytes(tmp_path, message.SerializeToString())
    for name, count in (("absent", 0), ("relu", 2)):
        with pytest.raises(InputError, match=f"{count} layers are named '{name}'"):
            layer_bytes(path, name)


def test_a_layer_without_parameters_may_have_the_name_of_one_with_some(tmp_path):
    message = newer_message(WEIGHTS)
    message.layer[2].name = "conv"
    path = write_bytes(tmp_path, message.SerializeToString())
    alone = message_class("NetParameter").FromString(layer_bytes(path, "conv"))
    assert [(layer.type, len(layer.blobs)) for layer in alone.layer] == [("Convolution", 2)]
