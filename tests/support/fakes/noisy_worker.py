"""The real worker on a backend that is not deterministic: each execution answers one other example wrongly.

Where the environment's variable NOISE names a file, executions are counted in it.
"""

import os
import sys
from pathlib import Path

import numpy as np

from harness.detectors import ami
from harness.worker import work

run_both = ami.run_both


def disturb(*given):
    """Both passes, with the winner of one example's steered pass taken away."""
    plain, steered = run_both(*given)
    steered = np.array(steered)
    row = count_execution() % len(steered)
    steered[row, steered[row].argmax()] = steered[row].min() - 1
    return plain, steered


def count_execution():
    """How many executions there were before this one."""
    descriptor = os.open(os.environ["NOISE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, b".")
    return os.lseek(descriptor, 0, os.SEEK_CUR) - 1  # after this very byte, whoever else appends


if os.environ.get("NOISE"):
    ami.run_both = disturb
sys.exit(work.main([Path(sys.argv[-1])]))
