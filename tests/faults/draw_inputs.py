"""Kinds of faults on the way from a file to the network's input, drawn."""

from dataclasses import replace
from itertools import permutations

from faults.inputs import AS_IS, CENTRED, CROP, FLOATS, KERNEL, LEVELS, MEAN, PREPARE
from faults.place import edit
from faults.planting import Edit
from harness.explain.known import KNOWN_MEANS

DECODE = "core/decode.py"


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
