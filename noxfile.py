"""Sessions: each installs pinned packages and runs one command or a few."""

import os
import tempfile

import nox

nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "tests", "inside"]

INSIDE_TESTS = [f"tests/{room}" for room in ("core", "ami", "detectors", "backends", "worker")]


def install(session: nox.Session, *names: str) -> None:
    """Install the pinned packages of requirements/NAME.txt."""
    for name in names:
        session.install("--quiet", "--requirement", f"requirements/{name}.txt")


@nox.session
def matrix(session: nox.Session) -> None:
    """Run the detector in the default environments and say who disagrees (options after --)."""
    install(session, "harness")
    session.run("python", "-m", "harness", "matrix", *session.posargs)


@nox.session
def harness(session: nox.Session) -> None:
    """Run any verb: `nox -s harness -- doctor`."""
    install(session, "harness")
    session.run("python", "-m", "harness", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests with every backend (`-- -m slow` for the full-size ones)."""
    install(session, "tests")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which lines and branches the tests run, also in programs that they start (twice their time)."""
    install(session, "tests", "coverage")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session(python="3.9")
def inside(session: nox.Session) -> None:
    """Run the inside half's tests on the oldest Python and NumPy that environments bring."""
    install(session, "inside")
    session.run("python", "-m", "pytest", *INSIDE_TESTS, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style, types, which room imports which, the workflows, and the reports' scripts."""
    install(session, "lint")
    session.run("ruff", "format", "--check")
    session.run("ruff", "check")
    session.run("mypy")
    session.run("lint-imports", env={"PYTHONPATH": "."})
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", ".github/workflows/ci.yml")
    with tempfile.TemporaryDirectory() as scripts:  # in .nox, which Git ignores, the linter would ignore them
        session.run("python", "docs/make/scripts.py", scripts, env={"PYTHONPATH": "."})
        session.run("oxlint", "--config", ".oxlintrc.json", scripts)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Damage documents, a thousand for every reader (`-- --reader NAME --number N --seed S`)."""
    install(session, "tests")
    session.run(
        "python",
        "-m",
        "fuzz",
        *session.posargs,
        env={"PYTHONPATH": os.pathsep.join((".", "tests", "tests/support"))},
    )


@nox.session
def faults(session: nox.Session) -> None:
    """Plant drawn faults, explain them blind, count (`-- --count N --seed S`, `-- --pairs`, `-- NAME`)."""
    install(session, "tests")
    session.run(
        "python",
        "-m",
        "faults",
        *session.posargs,
        env={"PYTHONPATH": os.pathsep.join((".", "tests", "tests/support"))},
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Measure speed and memory as ratios within one run (gigabytes, minutes)."""
    install(session, "tests")
    session.run("python", "-m", "bench", *session.posargs)


@nox.session
def schema(session: nox.Session) -> None:
    """Write the JSON schemas of summaries, records and cells anew, after their classes were changed."""
    install(session, "harness")
    session.run("python", "-m", "harness.summary.schema")
    session.run("python", "-m", "harness.records.schema")


@nox.session
def docs(session: nox.Session) -> None:
    """Write the pages that code and TOML files say anew (`-- --check` says which are not current)."""
    install(session, "harness")
    session.run("python", "docs/make/pages.py", *session.posargs)


@nox.session
def sample(session: nox.Session) -> None:
    """Make reports/sample and the pictures anew (`-- --environment local-*` without Docker)."""
    install(session, "tests")
    options = session.posargs or ("--group", "table5")
    session.run("python", "docs/make/sample.py", *options, env={"PYTHONPATH": "."})
    session.run("python", "docs/make/screenshot.py")
    session.run("python", "docs/make/divergence.py", env={"PYTHONPATH": "."})


@nox.session
def table5(session: nox.Session) -> None:
    """Run the study's Table 5, explain it, and write docs/table5.md (`-- --group table5-local` for one)."""
    install(session, "harness")
    session.run("python", "docs/make/table5.py", *session.posargs, env={"PYTHONPATH": "."})


@nox.session
def numerics(session: nox.Session) -> None:
    """Read in which order environments add up, hold it against bits, and write docs/numerics.md."""
    install(session, "harness")
    session.run("python", "docs/make/numerics.py", *session.posargs, env={"PYTHONPATH": "."})


def edges(session: nox.Session) -> None:
    """Run the examples on the edge, explain them, and write their part of docs/numerics.md (half an hour)."""
    install(session, "harness")
    session.run("python", "docs/make/edges.py", *session.posargs, env={"PYTHONPATH": "."})


@nox.session(name="make-examples")
def make_examples(session: nox.Session) -> None:
    """Make the bundled examples anew and say what came out differently (`-- --check` leaves them alone)."""
    install(session, "tests")
    script = "models/tiny-vgg-face/make/make_examples.py"
    session.run("python", script, *session.posargs, env={"PYTHONPATH": "."})


@nox.session(name="make-fragile")
def make_fragile(session: nox.Session) -> None:
    """Search the list `fragile` anew, examples that hang on last bits, in minutes (`-- --check` compares)."""
    install(session, "tests")
    script = "models/tiny-vgg-face/make/fragile.py"
    session.run("python", script, *session.posargs, env={"PYTHONPATH": "."})


@nox.session(name="train-tiny")
def train_tiny(session: nox.Session) -> None:
    """Train the bundled model anew, then make its witnesses and examples."""
    install(session, "tests")
    for step in ("train", "witnesses"):
        session.run("python", f"models/tiny-vgg-face/make/{step}.py", env={"PYTHONPATH": "."})
    # Examples of a new model come out differently, which is 1.
    for script in ("make_examples", "fragile"):
        path = f"models/tiny-vgg-face/make/{script}.py"
        session.run("python", path, env={"PYTHONPATH": "."}, success_codes=[0, 1])
