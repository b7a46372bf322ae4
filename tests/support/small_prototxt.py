"""A small network, and the prototxt that says it."""

from harness.core.network import (
    Convolution,
    Dropout,
    InnerProduct,
    Pooling,
    Relu,
    Softmax,
    build_network,
)

NEWER = """name: "small"
input: "data"
input_dim: 10
input_dim: 3
input_dim: 8
input_dim: 6
layer {
  name: "conv1"
  type: "Convolution"
  bottom: "data"
  top: "conv1"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 }
}
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer {
  name: "pool1"
  type: "Pooling"
  bottom: "conv1"
  top: "pool1"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 }
}
layer { name: "fc2" type: "InnerProduct" bottom: "pool1" top: "fc2" inner_product_param { num_output: 5 } }
layer { name: "drop2" type: "Dropout" bottom: "fc2" top: "fc2" dropout_param { dropout_ratio: 0.5 } }
layer { name: "prob" type: "Softmax" bottom: "fc2" top: "prob" }
"""
SMALL = build_network(
    "small",
    "data",
    (3, 8, 6),
    [
        Convolution("conv1", "data", "conv1", 4, (3, 3), pad=(1, 1)),
        Relu("relu1", "conv1", "conv1"),
        Pooling("pool1", "conv1", "pool1", "max", (2, 2), (2, 2)),
        InnerProduct("fc2", "pool1", "fc2", 5),
        Dropout("drop2", "fc2", "fc2"),
        Softmax("prob", "fc2", "prob"),
    ],
)
