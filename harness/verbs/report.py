"""`harness report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.system.invocation import show_example
from harness.verbs import options

EXAMPLE = show_example('report 20260102T030405Z-1a2b --html report.html --markdown "$GITHUB_STEP_SUMMARY"')


def report(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help=f"{options.RUN_HELP} Or a folder of `diff --output`.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON instead of tables.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it as HTML, with more pictures than the run's own."),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write it as Markdown, under 1 MB. To $GITHUB_STEP_SUMMARY it is added, cut to fit.",
        ),
    ] = None,
    append: Annotated[
        bool, typer.Option("--append", help="Add the Markdown to its file, whatever the file is.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as JUnit XML.")] = None,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the terminal's picture as SVG.")
    ] = None,
    records: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write all records of all cells as one table, .csv or .parquet. In CSV, text that begins"
            " with = + - @ ' or a tab has a ' before it, lest a spreadsheet run it.",
        ),
    ] = None,
    reports: options.Reports = None,
) -> None:
    """Print the report of a run that exists, and write it in other forms; the exit code is that run's."""
    from harness.core.errors import InputError
    from harness.diff.locate import find_report
    from harness.report.export import export_records
    from harness.report.html.example_lists import find_compared
    from harness.report.html.write import export_html
    from harness.report.show import show_summary
    from harness.report.terminal import render_svg
    from harness.report.write import FORMS, append_markdown, is_step_summary, write_form
    from harness.summary.reading import read_summary
    from harness.system.project import find_root

    if append and markdown is None:
        raise InputError("--append: goes with --markdown FILE")
    place = reports or find_root() / "reports"
    folder = find_report(run, place)
    summary = read_summary(folder)
    if html is not None:
        export_html(html, summary, find_compared(folder, summary.run, place))
    adds = markdown is not None and (append or is_step_summary(markdown))
    if markdown is not None and adds:
        append_markdown(markdown, summary, folder)
    forms = ((None if adds else markdown, FORMS["report.md"]), (junit, FORMS["junit.xml"]), (svg, render_svg))
    for path, render in forms:
        if path is not None:
            write_form(path, render(summary, folder))
    if records is not None:
        export_records(records, folder, summary)
    show_summary(summary, folder, as_json=as_json)
