"""Environments: what a file may say, and that the ones in the repository hold together."""

import itertools
import shutil
from pathlib import Path

import pytest

from harness.core.errors import InputError
from harness.images.recipes import read_images
from harness.launch.launchers import check_environments
from harness.plan.environments import read_environments
from harness.plan.register import read_register

ROOT = Path(__file__).parents[2]
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
        (
            ("[settings]", "[rules]\narithmetic = 'torch'\n[settings]"),
            ["needs backend pytorch, not reference"],
        ),
        (("[settings]", "[parameters]\nalpha = 0\n[settings]"), ["parameters.alpha = 0", "greater than 0"]),
        (("[settings]", 'python = "3"\n[settings]'), ["python"]),
        (("[settings]", 'name = "x"\n[settings]'), ["name", "cannot be set"]),
        (("groups", "groups = ["), ["no TOML"]),
        (("[settings]", f"[rules]\nddof = {'[' * 5000}\n[settings]"), ["no TOML", "recursion"]),
        (("[settings]", f"{'a.' * 20_000}a = 1\n[settings]"), ["key of more than 32 parts"]),
        (("threads = 2", f"threads = {'9' * 5000}"), ["no TOML", "digits"]),
        (("threads = 2", f"threads = {1 << 64}"), ["threads: is an integer of more than 64 bits"]),
        (("[settings]", "[rules]\nlisting = 5\n[settings]"), ["listing = 5", "list of witness files"]),
        (('packages = ["numpy==2.4.6"]', ""), ["packages", "is missing"]),
        (("[settings]", 'image = "x"\n[settings]'), ["image", "launcher 'local' has no such"]),
        (("[settings]", "memory_megabytes = 512\n[settings]"), ["memory_megabytes", "'local'"]),
        (
            ("[settings]", 'launcher = "podman"\n[settings]'),
            ["launcher = 'podman'", "there are local, docker"],
        ),
        (("[settings]", 'launcher = "docker"\n[settings]'), ["image", "is missing"]),
        (("[settings]", '[variables]\n"A=B" = "1"\n[settings]'), ["variables", "'A=B'", "NAME"]),
        (("[settings]", '[variables]\n"" = "1"\n[settings]'), ["variables", "cannot name"]),
        (("[settings]", '[variables]\nA = "1\\u0000"\n[settings]'), ["variables", "value of A holds a NUL"]),
        (("[settings]", f'[variables]\nA = "{"1" * 40_000}"\n[settings]'), ["variables", "32767"]),
        (
            ("[settings]", '[variables]\nPYTHONPATH = "/x"\n[settings]'),
            ["itself sets PYTHONPATH", "remove it"],
        ),
    ],
)
def test_what_is_wrong_is_named_with_file_key_and_choices(tmp_path, change, words):
    write(tmp_path, GOOD.replace('"reference"', "'reference'").replace(*change))
    with pytest.raises(InputError) as caught:
        read_environments(tmp_path)
    assert str(tmp_path / "one.toml") in str(caught.value)
    for word in words:
        assert word in str(caught.value)


CONTAINER = """description = "for tests"
backend = "caffe"
launcher = "docker"
image = "caffe-openblas"
groups = ["docker"]
"""


def test_a_container_takes_its_packages_from_its_image(tmp_path):
    write(tmp_path, CONTAINER)
    (environment,) = read_environments(tmp_path)
    assert (environment.image, environment.packages) == ("caffe-openblas", ())
    assert environment.memory_megabytes == 4096


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('packages = ["numpy==1"]', ["packages", "'docker' has no such"]),
        ('python = "3.9"', ["python", "'docker' has no such"]),
        ("memory_megabytes = 10", ["memory_megabytes = 10", "64"]),
        ("memory_megabytes = '10'", ["memory_megabytes = '10'", "integer"]),
        ('[settings]\ndevice = "cuda"', ["settings.device", "cpu alone"]),
    ],
)
def test_what_a_container_cannot_have_is_refused(tmp_path, more, words):
    write(tmp_path, CONTAINER + more)
    with pytest.raises(InputError) as caught:
        read_environments(tmp_path)
    for word in (str(tmp_path / "one.toml"), *words):
        assert word in str(caught.value)


def test_an_image_that_does_not_exist_is_named_with_those_that_do(tmp_path):
    (tmp_path / "environments").mkdir()
    write(tmp_path / "environments", CONTAINER.replace("openblas", "mkl"))
    shutil.copytree(ROOT / "dockerfiles", tmp_path / "dockerfiles")
    found = read_environments(tmp_path / "environments")
    with pytest.raises(InputError, match=r"one\.toml: image = 'caffe-mkl'.*caffe-reference, caffe-atlas"):
        check_environments(found, tmp_path)


def test_a_folder_without_environments_is_an_error(tmp_path):
    write(tmp_path, "", "matrix")
    with pytest.raises(InputError, match="holds no environment"):
        read_environments(tmp_path)


def test_the_environments_of_the_repository_are_sound():
    environments = {one.name: one for one in read_environments(ROOT / "environments")}
    images = read_images(ROOT / "dockerfiles")
    assert len(environments) >= 28
    for one in environments.values():
        assert one.packages if one.launcher == "local" else one.image in images
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            assert one.variables[variable] == str(one.settings.threads)
    assert environments["local-reference-float64"].settings.precision == "float64"
    assert environments["local-pytorch-port"].port == "pytorch-port"
    assert "default" not in environments["local-pytorch-port"].groups


ABOUT = {
    "default": lambda one, _: one.backend,
    "docker": lambda one, _: one.launcher,
    "table5": lambda one, _: (one.port, *one.rules.get("listing", ())),
    "table5-local": lambda one, _: (one.port, *one.rules.get("listing", ())),
    "isa": lambda one, _: one.variables.get("ATEN_CPU_CAPABILITY"),
    "threads": lambda one, _: one.settings.threads,
    "graph": lambda one, _: one.settings.graph_optimisation,
    "winograd": lambda one, _: one.settings.winograd,
    "arm64": lambda one, images: images[one.image].recipe.architecture,
    "gpu": lambda one, _: one.settings.tf32,
    "ports": lambda one, _: one.port,
    "decoders": lambda one, _: one.decoder,
    "inside": lambda one, _: one.python,
}
MIXED = ("default", "docker", "table5")


def test_every_group_holds_a_pair_that_differs_in_what_it_is_about():
    environments = read_environments(ROOT / "environments")
    images = read_images(ROOT / "dockerfiles")
    assert set(read_register(ROOT / "environments", environments).groups) == set(ABOUT)
    for group, about in ABOUT.items():
        pairs = itertools.combinations([one for one in environments if group in one.groups], 2)
        telling = [
            (one.name, other.name)
            for one, other in pairs
            if about(one, images) != about(other, images) and (group in MIXED or one.backend == other.backend)
        ]
        assert telling, group


def test_a_group_that_needs_no_engine_compares_without_one():
    environments = read_environments(ROOT / "environments")
    for group in ("default", "table5-local", "winograd", "ports", "decoders", "inside", "gpu"):
        local = [one for one in environments if group in one.groups and one.launcher == "local"]
        assert len(local) >= 2, group


def test_the_two_releases_of_one_framework_differ_in_its_package_alone():
    environments = {one.name: one for one in read_environments(ROOT / "environments")}
    new, old = environments["local-onnxruntime"], environments["local-onnxruntime-1-20"]
    assert set(new.packages) - set(old.packages) == {"onnxruntime==1.32.0"}
    assert new.settings == old.settings
    assert new.variables == old.variables
