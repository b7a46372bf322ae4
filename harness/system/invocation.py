"""Commands as whoever reads them can paste them: how this program is started here, and with what."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPT = "harness.exe" if sys.platform == "win32" else "harness"


def write_command(*words: str, sudo: bool = False) -> str:
    """The command that starts this program with these words; they are quoted as a shell wants it.

    With `sudo`, as somebody who then has neither this path nor this environment.
    """
    program = ("sudo", *name_privileged()) if sudo else name_program()
    return shlex.join([*program, *words])


def show_example(*texts: str, sudo: bool = False) -> str:
    """A line of help: commands of words that are quoted already."""
    program = write_command(sudo=sudo)
    return f"Example{'s' * (len(texts) > 1)}: {'; '.join(f'{program} {text}' for text in texts)}"


def name_program() -> tuple[str, ...]:
    """How to start this program from here: as the script that is installed, through nox, or by its path."""
    script = find_script()
    if script is not None:
        return ("harness",) if is_found(script) else (str(script),)
    if is_in_checkout() and (CHECKOUT / "noxfile.py").is_file():
        return ("nox", "-s", "harness", "--")
    return name_module()


def name_privileged() -> tuple[str, ...]:
    """How somebody starts it who has another path than we have."""
    script = find_script()
    if script is not None:
        return (str(script.absolute()),)
    return (sys.executable, "-m", "harness") if is_in_checkout() else name_module()


def name_module() -> tuple[str, ...]:
    """How to start it where it is not installed: by this interpreter, with the folder that it is in."""
    return ("env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "harness")


def find_script() -> Path | None:
    """The script that an installation has put where this interpreter's scripts are; None without one."""
    places = (Path(sys.argv[0] if sys.argv else ""), Path(sys.executable).with_name(SCRIPT))
    return next((one for one in places if one.name == SCRIPT and one.is_file()), None)


def is_found(script: Path) -> bool:
    """Whether the script's bare name starts it."""
    found = shutil.which(SCRIPT)
    return found is not None and Path(found).samefile(script)


def is_in_checkout() -> bool:
    """Whether we are in the folder that holds this program's sources."""
    return Path.cwd() == CHECKOUT


def name_place(path: Path) -> str:
    """A file or folder as one would type it from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path.absolute())
