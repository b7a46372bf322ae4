"""The command line. Whatever a verb needs is imported when it runs, so that `--help` is fast."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from harness.system.ending import run_guarded
from harness.system.stopping import take_signals
from harness.system.streams import open_streams
from harness.verbs import options
from harness.verbs.attack import EXAMPLE as ATTACK_EXAMPLE
from harness.verbs.attack import attack
from harness.verbs.cache import EXAMPLE as CACHE_EXAMPLE
from harness.verbs.cache import cache
from harness.verbs.diff import EXAMPLE as DIFF_EXAMPLE
from harness.verbs.diff import diff
from harness.verbs.doctor import EXAMPLE as DOCTOR_EXAMPLE
from harness.verbs.doctor import doctor
from harness.verbs.environments import EXAMPLE as ENVIRONMENTS_EXAMPLE
from harness.verbs.environments import environments
from harness.verbs.evaluate import EXAMPLE as EVALUATE_EXAMPLE
from harness.verbs.evaluate import evaluate
from harness.verbs.explain import EXAMPLE as EXPLAIN_EXAMPLE
from harness.verbs.explain import explain
from harness.verbs.fetch import EXAMPLE as FETCH_EXAMPLE
from harness.verbs.fetch import fetch
from harness.verbs.fragile import EXAMPLE as FRAGILE_EXAMPLE
from harness.verbs.fragile import fragile
from harness.verbs.images import app as images_app
from harness.verbs.import_log import EXAMPLE as IMPORT_EXAMPLE
from harness.verbs.import_log import import_log
from harness.verbs.numerics import EXAMPLE as NUMERICS_EXAMPLE
from harness.verbs.numerics import numerics
from harness.verbs.report import EXAMPLE as REPORT_EXAMPLE
from harness.verbs.report import report
from harness.verbs.run import MATRIX_EXAMPLE, RUN_EXAMPLE, matrix, run
from harness.verbs.trace import EXAMPLE as TRACE_EXAMPLE
from harness.verbs.trace import trace
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
app.command(epilog=EXPLAIN_EXAMPLE)(explain)
app.command(epilog=FRAGILE_EXAMPLE)(fragile)
app.command(epilog=NUMERICS_EXAMPLE)(numerics)
app.command(epilog=TRACE_EXAMPLE)(trace)
app.command(epilog=FETCH_EXAMPLE)(fetch)
app.add_typer(witnesses_app)
app.command(epilog=LANDMARKS_EXAMPLE)(landmarks)
app.command("import-log", epilog=IMPORT_EXAMPLE)(import_log)
app.command(epilog=MATRIX_EXAMPLE)(matrix)
app.command(epilog=RUN_EXAMPLE)(run)
app.command(epilog=DIFF_EXAMPLE)(diff)
app.command(epilog=REPORT_EXAMPLE)(report)
app.command(epilog=ENVIRONMENTS_EXAMPLE)(environments)
app.command(epilog=DOCTOR_EXAMPLE)(doctor)
options.watch_verbs(app)


def main() -> None:
    """Run the command line; whatever breaks is one line on standard error and exit code 2."""
    open_streams()
    take_signals()
    sys.exit(run_guarded(lambda: app(standalone_mode=False)))
