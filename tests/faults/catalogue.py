"""The faults: what is known to go wrong in such pipelines, each as an edit of the worker's sources."""

from faults.inputs import HARMLESS_INPUTS, INPUTS
from faults.networks import HARMLESS_NETWORKS, NETWORKS
from faults.steering import STEERING

FAULTS = (*INPUTS, *STEERING, *NETWORKS)
HARMLESS = (*HARMLESS_INPUTS, *HARMLESS_NETWORKS)
"""Faults that change no tuple here: nothing diverges, and there is nothing to explain."""
