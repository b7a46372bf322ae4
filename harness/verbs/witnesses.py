"""The verbs of `harness witnesses`, and `harness landmarks`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.system.extras import require_extra
from harness.system.invocation import show_example
from harness.system.streams import print_json, print_line
from harness.verbs import options

COULD_NOT_RUN, INTERRUPTED = 2, 130

app = typer.Typer(
    name="witnesses",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Extract witnesses from faces, and compare witness sets.",
)

Decoder = Annotated[
    str,
    typer.Option(help="Image decoder of this interpreter and of --backend: opencv, pillow or libjpeg-9e."),
]
LANDMARKS_EXAMPLE = show_example(
    "landmarks faces/base.jpg faces/others"
    " --predictor shape_predictor_68_face_landmarks.dat --output faces/landmarks.json"
)


@app.command(
    epilog=show_example(
        "witnesses extract --model tiny-vgg-face --environment 'local-onnx*'"
        " --base models/tiny-vgg-face/portraits/Face_064.png --others models/tiny-vgg-face/portraits/others"
        " --landmarks models/tiny-vgg-face/portraits/landmarks.json --output witnesses"
    )
)
def extract(
    model: options.Model,
    base: Annotated[Path, typer.Option(help="The base face.")],
    output: Annotated[Path, typer.Option(help="Folder for the mutated images and the witness sets.")],
    others: Annotated[Path | None, typer.Option(help="Folder of other faces, one a pair.")] = None,
    landmarks: Annotated[Path | None, typer.Option(help="Landmarks of all faces, a JSON file.")] = None,
    mutated: Annotated[
        Path | None,
        typer.Option(help="Start from mutated images: folders leye_substitution, leye_preservation, …"),
    ] = None,
    environment: options.Globs = None,
    backend: Annotated[
        list[str] | None,
        typer.Option("--backend", help="Run in this interpreter; without any of both, reference."),
    ] = None,
    decoder: Decoder = "opencv",
    prototxt: options.Prototxt = None,
    caffemodel: options.Caffemodel = None,
    labels: options.Labels = None,
    stage: options.Stages = None,
    level: options.Level = None,
    ca_bundle: options.CaBundle = None,
    fresh: options.Fresh = False,
    as_json: options.AsJson = False,
) -> None:
    """Exchange left eye, right eye, nose and mouth between faces, and extract each attribute's witnesses.

    Every environment gets a folder with both published file formats. Exit code: 0 done, 2 could not run.
    """
    require_extra("opencv", "witnesses extract")
    from harness.witnesses.extract import Request

    request = Request(
        model=model,
        base=base,
        output=output,
        others=others,
        landmarks=landmarks,
        mutated=mutated,
        globs=tuple(environment or ()),
        backends=tuple(backend or ()),
        decoder=decoder,
        prototxt=prototxt,
        caffemodel=caffemodel,
        labels=labels,
        stages=tuple(stage or ()),
        level=level,
        ca_bundle=ca_bundle,
        fresh=fresh,
    )
    perform(request, as_json=as_json)


def perform(request: Any, *, as_json: bool) -> None:
    """Extract what is asked for, print the result, and leave with its exit code."""
    from harness.report.progress import ConsoleScreen
    from harness.system.consoles import open_errors, open_output
    from harness.system.project import find_root
    from harness.witnesses.extract import run_extraction
    from harness.witnesses.outcome import extraction_to_json, print_extraction

    try:
        extraction = run_extraction(request, find_root(), ConsoleScreen(open_errors()))
    except KeyboardInterrupt:
        print_line("harness: interrupted; finished cells are kept and used next time", error=True)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(extraction_to_json(extraction))
    else:
        print_extraction(extraction, open_output())
    if any(one.status != "done" for one in extraction.results):
        raise typer.Exit(COULD_NOT_RUN)


@app.command(epilog=show_example("witnesses compare out/here-reference out/caffe-openblas"))
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="Folder of witness files, the baseline.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Folder of witness files.")],
    model: Annotated[
        str | None,
        typer.Option(help="Name or folder of the model, for folders that do not say it."),
    ] = None,
    prototxt: Annotated[Path | None, typer.Option(help="Their network, instead of a model's.")] = None,
    stage: options.Stages = None,
    level: options.Level = None,
    attribute: Annotated[
        list[str] | None, typer.Option("--attribute", help="Compare these alone: leye, reye, nose, mouth.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Compare two witness sets: entries lost and added by blob, and how near the median they were.

    Exit code: 0 the same, 1 different, 2 could not run.
    """
    from harness.system.consoles import open_output
    from harness.witnesses.compare import compare_sets
    from harness.witnesses.sets import read_sets
    from harness.witnesses.show import comparison_to_json, print_comparison

    network = read_network(model, prototxt, level, stage or ()) if model or prototxt else None
    sets = read_sets([first, second], network)
    comparison = compare_sets(sets[0], sets[1], tuple(attribute or ()))
    if as_json:
        print_json(comparison_to_json(comparison))
    else:
        print_comparison(comparison, open_output())
    raise typer.Exit(comparison.exit_code)


def read_network(model: str | None, prototxt: Path | None, level: int | None, stages: Sequence[str]) -> Any:
    """The network of a prototxt, or else of a model."""
    from harness.model.folder import choose_state, find_model, read_model_table
    from harness.model.prototxt import read_prototxt
    from harness.model.state import make_state

    if prototxt is not None:
        return read_prototxt(prototxt, make_state(level, stages))
    path = find_model(str(model))
    table = read_model_table(path)
    return read_prototxt(path.parent / table.prototxt, choose_state(table, level, stages))


def landmarks(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE|DIR...", help="Faces, or folders of them.")],
    predictor: Annotated[Path, typer.Option(help="Your shape predictor for 68 points, of the detector's.")],
    detector: Annotated[str, typer.Option(help="Who locates them: dlib.")] = "dlib",
    output: Annotated[
        Path, typer.Option(help="JSON file; images that it has already are replaced in it.")
    ] = Path("landmarks.json"),
    decoder: Decoder = "opencv",
) -> None:
    """Locate the 68 landmarks of faces and write them beside the images, for `witnesses extract`.

    Exit code: 0 done, 2 where some image was refused; the others are written all the same.
    """
    require_extra("opencv", "landmarks")
    from rich.progress import track

    from harness.system.consoles import open_errors
    from harness.system.text import make_line
    from harness.witnesses.detector import locate_landmarks

    errors = open_errors()
    search = locate_landmarks(
        images,
        detector,
        predictor,
        output,
        decoder,
        lambda paths: track(paths, "locate landmarks", console=errors, disable=not errors.is_terminal),
    )
    for line in (*search.notes, *search.refused):
        errors.print(make_line(line), markup=False, highlight=False, soft_wrap=True)
    print_line(f"{output}: {len(search.found)} faces located, {len(search.refused)} files refused")
    if search.refused:
        raise typer.Exit(COULD_NOT_RUN)
