"""The part of Caffe's protobuf schema that VGG-like networks need, built at run time.

Names and numbers are those of Caffe 1.0's `src/caffe/proto/caffe.proto`, which fixes the file format.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "caffe"

# Each enum lives in a message of its own, so that two may share a value's name.
ENUMS = {
    "Phase": "TRAIN=0 TEST=1",
    "Engine": "DEFAULT=0 CAFFE=1 CUDNN=2",
    "PoolMethod": "MAX=0 AVE=1 STOCHASTIC=2",
    "RoundMode": "CEIL=0 FLOOR=1",
    "NormRegion": "ACROSS_CHANNELS=0 WITHIN_CHANNEL=1",
    "VarianceNorm": "FAN_IN=0 FAN_OUT=1 AVERAGE=2",
    "DimCheckMode": "STRICT=0 PERMISSIVE=1",
    "Normalization": "FULL=0 VALID=1 BATCH_SIZE=2 NONE=3",
    "Database": "LEVELDB=0 LMDB=1",
    "LayerType": (
        "NONE=0 ACCURACY=1 BNLL=2 CONCAT=3 CONVOLUTION=4 DATA=5 DROPOUT=6 EUCLIDEAN_LOSS=7 FLATTEN=8 "
        "HDF5_DATA=9 HDF5_OUTPUT=10 IM2COL=11 IMAGE_DATA=12 INFOGAIN_LOSS=13 INNER_PRODUCT=14 LRN=15 "
        "MULTINOMIAL_LOGISTIC_LOSS=16 POOLING=17 RELU=18 SIGMOID=19 SOFTMAX=20 SOFTMAX_LOSS=21 SPLIT=22 "
        "TANH=23 WINDOW_DATA=24 ELTWISE=25 POWER=26 SIGMOID_CROSS_ENTROPY_LOSS=27 HINGE_LOSS=28 "
        "MEMORY_DATA=29 ARGMAX=30 THRESHOLD=31 DUMMY_DATA=32 SLICE=33 MVN=34 ABSVAL=35 SILENCE=36 "
        "CONTRASTIVE_LOSS=37 EXP=38 DECONVOLUTION=39"
    ),
}

# One line a field: NUMBER NAME TYPE, a star for repeated, `=VALUE` for a default, then what becomes of it
# when a network is read: `ignored` (matters to training only), `only VALUE` (anything else is refused), or
# nothing: it is used.
MESSAGES = {
    "BlobShape": "1 dim int64*",
    "BlobProto": """
        1 num int32
        2 channels int32
        3 height int32
        4 width int32
        5 data float*
        6 diff float*
        7 shape BlobShape
        8 double_data double*
        9 double_diff double*
    """,
    "NetParameter": """
        1 name string
        2 layers V1LayerParameter*
        3 input string*
        4 input_dim int32*
        5 force_backward bool ignored
        6 state NetState ignored
        7 debug_info bool ignored
        8 input_shape BlobShape*
        100 layer LayerParameter*
    """,
    "NetState": """
        1 phase Phase
        2 level int32
        3 stage string*
    """,
    "NetStateRule": """
        1 phase Phase
        2 min_level int32
        3 max_level int32
        4 stage string*
        5 not_stage string*
    """,
    "ParamSpec": """
        1 name string
        2 share_mode DimCheckMode
        3 lr_mult float
        4 decay_mult float
    """,
    "FillerParameter": """
        1 type string
        2 value float
        3 min float
        4 max float
        5 mean float
        6 std float
        7 sparse int32
        8 variance_norm VarianceNorm
    """,
    "LayerParameter": """
        1 name string
        2 type string
        3 bottom string*
        4 top string*
        5 loss_weight float* ignored
        6 param ParamSpec* ignored
        7 blobs BlobProto*
        8 include NetStateRule*
        9 exclude NetStateRule*
        10 phase Phase ignored
        11 propagate_down bool* ignored
        100 transform_param TransformationParameter ignored
        101 loss_param LossParameter ignored
        102 accuracy_param AccuracyParameter ignored
        106 convolution_param ConvolutionParameter
        107 data_param DataParameter ignored
        108 dropout_param DropoutParameter
        112 hdf5_data_param HDF5DataParameter ignored
        115 image_data_param ImageDataParameter ignored
        117 inner_product_param InnerProductParameter
        118 lrn_param LRNParameter
        119 memory_data_param MemoryDataParameter ignored
        121 pooling_param PoolingParameter
        123 relu_param ReLUParameter
        125 softmax_param SoftmaxParameter
        143 input_param InputParameter
    """,
    "V1LayerParameter": """
        2 bottom string*
        3 top string*
        4 name string
        5 type LayerType
        6 blobs BlobProto*
        7 blobs_lr float* ignored
        8 weight_decay float* ignored
        10 convolution_param ConvolutionParameter
        11 data_param DataParameter ignored
        12 dropout_param DropoutParameter
        13 hdf5_data_param HDF5DataParameter ignored
        15 image_data_param ImageDataParameter ignored
        17 inner_product_param InnerProductParameter
        18 lrn_param LRNParameter
        19 pooling_param PoolingParameter
        22 memory_data_param MemoryDataParameter ignored
        27 accuracy_param AccuracyParameter ignored
        30 relu_param ReLUParameter
        32 include NetStateRule*
        33 exclude NetStateRule*
        35 loss_weight float* ignored
        36 transform_param TransformationParameter ignored
        39 softmax_param SoftmaxParameter
        42 loss_param LossParameter ignored
        1001 param string* ignored
        1002 blob_share_mode DimCheckMode* ignored
    """,
    "InputParameter": "1 shape BlobShape*",
    "ConvolutionParameter": """
        1 num_output uint32
        2 bias_term bool =true
        3 pad uint32*
        4 kernel_size uint32*
        5 group uint32 =1
        6 stride uint32*
        7 weight_filler FillerParameter ignored
        8 bias_filler FillerParameter ignored
        9 pad_h uint32
        10 pad_w uint32
        11 kernel_h uint32
        12 kernel_w uint32
        13 stride_h uint32
        14 stride_w uint32
        15 engine Engine ignored
        16 axis int32 only 1
        17 force_nd_im2col bool ignored
        18 dilation uint32*
    """,
    "InnerProductParameter": """
        1 num_output uint32
        2 bias_term bool =true
        3 weight_filler FillerParameter ignored
        4 bias_filler FillerParameter ignored
        5 axis int32 only 1
        6 transpose bool only false
    """,
    "PoolingParameter": """
        1 pool PoolMethod
        2 kernel_size uint32
        3 stride uint32
        4 pad uint32
        5 kernel_h uint32
        6 kernel_w uint32
        7 stride_h uint32
        8 stride_w uint32
        9 pad_h uint32
        10 pad_w uint32
        11 engine Engine ignored
        12 global_pooling bool
        13 round_mode RoundMode only CEIL
    """,
    "ReLUParameter": """
        1 negative_slope float
        2 engine Engine ignored
    """,
    "LRNParameter": """
        1 local_size uint32 =5
        2 alpha float =1
        3 beta float =0.75
        4 norm_region NormRegion only ACROSS_CHANNELS
        5 k float =1
        6 engine Engine ignored
    """,
    "DropoutParameter": """
        1 dropout_ratio float ignored
        2 scale_train bool only true
    """,
    "SoftmaxParameter": """
        1 engine Engine ignored
        2 axis int32 only 1
    """,
    "AccuracyParameter": """
        1 top_k uint32
        2 axis int32
        3 ignore_label int32
    """,
    "LossParameter": """
        1 ignore_label int32
        2 normalize bool
        3 normalization Normalization
    """,
    "TransformationParameter": """
        1 scale float
        2 mirror bool
        3 crop_size uint32
        4 mean_file string
        5 mean_value float*
        6 force_color bool
        7 force_gray bool
    """,
    "DataParameter": """
        1 source string
        2 scale float
        3 mean_file string
        4 batch_size uint32
        5 crop_size uint32
        6 mirror bool
        7 rand_skip uint32
        8 backend Database
        9 force_encoded_color bool
        10 prefetch uint32
    """,
    "ImageDataParameter": """
        1 source string
        2 scale float
        3 mean_file string
        4 batch_size uint32
        5 crop_size uint32
        6 mirror bool
        7 rand_skip uint32
        8 shuffle bool
        9 new_height uint32
        10 new_width uint32
        11 is_color bool
        12 root_folder string
    """,
    "HDF5DataParameter": """
        1 source string
        2 batch_size uint32
        3 shuffle bool
    """,
    "MemoryDataParameter": """
        1 batch_size uint32
        2 channels uint32
        3 height uint32
        4 width uint32
    """,
}


def table_rows(message: str) -> list[list[str]]:
    """The lines of one message's table, split into words."""
    return [line.split() for line in MESSAGES[message].strip().splitlines()]


@cache
def ignored_fields(message: str) -> frozenset[str]:
    """Fields of a message that matter to training only."""
    return frozenset(row[1] for row in table_rows(message) if row[-1] == "ignored")


@cache
def fixed_fields(message: str) -> dict[str, str]:
    """Fields of a message that may hold one value only, as that value is written in a prototxt."""
    return {row[1]: row[-1] for row in table_rows(message) if "only" in row}


@cache
def message_class(name: str) -> Any:
    """Message class of the schema: `NetParameter`, `LayerParameter` and so on."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(describe_file())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))


def describe_file() -> Any:
    """The whole schema as a file descriptor."""
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package=PACKAGE, syntax="proto2")
    for name, values in ENUMS.items():
        enum = file.message_type.add(name=name).enum_type.add(name="Value")
        for value in values.split():
            label, number = value.split("=")
            enum.value.add(name=label, number=int(number))
    for name in MESSAGES:
        message = file.message_type.add(name=name)
        for row in table_rows(name):
            describe_field(message.field.add(), row)
    return file


def describe_field(field: Any, row: list[str]) -> None:
    """Fill in one field's descriptor from its line of the table."""
    number, field.name, type_name = int(row[0]), row[1], row[2]
    field.number = number
    repeated = type_name.endswith("*")
    type_name = type_name.rstrip("*")
    field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
    if type_name in ENUMS:
        field.type, field.type_name = field.TYPE_ENUM, f".{PACKAGE}.{type_name}.Value"
    elif type_name in MESSAGES:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{PACKAGE}.{type_name}"
    else:
        field.type = getattr(field, f"TYPE_{type_name.upper()}")
        # Only shapes and parameters are packed in Caffe's files; fields read from text have no wire form.
        field.options.packed = repeated and type_name in {"int64", "float", "double"}
    field.default_value = next((word[1:] for word in row if word.startswith("=")), "")
    if not field.default_value:
        field.ClearField("default_value")
