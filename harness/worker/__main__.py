"""`python -m harness.worker JOB.json`."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.worker.work import main

if __name__ == "__main__":
    sys.exit(main([Path(argument) for argument in sys.argv[1:]]))
