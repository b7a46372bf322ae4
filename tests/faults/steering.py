"""Faults of the steered pass."""

from faults.planting import Edit, Fault

STEER, DETECT, STATISTICS = "ami/steering.py", "ami/detection.py", "ami/statistics.py"
PORT_READ = 'port=read_port(data["port"]["preset"], data["port"]["rules"]),'
ORDERED = "return tuple(sorted(plan.values(), key=lambda steering: network.index(steering.blob)))"
LISTED = "for attribute in listed_attributes(port.listing) or ATTRIBUTES:"
FED = "return steered if detector.port.fed_on else value"
ALPHA = "decayed = decay(xp, deviation, parameters.alpha, port)"
READ = "return read_witnesses(path, network)"
BETA = "decay(xp, deviation, parameters.beta, port)"
EPSILON = "return parameters.epsilon + 1 -"


def edit_steering(name, cause, old, new, value=None, module=STEER, **more):
    """A fault of one line of the steering."""
    return Fault(name, (cause,), (Edit(module, old, new),), value=value, **more)


def force_rules(name, *causes, value=None, **rules):
    """A fault that rules of the port describe: the worker takes other choices than its job names."""
    read = PORT_READ.replace('data["port"]["rules"]', f'{{**data["port"]["rules"], **{rules!r}}}')
    return Fault(name, causes, (Edit("worker/job.py", PORT_READ, read),), value=value)


def list_files(*order):
    """A fault: blobs are walked as a directory lists the witness files."""
    edits = (
        Edit(DETECT, ORDERED, "return tuple(plan.values())"),
        Edit("ami/witnesses.py", LISTED, f"for attribute in {order!r}:"),
    )
    return Fault(f"listed {' '.join(order)}", ("listing-order",), edits)


ORDERS = (
    list_files("nose", "leye", "mouth", "reye"),
    list_files("leye", "mouth", "nose", "reye"),
    list_files("reye", "nose", "mouth", "leye"),
)
STRENGTH = (
    force_rules("factors multiplied", "duplicates", value="product", duplicates="product"),
    force_rules(
        "once for each attribute",
        "duplicates",
        value="product-per-attribute",
        duplicates="product-per-attribute",
    ),
    edit_steering(
        "witnesses once", "duplicates", 'if port.duplicates == "distinct":', "if True:", "distinct"
    ),
    edit_steering("alpha of the port", "alpha", ALPHA, ALPHA.replace("parameters.alpha", "60.0"), 60.0),
    edit_steering("another alpha", "alpha", ALPHA, ALPHA.replace("parameters.alpha", "7.5"), 7.5),
    edit_steering("beta of a table", "beta", BETA, BETA.replace("parameters.beta", "5.0"), 5.0),
    edit_steering("another beta", "beta", BETA, BETA.replace("parameters.beta", "23.0"), 23.0),
    edit_steering("epsilon with its 1", "epsilon", EPSILON, EPSILON.replace("1", "2"), 2.15),
    edit_steering("epsilon without its 1", "epsilon", EPSILON, EPSILON.replace("1", "0"), 0.15),
    edit_steering("another epsilon", "epsilon", EPSILON, EPSILON.replace("1", "1.5"), 1.65),
)
RULES = (
    edit_steering(
        "deviation of the sample", "ddof", "np.std(row, ddof=ddof)", "np.std(row, ddof=1)", 1, STATISTICS
    ),
    edit_steering(
        "sample of one",
        "ddof",
        "np.std(row, ddof=ddof)",
        "np.std(row, ddof=1)",
        1,
        STATISTICS,
        witnesses="single",
    ),
    Fault(
        "another set of witnesses",
        ("witness-set",),
        (
            Edit(
                "worker/tasks/judge.py",
                READ,
                f"return {{blob: found[:-1] or found for blob, found in {READ[7:]}.items()}}",
            ),
        ),
    ),
    edit_steering(
        "zero is what is small",
        "zero-sigma",
        'if port.zero_sigma == "exact":',
        "if False:",
        "relative",
        witnesses="thrice",
    ),
    force_rules("before ReLU", "blob-value", value="before-relu", blob_value="before-relu"),
    force_rules("all of pool3", "pool3-channels", value="all", pool3_channels="all"),
    edit_steering(
        "nothing of pool3",
        "pool3-channels",
        'resizes = name == "pool3" and port.pool3_channels != "none"',
        "resizes = False",
        "none",
    ),
    edit_steering(
        "pool3 bilinear",
        "pool3-kernel",
        "resize_matrix(size - 2 * CROP, size, port.pool3_kernel)",
        'resize_matrix(size - 2 * CROP, size, "bilinear")',
        "bilinear",
    ),
    edit_steering(
        "fc6 and fc7 left",
        "fc",
        '(port.fc == "skipped" and is_inner_product(blob))',
        "is_inner_product(blob)",
        "skipped",
    ),
    edit_steering("values not fed on", "fed-on", FED, "return value", value=False, module=DETECT),
)
TOGETHER = (
    force_rules(
        "the port as a whole",
        "duplicates",
        "pool3-channels",
        "pool3-kernel",
        "pool3-when",
        duplicates="product-per-attribute",
        pool3_channels="all",
        pool3_kernel="bilinear",
        pool3_when="before-statistics",
    ),
    force_rules("pool3 too early", "pool3-when", pool3_channels="all", pool3_when="before-statistics"),
    force_rules("no mean, fc left", "fc", "mean", mean="none", fc="skipped"),
    force_rules("ddof 1, fc left", "ddof", "fc", ddof=1, fc="skipped"),
)
STEERING = (*ORDERS, *STRENGTH, *RULES, *TOGETHER)
