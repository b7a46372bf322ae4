"""Faults drawn at random: every kind that is known to happen, with its parameters; one seed, one fault."""

from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from faults.inputs import AS_IS, CENTRED, CROP, FLOATS, KERNEL, LEVELS, MEAN, PREPARE
from faults.models import MODELS, choose_model, list_names
from faults.networks import BITS, GOLD, LOADED, PADDED, PIXELS, PRODUCT, REFERENCE, WEIGHT
from faults.planting import Edit, Fault
from faults.steering import (
    ALPHA,
    BETA,
    DETECT,
    FED,
    LISTED,
    ORDERED,
    PORT_READ,
    READ,
    STATISTICS,
    STEER,
)
from harness.ami.port import ATTRIBUTES
from harness.core.network import Convolution, InnerProduct
from harness.explain.known import KNOWN_MEANS, sort_labels

JUDGE = "worker/tasks/judge.py"
DECODE = "core/decode.py"
STEPPED = """            for layer in blob.layers:
                value = compute_layer(layer, value, self._find_parameters(layer.name))
"""
MULTIPLIED = """        top += bias
    return top


def rectify"""
TWICE = MULTIPLIED.replace("return top", "return np.exp(top - top.max()) if _layer.name == 'fc8' else top")


@dataclass(frozen=True)
class Drawn:
    """A fault that was drawn: its number, its kinds, the model that it is planted beside."""

    number: int
    kinds: tuple[str, ...]
    model: str
    fault: Fault


@dataclass(frozen=True)
class Place:
    """Where a fault is drawn for: the chance, and the model."""

    rng: np.random.Generator
    recipe: object

    def choose(self, values):
        """One of some values."""
        return values[int(self.rng.integers(len(values)))]

    def layers(self, *kinds):
        """Names of the model's layers of some kinds."""
        return [
            layer.name
            for blob in self.recipe.network.blobs
            for layer in blob.layers
            if isinstance(layer, kinds)
        ]

    def number(self, low, high):
        """A number, of three digits, of which all sizes between two are as likely."""
        return float(f"{np.exp(self.rng.uniform(np.log(low), np.log(high))):.3g}")


def edit(causes, *edits, **more):
    """A fault of some edits (module, old, new)."""
    named = (causes,) if isinstance(causes, str) else causes
    return Fault("", named, tuple(Edit(*one) for one in edits), **more)


def force(causes, value=None, **rules):
    """A fault that rules of the port describe: the worker takes other choices than its job names."""
    read = PORT_READ.replace('data["port"]["rules"]', f'{{**data["port"]["rules"], **{rules!r}}}')
    return edit(causes, ("worker/job.py", PORT_READ, read), value=value)


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


def draw_mean(place):
    """A mean that nobody has."""
    mean = [float(f"{one:.4g}") for one in place.rng.uniform(60, 160, 3)]
    return edit("mean", (PREPARE, MEAN, f"return np.array({mean}, np.float32)"), value=mean)


def draw_known_mean(place):
    """Another network's mean."""
    mean = list(place.choose(list(KNOWN_MEANS.values())))
    return edit("mean", (PREPARE, MEAN, f"return np.array({mean}, np.float32)"), value=mean)


def draw_scale(place):
    """Another scale."""
    scale = place.choose([1 / 255, 1 / 127.5, 1 / 128, 0.017, place.number(0.2, 0.9), place.number(1.1, 4)])
    return edit("scale", (PREPARE, CENTRED, f"{CENTRED} * np.float32({scale!r})"), value=scale)


def draw_mean_and_scale(place):
    """Both."""
    mean, scale = draw_mean(place), place.number(0.3, 0.9)
    scaled = Edit(PREPARE, CENTRED, f"{CENTRED} * np.float32({scale!r})")
    return replace(mean, causes=("mean", "scale"), edits=(*mean.edits, scaled))


def draw_permutation(place):
    """Channels in an order that is neither."""
    order = list(place.choose([one for one in permutations(range(3)) if one not in ((0, 1, 2), (2, 1, 0))]))
    new = f"pixels = pixels[:, :, {order}]"
    return edit((), (PREPARE, "pixels = pixels[:, :, ::-1]", new), stage="input", verdicts=("unknown",))


def draw_shift(place):
    """A picture that is moved by some pixels."""
    by = place.choose([(0, 1), (1, 0), (1, 1), (0, -1), (2, 0)])
    new = f"values = np.roll(pixels, {by}, (0, 1)).astype(np.float32)"
    return edit((), (PREPARE, FLOATS, new), stage="input", verdicts=("unknown",))


def draw_kernel(place):
    """Another kernel, where there is something to resize."""
    kernel = place.choose(["bilinear", "nearest"])
    new = f'kernel = "{kernel}"'
    return edit("resize-kernel", (PREPARE, KERNEL, new), value=kernel, examples="sizes")


def draw_decoder(place):
    """Another decoder."""
    name = place.choose(["libjpeg-9e", "opencv"])
    function = {"libjpeg-9e": "decode_libjpeg", "opencv": "decode_opencv"}[name]
    new = f'"pillow": {function},'
    return edit("decoder", (DECODE, '"pillow": decode_pillow,', new), value=name, examples="jpeg")


def draw_convention(place):
    """Arrays that are taken for something else."""
    new, value = place.choose([(AS_IS + "[::-1]", "to-bgr"), (AS_IS.replace("as-is", "x"), "convert")])
    return edit("npy-convention", (PREPARE, AS_IS, new), value=value, examples="arrays")


def draw_levels(place):
    """Arrays that are brought to whole levels."""
    name, value = place.choose([("rint", "round"), ("trunc", "truncate")])
    new = f"values = np.{name}({LEVELS[9:]})"
    return edit("requantisation", (PREPARE, LEVELS, new), value=value, examples="arrays")


def draw_clipping(place):
    """Arrays that are clipped to less than they hold."""
    high = place.number(2, 6)
    new = f"values = np.clip({LEVELS[9:]}, 0, np.float32({high}))"
    more = {"stage": "input", "verdicts": ("unknown",), "examples": "arrays"}
    return edit((), (PREPARE, LEVELS, new), **more)


INPUTS = {
    "channels reversed": lambda _: edit(
        "channel-order", (PREPARE, "pixels = pixels[:, :, ::-1]", "pass"), value="reversed"
    ),
    "mean swapped": lambda _: edit("mean", (PREPARE, MEAN, "return mean[::-1]"), value="swapped"),
    "no mean": lambda _: edit("mean", (PREPARE, MEAN, "return mean * 0"), value="none"),
    "mean of another network": draw_known_mean,
    "mean of nobody": draw_mean,
    "levels 0 to 1": lambda _: edit("scale", (PREPARE, FLOATS, f"{FLOATS} / np.float32(255)"), value="0-1"),
    "another scale": draw_scale,
    "mean and scale": draw_mean_and_scale,
    "channels permuted": draw_permutation,
    "picture shifted": draw_shift,
    "another kernel": draw_kernel,
    "cropped": lambda _: edit("fit", (PREPARE, CROP, "if True:"), value="centre-crop", examples="sizes"),
    "another decoder": draw_decoder,
    "arrays of another convention": draw_convention,
    "arrays requantised": draw_levels,
    "arrays clipped": draw_clipping,
}


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


def draw_listing(place):
    """Blobs walked as a directory lists the files."""
    order = place.choose(list(permutations(ATTRIBUTES)))
    return edit(
        "listing-order",
        (DETECT, ORDERED, "return tuple(plan.values())"),
        ("ami/witnesses.py", LISTED, f"for attribute in {order!r}:"),
    )


def draw_duplicates(place):
    """Another rule for what is listed more than once."""
    value = place.choose(["product", "product-per-attribute", "distinct"])
    return force("duplicates", value=value, duplicates=value)


def draw_strength(name, old, low, high):
    """A kind: another alpha or beta."""

    def draw(place):
        value = place.number(low, high)
        new = old.replace(f"parameters.{name}", repr(value))
        return edit(name, (STEER, old, new), value=value)

    return draw


def draw_epsilon(place):
    """Another epsilon, the slips with its 1 among them."""
    value = place.choose([2.15, 0.15, 1.0, 0.0, float(f"{place.rng.uniform(0.2, 2):.3g}")])
    old = "return parameters.epsilon + 1 -"
    return edit("epsilon", (STEER, old, f"return {value!r} + 1 -"), value=value)


def draw_witnesses(place):
    """Witnesses that lack one, or have one more."""
    blob = place.choose(["conv1_1", "conv2_2", "conv3_2", "conv4_1", "conv5_1", "fc6"])
    channel = int(place.rng.integers(6))
    lacking = "{blob: found[:-1] or found for blob, found in READ.items()}"
    more = f"{{**(found := READ), {blob!r}: (*found.get({blob!r}, ()), {channel})}}"
    code = place.choose([lacking, more]).replace("READ", READ[7:])
    return edit("witness-set", (JUDGE, READ, f"return {code}"))


STEERING = {
    "files listed otherwise": draw_listing,
    "duplicates otherwise": draw_duplicates,
    "another alpha": draw_strength("alpha", ALPHA, 2, 60),
    "another beta": draw_strength("beta", BETA, 2, 40),
    "another epsilon": draw_epsilon,
    "deviation of the sample": lambda place: replace(
        edit("ddof", (STATISTICS, "np.std(row, ddof=ddof)", "np.std(row, ddof=1)"), value=1),
        witnesses=place.choose(["witnesses", "single"]),
    ),
    "zero is what is small": lambda _: edit(
        "zero-sigma",
        (STEER, 'if port.zero_sigma == "exact":', "if False:"),
        value="relative",
        witnesses="thrice",
    ),
    "before ReLU": lambda _: force("blob-value", value="before-relu", blob_value="before-relu"),
    "pool3's channels": lambda place: force(
        "pool3-channels", value=(value := place.choose(["all", "none"])), pool3_channels=value
    ),
    "pool3's kernel": lambda _: force("pool3-kernel", value="bilinear", pool3_kernel="bilinear"),
    "pool3 too early": lambda _: force("pool3-when", pool3_channels="all", pool3_when="before-statistics"),
    "fc6 and fc7 left": lambda _: force("fc", value="skipped", fc="skipped"),
    "values not fed on": lambda _: edit("fed-on", (DETECT, FED, "return value"), value=False),
    "other witnesses": draw_witnesses,
}
KINDS = {**INPUTS, **NETWORKS, **STEERING}
"""Every kind of fault, and what draws one."""
BACKENDS = ("reference",) * 8 + ("pytorch", "onnxruntime", "openvino", "opencv")


def draw_fault(seed, number, kinds=None, models=tuple(MODELS)):
    """The fault of a number: kinds take turns, so that all are drawn alike often."""
    names = list(kinds or KINDS)
    kind = names[number % len(names)]
    rng = np.random.default_rng([seed, number])
    model = choose_model(rng, models)
    fault = KINDS[kind](Place(rng, MODELS[model]))
    return Drawn(number, (kind,), model, finish(fault, rng, f"{kind} {seed}-{number}"))


def finish(fault, rng, name):
    """A fault with its name, in one of the backends that its edits reach."""
    backend = BACKENDS[int(rng.integers(len(BACKENDS)))]
    reaches = all(one.module != REFERENCE for one in fault.edits) and fault.witnesses == "witnesses"
    is_plain = fault.examples != "ties"
    return replace(fault, name=name, backend=backend if reaches and is_plain else "reference")


def draw_pair(seed, number, models=tuple(MODELS)):
    """Two faults of two kinds at once, of which neither is in the other's edits."""
    rng = np.random.default_rng([seed, number, 2])
    model = choose_model(rng, models)
    while True:
        kinds = tuple(sorted(rng.choice(PAIRED, 2, replace=False).tolist(), key=list(KINDS).index))
        one, other = (KINDS[kind](Place(rng, MODELS[model])) for kind in kinds)
        if fits(one, other):
            both = replace(
                one,
                causes=tuple(sorted((*one.causes, *other.causes))),
                edits=(*one.edits, *other.edits),
                value=None,
                examples="default",
                stage="",
            )
            name = f"{' and '.join(kinds)} {seed}-{number}"
            return Drawn(number, kinds, model, finish(both, rng, name))


ALONE = (
    "another decoder",
    "dropout left on",
    "mean and scale",
    "zero is what is small",
    "deviation of the sample",
)
"""Kinds that are not paired: others hide them, or they are two already."""
BOUND = ("sizes", "arrays", "jpeg")


def is_paired(kind):
    """Whether a kind has a cause of its own in pictures of the network's size."""
    fault = KINDS[kind](Place(np.random.default_rng(0), MODELS["faces"]))
    return kind not in ALONE and bool(fault.causes) and fault.examples not in BOUND


PAIRED = [kind for kind in KINDS if is_paired(kind)]


def fits(one, other):
    """Whether two faults can be planted together, and are told apart."""
    places = {(edit.module, edit.old) for edit in one.edits} & {
        (edit.module, edit.old) for edit in other.edits
    }
    return not places and not set(one.causes) & set(other.causes) and one.witnesses == other.witnesses
