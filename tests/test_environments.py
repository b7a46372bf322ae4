"""Environments: what a file may say, and that the ones in the repository hold together."""

from pathlib import Path

import pytest

from harness.ami.errors import InputError
from harness.matrix.environments import read_environments

ROOT = Path(__file__).parents[1]
GOOD = """description = "for tests"
backend = "reference"
groups = ["default"]
packages = ["numpy==2.4.6"]
[settings]
threads = 2
"""


def write(folder, text, name="one"):
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")


def test_a_file_becomes_an_environment_with_its_name(tmp_path):
    write(tmp_path, GOOD, "local-one")
    (environment,) = read_environments(tmp_path)
    assert environment.name == "local-one"
    assert environment.settings.threads == 2
    assert environment.settings.precision == "float32"
    assert environment.launcher == "local"
    assert environment.parameters.alpha == 100


def test_environments_are_frozen(tmp_path):
    write(tmp_path, GOOD)
    (environment,) = read_environments(tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        environment.batch_size = 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("threads = 2", "threads = 0"), ["settings.threads = 0", "greater than or equal to 1"]),
        (("threads = 2", "threads = '2'"), ["settings.threads", "integer"]),
        (("threads = 2", "treads = 2"), ["settings.treads", "unknown key", "threads, precision"]),
        (("backend =", "bakend ="), ["bakend", "unknown key", "backend", "is missing"]),
        (("'reference'", "'caffee'"), ["backend = 'caffee'", "reference, pytorch"]),
        (("==2.4.6", ">=2"), ["numpy>=2", "not pinned", "NAME==VERSION"]),
        (("==2.4.6", "==2.*"), ["not pinned"]),
        (("[settings]", 'port = "x"\n[settings]'), ["port = 'x'", "notebook"]),
        (("[settings]", "[rules]\nddof = 7\n[settings]"), ["ddof", "0, 1"]),
        (("[settings]", "[parameters]\nalpha = 0\n[settings]"), ["parameters.alpha = 0", "greater than 0"]),
        (("[settings]", 'python = "3"\n[settings]'), ["python"]),
        (("[settings]", 'name = "x"\n[settings]'), ["name", "cannot be set"]),
        (("groups", "groups = ["), ["no TOML"]),
    ],
)
def test_what_is_wrong_is_named_with_file_key_and_choices(tmp_path, change, words):
    write(tmp_path, GOOD.replace('"reference"', "'reference'").replace(*change))
    with pytest.raises(InputError) as caught:
        read_environments(tmp_path)
    assert str(tmp_path / "one.toml") in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_folder_without_environments_is_an_error(tmp_path):
    write(tmp_path, "", "matrix")
    with pytest.raises(InputError, match="holds no environment"):
        read_environments(tmp_path)


def test_the_environments_of_the_repository_are_sound():
    environments = {one.name: one for one in read_environments(ROOT / "environments")}
    assert len(environments) >= 8
    for one in environments.values():
        assert one.packages
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            assert one.variables[variable] == str(one.settings.threads)
    assert environments["local-reference-float64"].settings.precision == "float64"
    assert environments["local-pytorch-port"].port == "pytorch-port"
    assert "default" not in environments["local-pytorch-port"].groups


def test_the_two_releases_of_one_framework_differ_in_its_package_alone():
    environments = {one.name: one for one in read_environments(ROOT / "environments")}
    new, old = environments["local-onnxruntime"], environments["local-onnxruntime-1-20"]
    assert set(new.packages) - set(old.packages) == {"onnxruntime==1.32.0"}
    assert new.settings == old.settings
    assert new.variables == old.variables
