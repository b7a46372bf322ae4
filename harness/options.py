"""Options that several verbs have, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[str, typer.Option(help="Name or folder of a model.")]
Prototxt = Annotated[Path | None, typer.Option(help="Network, instead of model.toml's.")]
Caffemodel = Annotated[Path | None, typer.Option(help="Weights, instead of model.toml's.")]
Labels = Annotated[Path | None, typer.Option(help="Class names, instead of model.toml's.")]
Witnesses = Annotated[Path | None, typer.Option(help="Folder of the four witness files.")]
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
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Reports = Annotated[Path | None, typer.Option(help="Where run folders are; default: reports/.")]
