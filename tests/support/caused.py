"""A rich summary with causes, waterfalls and ladders, made by hand."""

from html_samples import BASELINE, make_rich

from harness.explain.ladders import LADDERS, Ladder, Rung, write_ladder
from harness.summary.causes import (
    CauseGroup,
    CausesSummary,
    GroupStage,
    NamedCause,
    SharePart,
    Waterfall,
)

POOL3 = NamedCause(cause="pool3-channels", factor="port.pool3_channels", a="weakened", b="all")
ALPHA = NamedCause(cause="alpha", factor="parameters.alpha", a=100.0, b=50.0)
CELLS = ("plain", "ported")
SENTENCE = "The port resizes all channels of pool3, the notebook those it weakens."
GROUPS = (
    CauseGroup(cells=CELLS, causes=(), verdict="unknown", count=1, examples=("example-1",),
               command="explain 1",
               sentence="No cause is known; the first stage beyond noise is steered pool3."),
    CauseGroup(cells=CELLS, causes=(POOL3,), verdict="proven", count=8, sentence=SENTENCE,
               examples=("example-0", "example-4", "example-5", "example-6", "example-7"),
               command="harness explain RUN --example example-0 --cells plain ported",
               stage=GroupStage(example="example-0", stage="steered conv1_2", ratio=10.0)),
    CauseGroup(cells=CELLS, causes=(POOL3, ALPHA), verdict="proven", count=2,
               sentence=f"{SENTENCE} Alpha too.",
               examples=("example-8", "example-9"), command="harness explain RUN --example example-8",
               under=1),
    CauseGroup(cells=("plain", "opencv"), causes=(NamedCause(cause="decoder", factor="decoder"),),
               verdict="consistent", count=1, sentence="The decoders differ.", examples=("example-2",),
               command="explain 2"),
)  # fmt: skip
PLACES = {"example-1": 0, **dict.fromkeys(("example-8", "example-9"), 2)}
WATERFALL = Waterfall(
    cells=CELLS, rate="detection", start=0.57, end=0.87,
    parts=(SharePart(cause="pool3-channels", factor="port.pool3_channels", share=0.4, low=0.35, high=0.45),
           SharePart(cause="alpha", factor="parameters.alpha", share=-0.1)),
)  # fmt: skip
BLOBS = (
    "conv1_1",
    "conv1_2",
    "pool1",
    "conv2_1",
    "conv2_2",
    "pool2",
    "conv3_1",
    "conv3_2",
    "conv3_3",
    "pool3",
)
RUNGS = [
    Rung("pixels", "", "5f2c9a01", "5f2c9a01"),
    *(Rung(f"plain {blob}", "plain", 1.5, 1.5, 1e-7, 1e-6, 0.1) for blob in BLOBS),
    *(Rung(f"steered {blob}", "steered", 2.5, 2.5 + 10.0 ** (place - 6), 10.0 ** (place - 6), 1e-6,
           10.0**place, BASELINE) for place, blob in enumerate(BLOBS)),
    Rung("attribute logits", "steered", 0.1, -7.25, 7.35, None, None),
]  # fmt: skip
LADDER = Ladder("example-0", CELLS, RUNGS)


def make_caused(**more):
    """The rich summary after its divergences were explained."""
    divergences = []
    for place, one in enumerate(make_rich().divergences):
        group = 3 if place == 2 else PLACES.get(one.example, 1)
        cell = GROUPS[group].cells[1]
        told = {"causes": {cell: f"{one.example}: {GROUPS[group].sentence}"}, "groups": {cell: group}}
        divergences.append(one.model_copy(update=told if cell in one.departing else {}))
    causes = CausesSummary(
        explained=12, proven=10, consistent=1, unknown=1, executions=12, groups=GROUPS,
        waterfalls=(WATERFALL,), untested=("packages",),
    )  # fmt: skip
    return make_rich(**{"divergences": tuple(divergences), "causes": causes, **more})


def put_ladders(run, *ladders):
    """A run's file of ladders."""
    run.mkdir(exist_ok=True)
    (run / LADDERS).write_text("".join(map(write_ladder, ladders or (LADDER,))), encoding="utf-8")
    return run
