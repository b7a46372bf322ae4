"""Faults of the network, its parameters, and the list of labels."""

from dataclasses import replace

from faults.planting import Edit, Fault
from faults.project import LABEL_NAMES
from harness.explain.known import sort_labels

REFERENCE = "backends/reference.py"
LOADED = "return ReferenceExecutor(network, weights, settings.precision)"
PRODUCT = "np.matmul(value.reshape(len(value), -1), weight.T)"
PIXELS = "(value.transpose(0, 2, 3, 1) if value.ndim == 4 else value).reshape(len(value), -1)"
GOLD = '"gold": example.gold,'
BATCHES = "for batch in batches[done:]:"
BITS = "array.view(np.uint32)"


def change_weights(name, code, **more):
    """A fault of the parameters, as an expression of the `name` and the `array` of each."""
    made = f"{{name: np.ascontiguousarray({code}, np.float32) for name, array in weights.items()}}"
    edit = Edit(REFERENCE, LOADED, LOADED.replace("weights", made))
    return Fault(name, ("weights",), (edit,), **more)


def locate_weights(name, stage, code, **more):
    """The same of parameters that nobody has elsewhere: the first layer that has them is to be found."""
    return replace(change_weights(name, code), stage=stage, **more)


def change_gold(name, code, **more):
    """A fault of the list of labels, as an expression of the class that the right one gives."""
    return Fault(name, ("labels",), (Edit("worker/tasks/judge.py", GOLD, f'"gold": {code},'),), **more)


WEIGHTS = (
    change_weights("weights in float16", "array.astype(np.float16)", value="float16", examples="ties"),
    change_weights(
        "weights in bfloat16",
        f"(({BITS} + 0x7FFF + (({BITS} >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)",
        value="bfloat16",
        examples="ties",
    ),
    change_weights("no biases", "array * (0 if name.endswith('.bias') else 1)", value="0"),
    change_weights("fc transposed", "array.T.reshape(array.shape) if array.ndim == 2 else array"),
)
FOREIGN = (
    locate_weights(
        "one layer stale",
        "plain conv4_2",
        "array + (0.3 * array.std() * np.random.default_rng(3).normal(size=array.shape)"
        " if name == 'conv4_2.weight' else 0)",
        value="with others",
    ),
    locate_weights(
        "a channel negated",
        "plain conv3_1",
        "array * np.float32(-1) ** (np.arange(len(array)) == 4).reshape(-1, *[1] * (array.ndim - 1))"
        " if name.startswith('conv3_1.') else array",
        value="with weights negated in outputs 4",
    ),
    locate_weights(
        "another file",
        "plain conv1_1",
        "np.random.default_rng(7).permutation(array) if array.ndim > 1 else array",
        verdicts=("consistent",),
    ),
)
"""Parameters that are on no side of a run: they are solved from what a trace has, as far as it tells."""
WEIGHT = "filters = weight.reshape(layer.group"
PADDED = "padded = np.pad(value, ((0, 0)"
POOLED = "        top /= average_divisors(layer, value.shape[1:]).astype(value.dtype)\n    return top"
TEN_BITS = "(np.ascontiguousarray(value).view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)"
HALVES = "weight.astype(np.float16).astype(np.float32)"
HALF = f"value, weight = (value.astype(np.float16).astype(np.float32), {HALVES})"
ARITHMETIC = (
    Fault(
        "convolutions in ten bits",
        ("precision",),
        (Edit(REFERENCE, PADDED, PADDED.replace("value", TEN_BITS)),),
        value="tf32 inputs",
        examples="ties",
    ),
    Fault(
        "one layer in half precision",
        ("precision",),
        (Edit(REFERENCE, WEIGHT, f'if layer.name == "conv3_2":\n        {HALF}\n    {WEIGHT}'),),
        value="float16",
        examples="ties",
    ),
    Fault(
        "pools cut off",
        ("pooling",),
        (
            Edit(
                REFERENCE,
                POOLED,
                POOLED.replace("return top", "top[:, :, top.shape[2] - (below > 0) :] = 0\n    return top"),
            ),
        ),
        stage="plain pool3",
        verdicts=("consistent",),
    ),
)
DROPPED = "return value.copy()"
KEPT = "2 * np.random.default_rng().integers(0, 2, value.shape)"
NETWORKS = (
    *WEIGHTS,
    *FOREIGN,
    *ARITHMETIC,
    Fault(
        "flattened pixel by pixel",
        ("flatten",),
        (Edit(REFERENCE, PRODUCT, PRODUCT.replace("value.reshape(len(value), -1)", PIXELS)),),
        value="nhwc",
    ),
    Fault(
        "dropout left on",
        ("nondeterminism",),
        (Edit(REFERENCE, DROPPED, f"return np.array({KEPT} * value, value.dtype)"),),
        verdicts=("proven", "consistent"),  # a die may show the same tuple twice
    ),
    change_gold("labels from 1", "example.gold + 1", value=1),
    change_gold("labels sorted", f"{sort_labels(LABEL_NAMES)!r}[example.gold]", value="sorted"),
)
HARMLESS_NETWORKS = (
    Fault(
        "batches backwards",
        ("file-bytes",),
        (Edit("worker/tasks/judge.py", BATCHES, BATCHES[:-1] + "[::-1]:"),),
    ),
)
