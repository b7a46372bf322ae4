"""A subject and an environment, and the cell that is planned of them."""

from pathlib import Path

from harness.ami.port import PRESETS
from harness.examples.subject import Subject
from harness.plan.environments import Environment
from harness.plan.plan import CellRequest, Override, plan_cells

WITNESSES = {name: (Path(f"/{name}"), name) for name in ("leye", "reye", "nose", "mouth")}
SUBJECT = Subject(
    model="m",
    network=Path("/n"),
    network_key="k",
    caffemodel=Path("/w"),
    prototxt=Path("/p"),
    classes=3,
    preprocess={"height": 8, "width": 8, "channel_order": "bgr", "mean": [1, 2, 3], "scale": 1.0},
    witnesses=dict.fromkeys(PRESETS, WITNESSES),
    examples=Path("/e.jsonl"),
    examples_sha256="e",
    example_ids=("a",),
)
ENVIRONMENT = Environment(
    name="one", description="d", backend="reference", groups=(), packages=("a==1", "b==2")
)


def plan(environment=ENVIRONMENT, subject=SUBJECT, override=None, worker="w", python="3.11.7", machine="x"):
    request = CellRequest(environment, override or Override())
    (cell,) = plan_cells([request], subject, worker, {"cpu": machine}, {request.id: {"python": python}})
    return cell


def environment(**more):
    return ENVIRONMENT.model_copy(update=more)
