"""The part of an executor that steering uses, over arrays of either library."""

import numpy as np
import pytest


class NumpyArrays:
    """NumPy's, in a precision."""

    xp = np

    def __init__(self, dtype=np.float32):
        self.dtype = dtype

    def to_native(self, array):
        return np.asarray(array, dtype=self.dtype)

    def to_numpy(self, value):
        return value


class TorchArrays:
    """Tensors."""

    def __init__(self):
        self.xp = pytest.importorskip("torch")

    def to_native(self, array):
        return self.xp.from_numpy(np.array(array, dtype=np.float32))

    def to_numpy(self, value):
        return value.numpy()
