"""Pages of the documentation that the code and the TOML files say by themselves.

python docs/make/pages.py            # write them
python docs/make/pages.py --check    # say which are not current

"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
DOCS = ROOT / "docs"
MEANINGS = ROOT / "harness" / "report" / "meanings.json"
MADE = "<!-- Made by docs/make/pages.py (`nox -s docs`); change what it is made from. -->"
WIDTH = 110


def make_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Lines of a Markdown table."""
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def list_environments() -> Iterator[str]:
    """Every group with its environments, and every environment, from `environments/`."""
    from harness.plan.environments import read_environments
    from harness.plan.register import read_register

    folder = ROOT / "environments"
    environments = read_environments(folder)
    register = read_register(folder, environments)
    yield "# Groups and environments\n"
    yield "What `--group` and `--environment` take. [Environments and the register](environments.md) says how"
    yield f"to add one. Without both options the group is `{register.default}`; the reference, which the"
    yield f"others are held against, is `{register.reference}`.\n"
    yield "## Groups\n"
    groups = [
        (f"`{name}`", about, ", ".join(f"`{one.name}`" for one in environments if name in one.groups))
        for name, about in register.groups.items()
    ]
    yield from make_table(("group", "what it compares", "environments"), groups)
    yield "\n## Environments\n"
    rows = [
        (f"`{one.name}`", one.description, one.launcher, f"`{one.backend}`", f"`{one.port}`")
        for one in environments
    ]
    yield from make_table(("environment", "what it is for", "launcher", "backend", "port"), rows)


def list_options() -> Iterator[str]:
    """Every verb with its arguments and options, from the command line itself."""
    import typer

    from harness.cli import app

    command = typer.main.get_command(app)
    verbs = dict(sorted(walk_verbs(command, ("harness",))))
    yield "# Verbs and their options\n"
    yield "As `--help` has them. What may be given several times says so; any other option is given once.\n"
    rows = [(f"[`{name}`](#{name_anchor(name)})", first_line(verb)) for name, verb in verbs.items()]
    yield from make_table(("verb", "what it does"), rows)
    for name, verb in verbs.items():
        yield from describe_verb(name, verb)


def walk_verbs(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Verbs by the words that call them, those of groups among them."""
    for name, one in getattr(command, "commands", {}).items():
        if hasattr(one, "commands"):
            yield from walk_verbs(one, (*words, name))
        else:
            yield " ".join((*words, name)), one


def name_anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading of letters, spaces and hyphens."""
    return heading.lower().replace(" ", "-")


def first_line(verb: Any) -> str:
    """The first sentence of a verb's help."""
    return " ".join(str(verb.help).split("\n\n")[0].split())


def describe_verb(name: str, verb: Any) -> Iterator[str]:
    """A verb's section: help, arguments, options, example."""
    import typer

    yield f"\n## {name}\n"
    for part in str(verb.help).replace("\b", "").split("\n\n"):
        yield f"{' '.join(part.split())}\n"
    context = typer.Context(verb, info_name=name)
    records = [one.get_help_record(context) for one in verb.params if not getattr(one, "hidden", False)]
    rows = [(f"`{names}`", " ".join(text.split())) for names, text in filter(None, records)]
    yield from make_table(("argument or option", "what it says"), rows)
    if verb.epilog:
        yield f"\n```console\n{write_examples(verb.epilog)}\n```"


def write_examples(epilog: str) -> str:
    """A verb's examples as lines of a console, whoever's interpreter runs this."""
    from harness.system.invocation import write_command

    text = epilog.replace(write_command(sudo=True), "sudo harness").replace(write_command(), "harness")
    return "\n".join(f"$ {line}" for line in text.partition(": ")[2].split("; "))


def list_meanings() -> Iterator[str]:
    """Sections of docs/causes.md, which reports have with them, as lines of JSON."""
    from harness.report.meanings import read_sections

    ones = read_sections((ROOT / "docs" / "causes.md").read_text(encoding="utf-8"))
    rows = [json.dumps(asdict(one), ensure_ascii=False) for one in ones]
    yield "[\n" + ",\n".join(rows) + "\n]"


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "environment-list.md": list_environments,
    "options.md": list_options,
}


def main() -> int:
    """Write the pages, or with --check say which are not current."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true")
    return write_pages(check=parser.parse_args().check)


def write_pages(*, check: bool) -> int:
    """Write all pages, or only say which are not current; the exit code."""
    made = {f"docs/{name}": (DOCS / name, [MADE, "", *make()]) for name, make in PAGES.items()}
    made["harness/report/meanings.json"] = (MEANINGS, list(list_meanings()))
    stale = []
    for name, (path, lines) in made.items():
        text = "\n".join(lines) + "\n"
        if check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            stale.append(name)
        elif not check:
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name}: is not what code, TOML files and docs/causes.md say; run `nox -s docs`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
