"""Options that several verbs have, each declared once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from harness.core.errors import InputError

RUN_HELP = "Folder of a run or of a cell, a run's id, the beginning of one, or `latest`."
Model = Annotated[str, typer.Option(help="Name or folder of a model.")]
Prototxt = Annotated[Path | None, typer.Option(help="Network, instead of model.toml's.")]
Caffemodel = Annotated[Path | None, typer.Option(help="Weights, instead of model.toml's.")]
Labels = Annotated[Path | None, typer.Option(help="Class names, instead of model.toml's.")]
Witnesses = Annotated[Path | None, typer.Option(help="Folder of the four witness files.")]
Stages = Annotated[
    list[str] | None,
    typer.Option(
        "--stage",
        metavar="NAME",
        help="Stage of the net, where layers of the prototxt have rules of stages; instead of model.toml's."
        " May be given several times.",
    ),
]
Level = Annotated[
    int | None, typer.Option(help="Level of the net, for rules of levels; instead of model.toml's.")
]
Globs = Annotated[
    list[str] | None,
    typer.Option("--environment", help="Name or glob of environments; may be given several times."),
]
CaBundle = Annotated[
    Path | None,
    typer.Option(
        envvar="HARNESS_CA_BUNDLE", show_envvar=True, help="Certificates that building an image may need."
    ),
]
Rules = Annotated[
    list[str] | None,
    typer.Option(
        "--rule",
        metavar="NAME=VALUE",
        help="Port rule in place of the preset's and the environment's, such as duplicates=distinct (see"
        " docs/ports.md); may be given several times.",
    ),
]
Repeat = Annotated[
    int,
    typer.Option(
        min=1,
        max=100,
        help="Run every environment so many times, as ENVIRONMENT, ENVIRONMENT#2 and so on, to see whether it"
        " agrees with itself.",
    ),
]
Fresh = Annotated[
    bool,
    typer.Option("--fresh", help="Take nothing from the store: run every cell anew, and keep the results."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
SummaryAsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON instead of tables.")]
Reports = Annotated[Path | None, typer.Option(help="Where run folders are; default: reports/.")]


class Verb(TyperCommand):
    """A verb that refuses an option given twice, of which it would take the last value in silence."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse the words of a command line; InputError for an option of one value that is given twice."""
        if args:
            _, _, given = self.make_parser(ctx).parse_args(list(args))
            refuse_repeated(given)
        return super().parse_args(ctx, args)


def refuse_repeated(given: Sequence[Any]) -> None:
    """InputError for a parameter that is given more often than it takes values."""
    for option, times in Counter(given).items():
        if times > 1 and not option.multiple:
            often = "twice" if times == 2 else f"{times} times"
            raise InputError(f"{option.opts[0]}: is given {often}; give it once")


def watch_verbs(app: typer.Typer) -> None:
    """Have every verb of a command line, and of its groups, refuse options given twice."""
    for command in app.registered_commands:
        command.cls = Verb
    for group in app.registered_groups:
        if group.typer_instance is not None:
            watch_verbs(group.typer_instance)
