"""`harness matrix` and `harness run`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from harness.core.errors import InputError
from harness.system.ending import INTERRUPTED
from harness.system.invocation import show_example
from harness.system.streams import print_line
from harness.verbs import options

Groups = Annotated[
    list[str] | None, typer.Option("--group", help="Group of environments; may be given several times.")
]
Port = Annotated[str | None, typer.Option(help="Port preset for every environment.")]
Alpha = Annotated[float | None, typer.Option(help="Weakening, for every environment.")]
Beta = Annotated[float | None, typer.Option(help="Strengthening, for every environment.")]
Epsilon = Annotated[float | None, typer.Option(help="Strengthening's floor, for every environment.")]
Examples = Annotated[
    list[str] | None,
    typer.Option(
        "--examples",
        metavar="FILE|DIR|ATTACK=DIR",
        help="List of examples (.jsonl), a folder of files named PERSON_index_x0_y0_x1_y1, or a folder with a"
        " CSV file (file,gold[,attack][,source]); the folder's name, or ATTACK, is the attack (benign for"
        " clean images). May be given several times.",
    ),
]
Npy = Annotated[
    str | None,
    typer.Option(
        help="What .npy files hold: raw-rgb, raw-bgr, rgb-minus-mean, bgr-minus-mean, unit-rgb, unit-bgr,"
        " centred-rgb, centred-bgr, signed-rgb, signed-bgr, imagenet-rgb, imagenet-bgr, or auto where values"
        " or clean images tell. What is named is held against both."
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--example",
        metavar="ID",
        help="Run this example alone, by its id or a glob; may be given several times. Its records are the"
        " very same as in a run of all.",
    ),
]

Explain = Annotated[
    bool,
    typer.Option("--explain", help="Say why examples diverge, as `harness explain` does, in every report."),
]

MATRIX_EXAMPLE = show_example("matrix --environment 'local-onnx*' --environment local-pytorch")


def matrix(
    model: options.Model = "tiny-vgg-face",
    group: Groups = None,
    environment: options.Globs = None,
    alpha: Alpha = None,
    beta: Beta = None,
    epsilon: Epsilon = None,
    port: Port = None,
    rule: options.Rules = None,
    stage: options.Stages = None,
    level: options.Level = None,
    examples: Examples = None,
    npy: Npy = None,
    example: Only = None,
    repeat: options.Repeat = 1,
    fresh: options.Fresh = False,
    explain: Explain = False,
    ca_bundle: options.CaBundle = None,
    as_json: options.SummaryAsJson = False,
    reports: options.Reports = None,
) -> None:
    """Run a model in a group of environments and compare every example's tuple.

    Exit code: 0 the same or as expected, 1 unexpected divergence, 2 could not run.
    """
    from harness.matrix.request import RunRequest
    from harness.plan.plan import Override

    request = RunRequest(
        model=model,
        groups=tuple(group or ()),
        globs=tuple(environment or ()),
        override=Override(port, alpha, beta, epsilon, tuple(rule or ())),
        examples=tuple(examples or ()),
        npy=npy,
        only=tuple(example or ()),
        stages=tuple(stage or ()),
        level=level,
        repeat=repeat,
        fresh=fresh,
        reports=reports,
        ca_bundle=ca_bundle,
    )
    perform(request, explain=explain, as_json=as_json)


RUN_EXAMPLE = show_example(
    "run --model vgg-face --environment local-pytorch"
    " --prototxt VGG_FACE_deploy.prototxt --caffemodel VGG_FACE.caffemodel --labels names.txt"
    " --witnesses witnesses --examples benign=images --examples attacks --npy raw-rgb"
)


def run(
    model: options.Model,
    environment: Annotated[
        list[str], typer.Option("--environment", help="Name or glob; may be given several times.")
    ],
    prototxt: options.Prototxt = None,
    caffemodel: options.Caffemodel = None,
    labels: options.Labels = None,
    witnesses: options.Witnesses = None,
    examples: Examples = None,
    npy: Npy = None,
    example: Only = None,
    repeat: options.Repeat = 1,
    fresh: options.Fresh = False,
    alpha: Alpha = None,
    beta: Beta = None,
    epsilon: Epsilon = None,
    port: Port = None,
    rule: options.Rules = None,
    stage: options.Stages = None,
    level: options.Level = None,
    explain: Explain = False,
    ca_bundle: options.CaBundle = None,
    as_json: options.SummaryAsJson = False,
    reports: options.Reports = None,
) -> None:
    """Run a model on your own files in one environment or several.

    Exit code as for matrix; one environment alone has nothing to diverge from.
    """
    from harness.matrix.request import RunRequest
    from harness.plan.plan import Override

    request = RunRequest(
        model=model,
        globs=tuple(environment),
        override=Override(port, alpha, beta, epsilon, tuple(rule or ())),
        examples=tuple(examples or ()),
        npy=npy,
        only=tuple(example or ()),
        stages=tuple(stage or ()),
        level=level,
        repeat=repeat,
        fresh=fresh,
        prototxt=prototxt,
        caffemodel=caffemodel,
        labels=labels,
        witnesses=witnesses,
        reports=reports,
        ca_bundle=ca_bundle,
        must_compare=False,
    )
    perform(request, explain=explain, as_json=as_json)


def perform(request: Any, *, explain: bool, as_json: bool) -> None:
    """Run what is asked for, explain it where that is, too, print the result, and leave with its exit code.

    What cannot be explained is said below the report, for the run itself is done.
    """
    from harness.report.progress import ConsoleScreen
    from harness.report.show import show_summary
    from harness.system.consoles import open_errors
    from harness.system.project import find_root
    from harness.verbs.composition import run_matrix

    root = find_root()
    fault: InputError | None = None
    try:
        summary, folder = run_matrix(request, root, ConsoleScreen(open_errors()))
        if explain:
            from harness.verbs.explaining import explain_summary

            summary, fault = explain_summary(summary, folder, root, request.ca_bundle)
    except KeyboardInterrupt:
        print_line("harness: interrupted; what is finished is kept and used next time", error=True)
        raise typer.Exit(INTERRUPTED) from None
    show_summary(summary, folder, as_json=as_json, fault=fault)
