"""Kinds of faults of the steered pass, drawn."""

from dataclasses import replace
from itertools import permutations

from faults.place import JUDGE, edit, force
from faults.steering import ALPHA, BETA, DETECT, FED, LISTED, ORDERED, READ, STATISTICS, STEER
from harness.ami.port import ATTRIBUTES


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
