"""Faults on the way from a file to the network's input."""

from faults.planting import Edit, Fault

PREPARE = "ami/preprocess.py"
MEAN = 'return mean[::-1] if port.mean == "swapped" else mean'
CENTRED = "centred = (values - choose_mean(model, port)) * np.float32(model.scale)"
KERNEL = 'kernel = model.resize if port.resize == "model" else port.resize'
CROP = 'if port.fit == "centre-crop":'
LEVELS = "values = quantise(check_array(array, model.height, model.width), convention, port)"
FLOATS = "values = pixels.astype(np.float32)"
AS_IS = 'if port.npy == "as-is":\n        return values'
IMAGENET = "np.array([103.939, 116.779, 123.68], np.float32)"
NOBODY = "np.array([90.0, 101.25, 133.5], np.float32)"
TIMES = "return np.zeros_like(mean)"


def edit_input(name, cause, old, new, **more):
    """A fault of one line that prepares inputs."""
    return Fault(name, (cause,), (Edit(PREPARE, old, new),), **more)


def edit_array(name, cause, old, new, **more):
    """A fault in which arrays are taken for something else."""
    return edit_input(name, cause, old, new, examples="arrays", **more)


INPUTS = (
    edit_input("channels reversed", "channel-order", "pixels = pixels[:, :, ::-1]", "pass", value="reversed"),
    edit_input("mean swapped", "mean", MEAN, "return mean[::-1]", value="swapped"),
    edit_input("no mean", "mean", MEAN, "return mean * 0", value="none"),
    edit_input("mean of ImageNet", "mean", MEAN, f"return {IMAGENET}", value=[103.939, 116.779, 123.68]),
    edit_input("mean of nobody", "mean", MEAN, f"return {NOBODY}", value=[90.0, 101.25, 133.5]),
    edit_input("levels 0 to 1", "scale", FLOATS, f"{FLOATS} / np.float32(255)", value="0-1"),
    edit_input("scaled after the mean", "scale", CENTRED, f"{CENTRED} / np.float32(128)", value=1 / 128),
    edit_input("scaled by nobody", "scale", CENTRED, f"{CENTRED} * np.float32(0.8)", value=0.8),
    Fault(
        "mean and scale of nobody",
        ("mean", "scale"),
        (Edit(PREPARE, MEAN, f"return {NOBODY}"), Edit(PREPARE, CENTRED, f"{CENTRED} * np.float32(0.8)")),
        value=[90.0, 101.25, 133.5],
    ),
    edit_input(
        "bilinear", "resize-kernel", KERNEL, 'kernel = "bilinear"', value="bilinear", examples="sizes"
    ),
    edit_input("nearest", "resize-kernel", KERNEL, 'kernel = "nearest"', value="nearest", examples="sizes"),
    edit_input("cropped", "fit", CROP, "if True:", value="centre-crop", examples="sizes"),
    Fault(
        "another libjpeg",
        ("decoder",),
        (Edit("core/decode.py", '"pillow": decode_pillow,', '"pillow": decode_libjpeg,'),),
        value="libjpeg-9e",
        examples="jpeg",
    ),
    edit_array("arrays reversed", "npy-convention", AS_IS, AS_IS + "[::-1]", value="to-bgr"),
    edit_array("arrays converted", "npy-convention", AS_IS, AS_IS.replace("as-is", "x"), value="convert"),
    edit_array("arrays rounded", "requantisation", LEVELS, f"values = np.rint({LEVELS[9:]})", value="round"),
    edit_array("arrays cut", "requantisation", LEVELS, f"values = np.trunc({LEVELS[9:]})", value="truncate"),
)

HARMLESS_INPUTS = (
    edit_input("bilinear, nothing to resize", "resize-kernel", KERNEL, 'kernel = "bilinear"'),
    edit_input("squares cropped", "fit", CROP, "if True:"),
)
