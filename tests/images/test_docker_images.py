"""Images with an engine: built, locked, swept, and every framework in them held to the backend contract."""

import io
import re
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from harness.core.errors import InputError
from harness.images.build import BuildOptions, build_image
from harness.images.engine import connect_engine, find_image
from harness.images.lock import read_contents
from harness.images.recipes import Recipe, read_images
from harness.images.series import build_images
from harness.images.sweep import list_statuses
from harness.images.wheelhouse import fill_wheelhouse
from harness.system.cache import find_cache

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
IMAGES = read_images(ROOT / "dockerfiles")
# The image, the backends that have to pass in it, and the Debian release whose Python runs pytest there.
CONTRACTS = {
    "caffe-openblas": ("caffe", "opencv"),
    "caffe-reference": ("caffe",),
    "caffe-atlas": ("caffe",),
    "debian-trixie": ("pytorch", "onnxruntime", "opencv"),
    "debian-bookworm": ("pytorch", "opencv"),
    "pypi-pytorch": ("pytorch",),
    "pypi-onnxruntime": ("onnxruntime",),
    "pypi-opencv": ("opencv",),
}
LOCKED_IN = {"read_only": True, "cap_drop": ["ALL"], "network_mode": "none", "pids_limit": 256}


@pytest.fixture(name="client", scope="module")
def make_client():
    try:
        client = connect_engine()
    except InputError as error:
        pytest.skip(str(error))
    yield client
    client.close()


@pytest.fixture(name="place", scope="module")
def make_place():
    return BuildOptions(find_cache(ROOT), threading.Event())


@pytest.fixture(name="build", scope="module")
def make_builder(client, place):
    def build(name):
        return build_image(client, IMAGES[name], place, print)

    return build


def run_inside(client, image, command, files):
    """Exit code and output of a command in a locked-in container with files under /work."""
    container = client.api.create_container(
        image.id,
        command,
        user="1000",
        working_dir="/work",
        volumes=["/work"],
        environment={"PYTHONPATH": "/work/site", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
        host_config=client.api.create_host_config(tmpfs={"/tmp": ""}, **LOCKED_IN),
    )["Id"]
    try:
        client.api.put_archive(container, "/work", files)
        client.api.start(container)
        code = client.api.wait(container)["StatusCode"]
        return code, client.api.logs(container).decode("utf-8", "replace")
    finally:
        client.api.remove_container(container, v=True, force=True)


def pack_tests(release, place):
    """The harness, its tests, and pytest for a release's Python, as a tar file."""
    lines = (ROOT / "requirements" / "inside.txt").read_text().splitlines()
    pins = [line for line in lines if not re.match(r"#|numpy|pillow", line)]
    recipe = Recipe(dockerfile="wheels", release=release, packages=tuple(pins))
    wheels = fill_wheelhouse(recipe, place.cache, place.stop, print)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for path in (
            ROOT / "pyproject.toml",
            *(ROOT / "harness").rglob("*.py"),
            *(ROOT / "tests").rglob("*.py"),
        ):
            tar.add(path, arcname=str(path.relative_to(ROOT)))
        for wheel in wheels.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                for entry in (entry for entry in archive.infolist() if not entry.is_dir()):
                    info = tarfile.TarInfo(f"site/{entry.filename}")
                    info.size, info.mode = entry.file_size, 0o644
                    tar.addfile(info, io.BytesIO(archive.read(entry)))
    return file.getvalue()


@pytest.mark.parametrize("name", CONTRACTS)
def test_backends_keep_the_contract_inside(client, build, place, name):
    image = build(name)
    tests = [
        "tests/backends/test_backends.py",
        *(["tests/backends/test_caffe.py"] if name.startswith("caffe") else []),
    ]
    wanted = " or ".join((*CONTRACTS[name], "test_caffe"))
    # What Debian's packages deprecate among themselves is not this project's.
    options = ["-q", "-p", "no:cacheprovider", "-W", "default::DeprecationWarning", "-k", wanted]
    command = ["python3", "-m", "pytest", *options, *tests]
    code, output = run_inside(client, image, command, pack_tests(IMAGES[name].recipe.release, place))
    assert code == 0, output[-4000:]
    for backend in CONTRACTS[name]:
        assert f"backend {backend}: No module" not in output, output[-4000:]
    assert int(re.search(r"(\d+) passed", output)[1]) >= 40 * len(CONTRACTS[name])


def test_a_built_image_is_not_built_again(client, build, place):
    first = build("caffe-openblas")
    said = []
    again = build_image(client, IMAGES["caffe-openblas"], place, said.append)
    assert (again.id, said) == (first.id, [])


@pytest.mark.parametrize(
    ("name", "library"),
    [("reference", "/blas/libblas.so.3"), ("atlas", "/atlas/libblas.so.3"), ("openblas", "libopenblas")],
)
def test_the_blas_of_an_image_is_the_one_that_runs(client, build, name, library):
    program = "from harness.backends import caffe; print(caffe.versions()['blas'])"
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for path in (ROOT / "harness").rglob("*.py"):
            tar.add(path, arcname=f"site/{path.relative_to(ROOT)}")
    code, output = run_inside(client, build(f"caffe-{name}"), ["python3", "-c", program], file.getvalue())
    assert code == 0, output
    assert library in output


def test_nothing_of_the_build_stays_in_an_image(client, build):
    image = build("caffe-openblas")
    code, output = run_inside(client, image, ["sh", "-c", "ls -d /build /wheels"], empty_archive())
    assert code == 2, output
    history = " ".join(str(entry["CreatedBy"]) for entry in image.history())
    assert not re.search(r"MIRROR|proxy|http|install\.sh", history)


def empty_archive():
    file = io.BytesIO()
    tarfile.open(fileobj=file, mode="w").close()
    return file.getvalue()


def test_images_are_locked_and_changes_reported(client, build, place, tmp_path):
    build("caffe-openblas")
    chosen = [IMAGES["caffe-openblas"]]
    (first,) = build_images(client, chosen, place, tmp_path, print)
    assert first["changes"] == []
    text = (tmp_path / "images.lock").read_text()
    assert '"python3-caffe"' in text
    (tmp_path / "images.lock").write_text(
        text.replace(first["id"], "sha256:0").replace("1.0.0+git", "0.9.9+git")
    )
    (second,) = build_images(client, chosen, place, tmp_path, print)
    assert any(change.startswith("debian package python3-caffe: 0.9.9") for change in second["changes"])
    build_images(client, chosen, place, tmp_path, print, accept=True)
    (third,) = build_images(client, chosen, place, tmp_path, print)
    assert third["changes"] == []


def test_contents_of_wheels_images_name_their_wheels(client, build, place):
    built = build("pypi-opencv")
    contents = read_contents(client, IMAGES["pypi-opencv"], built, place.cache)
    assert contents.packages["python"]["opencv-python-headless"] == "4.14.0.94"
    assert contents.base == find_image(client, IMAGES["pypi-opencv"].base).id


def test_standings_tell_built_images_from_others(client, build):
    build("pypi-opencv")
    (status,) = list_statuses(client, [IMAGES["pypi-opencv"]])
    assert status.has_base
    assert status.size > 1e7


def test_a_build_that_fails_gives_the_end_of_its_log(client, place, tmp_path):
    for path in (ROOT / "dockerfiles").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "images.toml").write_text(
        '[bad]\ndockerfile = "debian"\nrelease = "bullseye"\nblas = "openblas"\npackages = ["no-such"]'
    )
    with pytest.raises(InputError, match=r"(?s)image bad: cannot be built.*no-such"):
        build_image(client, read_images(tmp_path)["bad"], place, print)
