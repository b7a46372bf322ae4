"""What a drawn fault is drawn by: the chance, and the model; and how its edits are written."""

from dataclasses import dataclass

import numpy as np

from faults.planting import Edit, Fault
from faults.steering import PORT_READ

JUDGE = "worker/tasks/judge.py"


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
