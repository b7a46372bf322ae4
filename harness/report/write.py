"""Every form of a report, made from one summary. No other place knows them all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from harness.core.errors import InputError
from harness.report.document import list_pieces
from harness.report.junit import render_junit
from harness.report.markdown import BREAK, MOST_BYTES, render_markdown
from harness.report.terminal import render_text
from harness.report.words import PAGE
from harness.summary.document import Summary
from harness.system.drafts import hold_draft, write_atomically

Render = Callable[[Summary, Path], str | Iterable[str]]
"""Text of one form, or pieces of it; the folder is the one in which the report will be found."""


def render_json(summary: Summary, _folder: Path) -> Iterable[str]:
    """The summary itself."""
    return list_pieces(summary)


FORMS: dict[str, Render] = {
    "summary.json": render_json,
    "report.txt": render_text,
    "report.md": render_markdown,
    "junit.xml": render_junit,
}
HTML = PAGE
MOST_STEP_BYTES = 1_024_000  # of a step's summary: GitHub drops a longer one whole


def write_reports(
    folder: Path, summary: Summary, place: Path | None = None, runs: Sequence[Path] | None = None
) -> None:
    """Write all forms into a folder, which will be found at `place` (default: where it is); OSError.

    Pictures of examples are looked for where the cells of `runs` had them (default: the folder's cells).
    """
    from harness.report.html.write import write_html  # templates and pictures are slow to import

    listed = summary.model_copy(update={"divergences": tuple(summary.divergences)})  # looked at many times
    for name, render in FORMS.items():
        write_atomically(folder / name, render(listed, place or folder))
    if runs is None:
        write_html(folder / HTML, listed, [folder], places=[place or folder])
    else:
        write_html(folder / HTML, listed, runs)


def write_folder(folder: Path, summary: Summary, runs: Sequence[Path] = ()) -> None:
    """Make a folder that holds all forms, or nothing; InputError where it holds something already."""
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(f"{folder}: is not empty; name a new folder")
        with hold_draft(folder.parent) as draft:
            write_reports(draft, summary, folder, runs)
            if folder.is_dir():
                folder.rmdir()
            draft.rename(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from error


def is_step_summary(path: Path) -> bool:
    """Whether a file is the one that GitHub gives a step for its summary, and to which others add as well."""
    place = os.environ.get("GITHUB_STEP_SUMMARY")
    return bool(place) and Path(str(place)).absolute() == path.absolute()


def append_markdown(path: Path, summary: Summary, folder: Path) -> None:
    """Add the report to a file, as much of it as leaves the file within GitHub's limit.

    InputError where that cannot be, or where there is no room even for the verdict.
    """
    try:
        size = path.stat().st_size if path.exists() else 0
        text = render_markdown(summary, folder, min(MOST_BYTES, MOST_STEP_BYTES - size - len(BREAK)))
        if not text:
            raise InputError(
                f"{path}: holds {size} bytes already, and GitHub drops a summary of more than"
                f" {MOST_STEP_BYTES}; write the report to another file"
            )
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write((BREAK if size else "") + text)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error


def write_form(path: Path, text: str | Iterable[str]) -> None:
    """Write one form into a file, which is replaced as a whole; InputError where that cannot be."""
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            with path.open("w", encoding="utf-8") as file:  # such as /dev/stdout
                file.writelines(text)
        else:
            write_atomically(path, text)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
