"""Kinds of faults of the network, its parameters, and the list of labels, drawn."""

from dataclasses import replace

from faults.models import list_names
from faults.networks import BITS, GOLD, LOADED, PADDED, PIXELS, PRODUCT, REFERENCE, WEIGHT
from faults.place import JUDGE, edit
from harness.core.network import Convolution, InnerProduct
from harness.explain.known import sort_labels

STEPPED = """            for layer in blob.layers:
                value = compute_layer(layer, value, self._find_parameters(layer.name))
"""
MULTIPLIED = """        top += bias
    return top


def rectify"""
TWICE = MULTIPLIED.replace("return top", "return np.exp(top - top.max()) if _layer.name == 'fc8' else top")


def change_parameters(code, **more):
    """A fault of all parameters, as an expression of the `name` and the `array` of each."""
    made = f"{{name: np.ascontiguousarray({code}, np.float32) for name, array in weights.items()}}"
    return edit("weights", (REFERENCE, LOADED, LOADED.replace("weights", made)), examples="ties", **more)


def change_layer(layer, code, **more):
    """A fault of one layer's weights, and biases where the `name` is not asked for."""
    fault = change_parameters(f"{code} if name.startswith('{layer}.') else array", **more)
    return replace(fault, stage=f"plain {layer}")


def break_blob(blob, code, **more):
    """A fault that is in no catalogue: what a layer gives is changed, as an expression of `value`."""
    new = STEPPED + f"            if blob.name == {blob!r}:\n                value = {code}\n"
    return edit((), (REFERENCE, STEPPED, new), stage=f"plain {blob}", verdicts=("unknown",), **more)


def draw_cast(place):
    """Parameters of half precision."""
    kind = place.choose(["float16", "bfloat16"])
    brain = f"(({BITS} + 0x7FFF + (({BITS} >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)"
    return change_parameters("array.astype(np.float16)" if kind == "float16" else brain, value=kind)


def draw_stale(place):
    """A layer of an earlier day."""
    layer, seed = place.choose(place.layers(Convolution, InnerProduct)), int(place.rng.integers(1 << 30))
    size = place.number(0.05, 1)
    noise = f"{size} * array.std() * np.random.default_rng({seed}).normal(size=array.shape)"
    return change_layer(layer, f"array + {noise} * name.endswith('.weight')")


def draw_unbiased(place):
    """A layer without its biases."""
    layer = place.choose(place.layers(Convolution, InnerProduct))
    return change_layer(layer, "array * (0 if name.endswith('.bias') else 1)")


def draw_negated(place):
    """A channel of a layer negated."""
    layer, channel = place.choose(place.layers(Convolution)), int(place.rng.integers(1000))
    sign = f"(np.arange(len(array)) == {channel} % len(array)).reshape(-1, *[1] * (array.ndim - 1))"
    return change_layer(layer, f"array * np.float32(-1) ** {sign}")


def draw_turned(place):
    """A layer's kernels in another order of their places, inputs or outputs."""
    layer = place.choose(place.layers(Convolution))
    codes = ("array[..., ::-1, ::-1]", "array.swapaxes(-1, -2)", "array[:, ::-1]", "array[::-1]")
    return change_layer(layer, f"({place.choose(codes)} if array.ndim == 4 else array)")


def draw_neighbour(place):
    """A layer with the parameters of another of its shape."""
    shapes = place.recipe.network.parameter_shapes()
    twins = [
        (one, other)
        for one in place.layers(Convolution, InnerProduct)
        for other in place.layers(Convolution, InnerProduct)
        if one != other and shapes[f"{one}.weight"] == shapes[f"{other}.weight"]
    ]
    layer, other = place.choose(twins)
    return change_layer(layer, f"weights['{other}.' + name.rpartition('.')[2]]")


def draw_half_layer(place):
    """A layer that computes in half precision."""
    layer = place.choose(place.layers(Convolution))
    half = "value, weight = (one.astype(np.float16).astype(np.float32) for one in (value, weight))"
    new = f'if layer.name == "{layer}":\n        {half}\n    {WEIGHT}'
    return edit("precision", (REFERENCE, WEIGHT, new), value="float16", examples="ties")


def draw_tens(_place):
    """Convolutions of which the inputs have ten bits."""
    bits = "(np.ascontiguousarray(value).view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)"
    edits = (REFERENCE, PADDED, PADDED.replace("value", bits))
    return edit("precision", edits, value="tf32 inputs", examples="ties")


def draw_dropout(place):
    """Dropout that was left on."""
    rate = float(f"{place.rng.uniform(0.05, 0.6):.2g}")
    kept = f"(np.random.default_rng().random(value.shape) >= {rate}) / {1 - rate:.3g}"
    new = f"return np.array({kept} * value, value.dtype)"
    return edit("nondeterminism", (REFERENCE, "return value.copy()", new), verdicts=("proven", "consistent"))


def draw_pad(place):
    """A convolution that pads one side too much and the other too little."""
    layer, axis = place.choose(place.layers(Convolution)), place.choose((-1, -2))
    new = f'if layer.name == "{layer}":\n        value = np.roll(value, 1, {axis})\n    {PADDED}'
    more = {"stage": f"plain {layer}", "verdicts": ("unknown",)}
    return edit((), (REFERENCE, PADDED, new), **more)


def draw_activation(place):
    """A channel of a blob negated behind its ReLU."""
    blob, channel = place.choose(place.layers(Convolution)), int(place.rng.integers(1000))
    sign = f"(np.arange(value.shape[1]) == {channel} % value.shape[1])[None, :, None, None]"
    return break_blob(blob, f"value * np.where({sign}, np.float32(-1), np.float32(1))")


def draw_clipped(place):
    """A blob that is clipped."""
    blob, share = place.choose(place.layers(Convolution)), float(f"{place.rng.uniform(0.7, 0.98):.3g}")
    return break_blob(blob, f"np.minimum(value, np.quantile(value, {share}).astype(value.dtype))")


def draw_mixed(place):
    """A blob of which each picture has its neighbour's in the batch."""
    blob = place.choose(place.layers(Convolution, InnerProduct)[:-1])
    return break_blob(blob, "np.roll(value, 1, 0)")


def draw_labels(place):
    """A list of labels that begins elsewhere, or is sorted."""
    shift = place.choose([1, 1, -1, "sorted"])
    order = sort_labels(list_names(place.recipe))
    code = f"{order!r}[example.gold]" if shift == "sorted" else f"example.gold + {shift}"
    return edit("labels", (JUDGE, GOLD, f'"gold": {code},'), value=shift)


NETWORKS = {
    "weights of half precision": draw_cast,
    "no biases": lambda _: change_parameters("array * (0 if name.endswith('.bias') else 1)", value="0"),
    "fc transposed": lambda _: change_parameters(
        "array.T.reshape(array.shape) if array.ndim == 2 else array"
    ),
    "flattened pixel by pixel": lambda _: edit(
        "flatten",
        (REFERENCE, PRODUCT, PRODUCT.replace("value.reshape(len(value), -1)", PIXELS)),
        value="nhwc",
    ),
    "a layer stale": draw_stale,
    "a layer without biases": draw_unbiased,
    "a channel of weights negated": draw_negated,
    "a layer's kernels turned": draw_turned,
    "a layer with another's parameters": draw_neighbour,
    "a layer in half precision": draw_half_layer,
    "convolutions in ten bits": draw_tens,
    "dropout left on": draw_dropout,
    "pad off by one": draw_pad,
    "a channel negated behind ReLU": draw_activation,
    "a blob clipped": draw_clipped,
    "neighbours mixed up": draw_mixed,
    "another list of labels": draw_labels,
    "softmax twice": lambda _: edit(
        (), (REFERENCE, MULTIPLIED, TWICE), stage="plain fc8", verdicts=("unknown",)
    ),
}
