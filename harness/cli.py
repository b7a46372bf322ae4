"""The command line. Whatever a verb needs is imported when it runs, so that `--help` is fast."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.system.ending import INTERRUPTED, run_guarded
from harness.system.invocation import show_example
from harness.system.stopping import take_signals
from harness.system.streams import open_streams, print_json, print_line
from harness.verbs import options
from harness.verbs.attack import EXAMPLE as ATTACK_EXAMPLE
from harness.verbs.attack import attack
from harness.verbs.cache import EXAMPLE as CACHE_EXAMPLE
from harness.verbs.cache import cache
from harness.verbs.evaluate import EXAMPLE as EVALUATE_EXAMPLE
from harness.verbs.evaluate import evaluate
from harness.verbs.fetch import EXAMPLE as FETCH_EXAMPLE
from harness.verbs.fetch import fetch
from harness.verbs.images import app as images_app
from harness.verbs.import_log import EXAMPLE as IMPORT_EXAMPLE
from harness.verbs.import_log import import_log
from harness.verbs.report import EXAMPLE as REPORT_EXAMPLE
from harness.verbs.report import report
from harness.verbs.witnesses import LANDMARKS_EXAMPLE, landmarks
from harness.verbs.witnesses import app as witnesses_app

app = typer.Typer(
    name="harness",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Run one detector in many environments and say which examples come out differently where.",
)


def show_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        import harness

        print(f"ami-harness {harness.__version__}")
        raise typer.Exit


@app.callback()
def start(
    version: Annotated[
        bool,
        typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and leave."),
    ] = False,
) -> None:
    """Run one detector in many environments and say which examples come out differently where."""


app.add_typer(images_app)
app.command(epilog=ATTACK_EXAMPLE)(attack)
app.command(epilog=CACHE_EXAMPLE)(cache)
app.command(epilog=EVALUATE_EXAMPLE)(evaluate)
app.command(epilog=FETCH_EXAMPLE)(fetch)
app.add_typer(witnesses_app)
app.command(epilog=LANDMARKS_EXAMPLE)(landmarks)
app.command("import-log", epilog=IMPORT_EXAMPLE)(import_log)

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
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON instead of tables.")]


def main() -> None:
    """Run the command line; whatever breaks is one line on standard error and exit code 2."""
    open_streams()
    take_signals()
    sys.exit(run_guarded(lambda: app(standalone_mode=False)))


@app.command(epilog=show_example("matrix --environment 'local-onnx*' --environment local-pytorch"))
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
    ca_bundle: options.CaBundle = None,
    as_json: AsJson = False,
    reports: options.Reports = None,
) -> None:
    """Run a model in a group of environments and compare every example's tuple.

    Exit code: 0 the same or as expected, 1 unexpected divergence, 2 could not run.
    """
    from harness.matrix.campaign import Request
    from harness.plan.plan import Override

    request = Request(
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
    perform(request, as_json=as_json)


@app.command(
    epilog=show_example(
        "run --model vgg-face --environment local-pytorch"
        " --prototxt VGG_FACE_deploy.prototxt --caffemodel VGG_FACE.caffemodel --labels names.txt"
        " --witnesses witnesses --examples benign=images --examples attacks --npy raw-rgb"
    )
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
    ca_bundle: options.CaBundle = None,
    as_json: AsJson = False,
    reports: options.Reports = None,
) -> None:
    """Run a model on your own files in one environment or several.

    Exit code as for matrix; one environment alone has nothing to diverge from.
    """
    from harness.matrix.campaign import Request
    from harness.plan.plan import Override

    request = Request(
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
    perform(request, as_json=as_json)


@app.command(
    epilog=show_example(
        "diff reports/20260102T030405Z-1a2b another-machine/reports/RUN"
        " --environment 'local-*' --against local-pytorch@RUN"
    )
)
def diff(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help=options.RUN_HELP)],
    environment: options.Globs = None,
    against: Annotated[
        str | None, typer.Option(metavar="ENVIRONMENT", help="Cell to hold the others against.")
    ] = None,
    pair: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Compare two cells alone, the second against the first."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write every form of the report into a new folder.")
    ] = None,
    as_json: AsJson = False,
    reports: options.Reports = None,
) -> None:
    """Compare the cells of runs that exist, from here or from other machines.

    Examples are joined by id, strictly, and all held against the reference unless --against or --pair says
    otherwise; where the reference is not among the cells, against the one that the others agree with most. A
    cell of one of several runs is called ENVIRONMENT@RUN, a repeated one ENVIRONMENT#2@RUN. Copies of one
    execution are marked and not compared. Exit code as for matrix.
    """
    from harness.diff.locate import find_run
    from harness.matrix.campaign import find_root
    from harness.plan.environments import read_environments
    from harness.plan.register import read_register
    from harness.report.show import show_summary
    from harness.report.write import write_folder
    from harness.verdict.compare import Selection, compare_runs

    root = find_root()
    environments = read_environments(root / "environments")
    register = read_register(root / "environments", environments)
    selection = Selection(tuple(environment or ()), against, pair)
    place = reports or root / "reports"
    folders = [find_run(run, place) for run in runs]  # once: there may be another latest one by and by
    summary = compare_runs([str(folder) for folder in folders], place, register, selection)
    if output is not None:
        write_folder(output, summary, folders)
    show_summary(summary, output, as_json=as_json)


app.command(epilog=REPORT_EXAMPLE)(report)


@app.command(epilog=show_example("environments --json"))
def environments(
    as_json: options.AsJson = False,
) -> None:
    """List the environments: their groups, backends, and what each is for."""
    from harness.matrix.campaign import find_root
    from harness.plan.environments import read_environments
    from harness.plan.register import read_register
    from harness.report.listing import list_environments

    folder = find_root() / "environments"
    found = read_environments(folder)
    list_environments(found, read_register(folder, found), as_json=as_json)


@app.command(epilog=show_example("doctor --json"))
def doctor(
    as_json: options.AsJson = False,
) -> None:
    """Tell what this machine can run, and how to get the rest: Pythons, engine, images, emulation, GPU."""
    from dataclasses import asdict

    from harness.matrix.campaign import find_root
    from harness.matrix.doctor import examine
    from harness.report.diagnosis import print_findings
    from harness.system.consoles import open_output

    findings = examine(find_root())
    if as_json:
        print_json([asdict(one) for one in findings])
    else:
        print_findings(findings, open_output())


options.watch_verbs(app)


def perform(request: Any, *, as_json: bool) -> None:
    """Run what is asked for, print the result, and leave with its exit code."""
    from harness.matrix.campaign import find_root, run_matrix
    from harness.report.progress import ConsoleScreen
    from harness.report.show import show_summary
    from harness.system.consoles import open_errors

    try:
        summary, folder = run_matrix(request, find_root(), ConsoleScreen(open_errors()))
    except KeyboardInterrupt:
        print_line("harness: interrupted; finished cells are kept and used next time", error=True)
        raise typer.Exit(INTERRUPTED) from None
    show_summary(summary, folder, as_json=as_json)
