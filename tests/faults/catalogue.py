"""The faults: what is known to go wrong in such pipelines, each as an edit of the worker's sources."""

from dataclasses import replace

from faults.inputs import HARMLESS_INPUTS, INPUTS
from faults.networks import HARMLESS_NETWORKS, NETWORKS
from faults.steering import STEERING

ELSEWHERE = {
    "onnxruntime": ("channels reversed", "another beta", "all of pool3", "labels from 1"),
    "opencv": ("deviation of the sample", "epsilon with its 1", "no mean"),
    "openvino": ("listed nose leye mouth reye", "witnesses once"),
    "pytorch": ("levels 0 to 1", "fc6 and fc7 left"),
}
"""Faults that are planted in another library, too, whose last bits are its own."""
BESIDE = {"no mean": ("alpha", 60.0), "fc6 and fc7 left": ("beta", 50.0)}
"""Faults that are planted beside something that the environment's file says."""


def find_fault(name):
    """A fault of the reference backend."""
    return next(fault for fault in HERE if fault.name == name)


HERE = (*INPUTS, *STEERING, *NETWORKS)
FAULTS = (
    *HERE,
    *(
        replace(find_fault(name), name=f"{name}, in {backend}", backend=backend)
        for backend, names in ELSEWHERE.items()
        for name in names
    ),
    *(
        replace(
            find_fault(name),
            name=f"{name}, beside a declared difference",
            declared=f"[parameters]\n{said} = {value}\n",
            said=(said,),
        )
        for name, (said, value) in BESIDE.items()
    ),
)
HARMLESS = (*HARMLESS_INPUTS, *HARMLESS_NETWORKS)
"""Faults that change no tuple here: nothing diverges, and there is nothing to explain."""
