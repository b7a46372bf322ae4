"""Every form of a report, made from one summary. No other place knows them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from harness.ami.errors import InputError
from harness.report.document import list_pieces
from harness.report.junit import render_junit
from harness.report.markdown import render_markdown
from harness.report.summary import Summary
from harness.report.terminal import render_text
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
HTML = "report.html"


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
