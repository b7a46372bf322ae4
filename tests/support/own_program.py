"""Somebody's own program: AmI over a VGG in plain NumPy, written from its description, with faults to plant.

Nothing of it is taken from what its dumps are held against. It computes in float32, and keeps all values.
"""

import io

import numpy as np
from PIL import Image

MEAN = (93.5940, 104.7624, 129.1863)  # blue, green, red
STAGES = (2, 2, 3, 3, 3)
ATTRIBUTES = ("leye", "reye", "nose", "mouth")
OWN = {"alpha": 100, "beta": 60, "epsilon": 1.15}


def name_layers():
    """Names of the layers with their kinds, up to the logits."""
    layers = []
    for stage, count in enumerate(STAGES, start=1):
        layers += [(f"conv{stage}_{number}", "conv") for number in range(1, count + 1)]
        layers.append((f"pool{stage}", "pool"))
    return [*layers, ("fc6", "fc"), ("fc7", "fc"), ("fc8", "fc")]


def convolve(value, weight, bias):
    """3 x 3, one pixel of zeros around."""
    channels, height, width = value.shape
    padded = np.zeros((channels, height + 2, width + 2), np.float32)
    padded[:, 1:-1, 1:-1] = value
    out = np.zeros((len(weight), height, width), np.float32)
    for row in range(3):
        for column in range(3):
            window = padded[:, row : row + height, column : column + width]
            out += np.einsum("oc,chw->ohw", weight[:, :, row, column], window).astype(np.float32)
    return out + bias[:, None, None]


def pool(value, *, floor=False):
    """2 x 2 maxima, sizes rounded up."""
    channels, height, width = value.shape
    rows, columns = (height // 2, width // 2) if floor else (-(-height // 2), -(-width // 2))
    out = np.zeros((channels, rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            out[:, row, column] = value[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].max((1, 2))
    return out


def weigh(distance, cubic=True):
    """The kernel of OpenCV's bicubic resize, or of its bilinear one."""
    distance, a = abs(distance), -0.75
    if not cubic:
        return max(0.0, 1 - distance)
    if distance <= 1:
        return ((a + 2) * distance - (a + 3)) * distance * distance + 1
    if distance < 2:
        return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return 0.0


def spread(size, wanted, cubic):
    """The matrix that resizes one axis; beyond the edge its values are repeated."""
    matrix = np.zeros((wanted, size))
    for place in range(wanted):
        centre = (place + 0.5) * size / wanted - 0.5
        base = int(np.floor(centre))
        for tap in range(base - 1, base + 3):
            matrix[place, min(max(tap, 0), size - 1)] += weigh(centre - tap, cubic)
    return matrix


def crop_and_resize(maps, cubic=True):
    """Two pixels cut off on each side, and the rest brought back to size."""
    _, height, width = maps.shape
    cut = maps[:, 2:-2, 2:-2].astype(np.float64)
    rows, columns = spread(height - 4, height, cubic), spread(width - 4, width, cubic)
    return np.einsum("ih,chw,jw->cij", rows, cut, columns).astype(np.float32)


class Program:
    """A program over parameters (`LAYER.weight`) and witness lists by attribute and blob, with faults."""

    def __init__(self, weights, witnesses, **faults):
        self.weights, self.faults = dict(weights), faults
        self.entries = {}
        for attribute in faults.get("listing", ATTRIBUTES):
            for blob, channels in witnesses[attribute].items():
                self.entries.setdefault(blob, []).extend(channels)
        for name, change in faults.get("layers", {}).items():
            self.weights[name] = np.ascontiguousarray(change(self.weights), np.float32)

    def dump(self, png):
        """All values of both passes over a picture, by names of its own making."""
        image = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
        kept = {"pixels": image, "input": self.prepare(image)}
        self.run(kept["input"], kept, "plain")
        self.run(kept["input"], kept, "steered")
        return kept

    def prepare(self, image):
        """The network's input."""
        levels = image.astype(np.float32) * np.float32(self.faults.get("scale", 1.0))
        levels = levels if self.faults.get("rgb") else levels[:, :, ::-1]
        mean = np.array(self.faults.get("mean", MEAN), np.float32)
        return np.ascontiguousarray((levels - mean).transpose(2, 0, 1))

    def run(self, value, kept, name):
        """One pass; the steered one changes each blob that has witnesses before the next layer reads it."""
        before_relu = self.faults.get("before_relu")
        for layer, kind in name_layers():
            value = self.forward(layer, kind, value)
            steers = name == "steered" and layer in self.entries
            if steers and before_relu:
                value = self.steer(layer, value, kept)
            if kind != "pool" and layer != "fc8":
                value = np.maximum(value, 0)
            if steers and not before_relu:
                value = self.steer(layer, value, kept)
            spoil = self.faults.get("spoil", {}).get(layer)
            value = spoil(value) if spoil else value
            kept[f"{name}/{layer}"] = value

    def forward(self, layer, kind, value):
        """One layer."""
        if kind == "pool":
            return pool(value, floor=bool(self.faults.get("floor")))
        weight, bias = self.weights[f"{layer}.weight"], self.weights[f"{layer}.bias"]
        if kind == "conv":
            return convolve(value, weight, bias)
        if value.ndim == 3:
            value = value.transpose(1, 2, 0) if self.faults.get("nhwc") else value
        return (weight @ value.reshape(-1) + bias).astype(np.float32)

    def steer(self, blob, value, kept):
        """Others weakened, witnesses strengthened, at every mention by the sum as it is then."""
        faults, entries = self.faults, list(self.entries[blob])
        if faults.get("distinct"):
            entries = list(dict.fromkeys(entries))
        alpha, beta, epsilon = (faults.get(name, own) for name, own in OWN.items())
        if faults.get("skip_fc") and value.ndim == 1:
            return value
        early = blob == "pool3" and faults.get("pool3") == "all-before"
        value = crop_and_resize(value, cubic=False) if early else value
        sums = value.reshape(len(value), -1).sum(1)
        listed = sums[entries].astype(np.float64)
        mean, least, freedom = listed.mean(), listed.min(), len(listed) - faults.get("ddof", 0)
        deviation = np.sqrt(((listed - mean) ** 2).sum() / freedom) if freedom else np.nan
        deviation = 0.0 if deviation <= 1e-6 * abs(mean) else deviation
        out = value.copy()
        resized = crop_and_resize(value) if blob == "pool3" and not early else None
        if resized is not None and faults.get("pool3") == "all":
            out = resized.copy()
        for channel in range(len(value)):
            if channel not in entries and sums[channel] > mean:
                source = value if resized is None else resized
                factor = 1.0 if deviation == 0 else np.exp(-(sums[channel] - mean) / (alpha * deviation))
                out[channel] = source[channel] * np.float32(factor)
        for channel in entries:
            now = out[channel].sum() if not faults.get("first_sum") else sums[channel]
            if faults.get("pool3") == "all" and blob == "pool3":
                now = sums[channel]
            grown = 0.0 if deviation == 0 else 1 - np.exp(-abs(now - least) / (beta * deviation))
            out[channel] = out[channel] * np.float32(epsilon + grown)
        kept[f"sums/{blob}"] = sums.astype(np.float32)
        return value if faults.get("not_fed_on") else out.astype(np.float32)
