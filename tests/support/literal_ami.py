"""The two published programs, step by step and channel by channel, in plain NumPy.

Written from their description; nothing here is taken from what it is held against. A net is a table of layers
over blobs that keep their values, as Caffe's is: `forward` runs from one layer to another, by their names.
"""

import math

import numpy as np

# name, kind, bottom, top: the layers of `nets.face_like_network`, ReLUs in place.
LAYERS = [
    ("conv1_1", "convolution", "data", "conv1_1"),
    ("relu1_1", "relu", "conv1_1", "conv1_1"),
    ("conv2_2", "convolution", "conv1_1", "conv2_2"),
    ("relu2_2", "relu", "conv2_2", "conv2_2"),
    ("pool3", "pooling", "conv2_2", "pool3"),
    ("conv4_1", "convolution", "pool3", "conv4_1"),
    ("relu4_1", "relu", "conv4_1", "conv4_1"),
    ("fc6", "product", "conv4_1", "fc6"),
    ("relu6", "relu", "fc6", "fc6"),
    ("fc7", "product", "fc6", "fc7"),
    ("relu7", "relu", "fc7", "fc7"),
    ("fc8", "product", "fc7", "fc8"),
]
BLOBS = ["data", "conv1_1", "conv2_2", "pool3", "conv4_1", "fc6", "fc7", "fc8"]
HOOKS = {"relu1_1": "conv1_1", "relu2_2": "conv2_2", "pool3": "pool3", "relu4_1": "conv4_1",
         "relu6": "fc6", "relu7": "fc7"}  # fmt: skip
READ_BY_PORT = ("leye", "reye", "mouth", "nose")


class Net:
    """Blobs that keep their values between one `forward` and the next."""

    def __init__(self, weights):
        self.weights, self.data = weights, {}

    def forward(self, start=None, end=None):
        """Run the layers from `start` to `end`; none where `start` comes after `end`."""
        names = [name for name, _, _, _ in LAYERS]
        first = 0 if start is None else names.index(start)
        last = len(names) - 1 if end is None else names.index(end)
        for layer in LAYERS[first : last + 1]:
            self.run(*layer)

    def run(self, name, kind, bottom, top):
        """One layer."""
        value = self.data[bottom]
        if kind == "convolution":
            weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
            self.data[top] = convolve(value, weight, bias)
        elif kind == "relu":
            self.data[top] = np.where(value > 0, value, np.float32(0))
        elif kind == "pooling":
            self.data[top] = take_largest(value)
        else:
            weight, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
            self.data[top] = weight @ value.reshape(-1) + bias


def convolve(value, weight, bias):
    """3x3 cross-correlation with a border of one zero."""
    _, height, width = value.shape
    padded = np.zeros((len(value), height + 2, width + 2), np.float32)
    padded[:, 1:-1, 1:-1] = value
    top = np.zeros((len(weight), height, width), np.float32)
    for row in range(3):
        for column in range(3):
            window = padded[:, row : row + height, column : column + width]
            top += np.tensordot(weight[:, :, row, column], window, axes=(1, 0))
    return top + bias[:, None, None]


def take_largest(value):
    """2x2 maximum, stride 2; sizes here are even."""
    return np.maximum(
        np.maximum(value[:, ::2, ::2], value[:, 1::2, ::2]),
        np.maximum(value[:, ::2, 1::2], value[:, 1::2, 1::2]),
    )


def crop_and_stretch(image, kernel):
    """A map without its two outermost pixels on each side, interpolated back to its size, pixel by pixel."""
    height, width = image.shape
    small = image[2 : height - 2, 2 : width - 2]
    result = np.zeros_like(image)
    for row in range(height):
        for column in range(width):
            rows = list_taps(row, height - 4, height, kernel)
            columns = list_taps(column, width - 4, width, kernel)
            result[row, column] = sum(
                high * wide * float(small[y, x]) for y, high in rows for x, wide in columns
            )
    return result


def list_taps(place, small, large, kernel):
    """Pixels that one pixel is interpolated from, with their weights; the border is repeated."""
    centre = (place + 0.5) * small / large - 0.5
    first = math.floor(centre)
    reach = range(first - 1, first + 3) if kernel == "cubic" else range(first, first + 2)
    weigh = weigh_cubic if kernel == "cubic" else weigh_linear
    return [(min(max(tap, 0), small - 1), weigh(abs(centre - tap))) for tap in reach]


def weigh_linear(distance):
    return 1 - distance


def weigh_cubic(distance, a=-0.75):
    """OpenCV's cubic."""
    if distance <= 1:
        return (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    return a * distance**3 - 5 * a * distance**2 + 8 * a * distance - 4 * a


# The notebook, over Caffe.


def read_notebook_files(folder, listing):
    """Channels by number of their blob, in the order in which the files bring the blobs up."""
    witnesses = {}
    for name in listing:
        for line in (folder / f"{name}_witness.txt").read_text().splitlines():
            blob, *channels = line.strip().split(",")
            witnesses.setdefault(BLOBS.index(blob), []).extend(int(one) for one in channels)
    return witnesses


def notebook_input(file, mean):
    """BGR minus the mean of an image (H, W, 3) in RGB; an array as it is."""
    if file.dtype != np.uint8:
        return file.astype(np.float32)
    data = np.zeros((3, *file.shape[:2]), np.float32)
    for place, channel in enumerate((2, 1, 0)):
        data[place] = np.float32(file[:, :, channel]) - np.float32(mean[place])
    return data


def run_notebook(weights, data, witnesses, numbers):
    """Logits of the plain and of the steered pass; the blobs are visited in the order of `witnesses`."""
    alpha, beta, epsilon = numbers
    net = Net(weights)
    net.data["data"] = data
    net.forward()
    plain = net.data["fc8"].copy()
    net, before = Net(weights), None
    net.data["data"] = data
    for number, neurons in witnesses.items():
        after = BLOBS[number + 1]
        net.forward(start=before, end=after)
        steer_as_notebook(net.data[BLOBS[number]], BLOBS[number], neurons, alpha, beta, epsilon)
        before = after
    net.forward(start=before)
    return plain, net.data["fc8"]


def notebook_statistics(data, neurons):
    """Mean, deviation and minimum of the witness entries' sums, by NumPy's own functions."""
    listed = [np.sum(data[c]) for c in neurons]
    return np.mean(listed), np.std(listed), np.min(listed)


def steer_as_notebook(data, blob, neurons, alpha, beta, epsilon):
    """Change one blob (C, H, W) or (C,) in place."""
    mean, deviation, least = notebook_statistics(data, neurons)
    for c in range(len(data)):
        if c in neurons:
            continue
        total = np.sum(data[c])
        if total > mean:
            distance = (total - mean) / deviation if deviation != 0 else 0
            if blob == "pool3":
                data[c] = crop_and_stretch(data[c], "cubic")
            data[c] = multiply(data[c], math.exp(-float(distance) / alpha))
    for c in neurons:
        distance = abs(np.sum(data[c]) - least) / deviation if deviation != 0 else 0
        data[c] = multiply(data[c], epsilon + 1 - math.exp(-float(distance) / beta))


def multiply(part, factor):
    """What `part *= factor` was under NumPy 1, with a float64: a single number in double, a map in single."""
    return float(part) * factor if part.ndim == 0 else part * np.float32(factor)


# Its authors' port to PyTorch, over a network that takes RGB.


def read_port_files(folder):
    """Channels by hook, an attribute after the other."""
    found = []
    for name in READ_BY_PORT:
        lines = (folder / f"{name}_neurons.txt").read_text().splitlines()
        pairs = [line.strip().split("->") for line in lines if line.strip()]
        found.append({hook: [int(one) for one in rest.split(",")] if rest else [] for hook, rest in pairs})
    return found


def turn_to_rgb(weights):
    """The same network for an input with its channels the other way round."""
    return {**weights, "conv1_1.weight": weights["conv1_1.weight"][:, ::-1]}


def port_input(file, mean):
    """RGB minus the mean (given in BGR) of an image; an array reversed, as for any network that takes RGB."""
    if file.dtype != np.uint8:
        return file.astype(np.float32)[::-1]
    data = np.zeros((3, *file.shape[:2]), np.float32)
    for channel in range(3):
        data[channel] = np.float32(file[:, :, channel]) - np.float32(mean[2 - channel])
    return data


def run_port(weights, data, attributes, numbers):
    """Logits of both passes, of a network in RGB; hooks come in network order, after each ReLU."""
    net = Net(weights)
    net.data["data"] = data
    net.forward()
    plain = net.data["fc8"].copy()
    net = Net(weights)
    net.data["data"] = data
    for layer in LAYERS:
        net.run(*layer)
        hook = layer[0]
        if hook in HOOKS and any(attribute[hook] for attribute in attributes):
            blob = HOOKS[hook]
            net.data[blob] = steer_as_port(net.data[blob], hook, [one[hook] for one in attributes], *numbers)
    return plain, net.data["fc8"]


def steer_as_port(data, hook, lists, alpha, beta, epsilon):
    """A changed copy of one blob (C, H, W) or (C,)."""
    if hook == "pool3":
        data = np.stack([crop_and_stretch(one, "linear") for one in data])
    sums = np.array([np.sum(one) for one in data], np.float32)
    listed = sums[[c for one in lists for c in one]]
    mean, deviation, least = listed.mean(), listed.std(), listed.min()
    result = data.copy()
    for c in range(len(data)):
        mentions = sum(c in one for one in lists)
        distance = abs(sums[c] - least) / deviation if deviation != 0 else 0.0
        factor = (epsilon + 1 - math.exp(-distance / beta)) ** mentions
        if not mentions:
            above = max(0.0, float((sums[c] - mean) / deviation)) if deviation != 0 else 0.0
            factor = math.exp(-above / alpha)
        result[c] = data[c] * np.float32(factor)
    return result
