"""The verbs of `harness images`, with an engine that only keeps images."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from command_line import make_harness
from fake_engine import STAGE, ImageKeeper

from harness.images import series
from harness.images.lock import LOCK, ImageContents
from harness.images.recipes import read_images

FIXTURES = (make_harness,)
ROOT = Path(__file__).parents[2]
IMAGES = read_images(ROOT / "dockerfiles")
BUILT = IMAGES["caffe-openblas"]


@pytest.fixture(name="keeper")
def make_keeper(monkeypatch):
    keeper = ImageKeeper(BUILT.tag, BUILT.base, "ami-harness/old:1")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("harness.images.engine.connect_engine", lambda: keeper)
    return keeper


@pytest.fixture(name="engine")
def make_engine(monkeypatch, tmp_path):
    """An engine that builds an image by keeping it, with packages of a version."""
    engine = SimpleNamespace(version="1.0", built=[])

    def build(client, image, options, say, *, again):  # noqa: ARG001 - as it is called
        engine.built.append((image.name, again))
        return client.get(BUILT.tag)

    def read(client, image, built, cache):  # noqa: ARG001 - as it is called
        return ImageContents(
            image.tag, f"sha256:{engine.version}", "b", {"debian": {"libc6": engine.version}}
        )

    monkeypatch.setattr(series, "build_image", build)
    monkeypatch.setattr(series, "read_contents", read)
    monkeypatch.setattr("harness.system.project.find_root", lambda: tmp_path)
    shutil.copytree(ROOT / "dockerfiles", tmp_path / "dockerfiles")
    (tmp_path / "environments").mkdir()
    engine.lock = tmp_path / "environments" / LOCK
    return engine


@pytest.mark.usefixtures("keeper")
def test_images_are_listed_with_what_they_lack(harness):
    code, out, err = harness("images", "list")
    assert code == 0, err
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert set(lines) == set(IMAGES)
    assert lines[BUILT.name].endswith(f"{f'sha256:{BUILT.tag}'[:19]} 1.23 GB")
    other = next(image for image in IMAGES.values() if image.base != BUILT.base)
    assert lines[other.name].endswith(f"not built; its base {other.base} is not here")
    code, out, _ = harness("images", "list", "--json")
    assert [one["name"] for one in json.loads(out) if one["id"]] == [BUILT.name]


def test_a_dry_run_removes_nothing_and_a_real_one_says_the_same(harness, keeper):
    gone = [BUILT.base, "ami-harness/old:1", STAGE]
    code, out, _ = harness("images", "prune", "--dry-run")
    assert (code, keeper.removed) == (0, [])
    assert out.splitlines() == [*(f"would remove {tag}" for tag in gone), "3 would go"]
    _, out, _ = harness("images", "prune")
    assert out.splitlines() == [*(f"removed {tag}" for tag in gone), "3 removed"]
    assert keeper.removed == gone
    _, out, _ = harness("images", "prune", "--all", "--json")
    assert BUILT.tag in json.loads(out)


@pytest.mark.usefixtures("keeper")
def test_a_changed_image_is_named_until_it_is_accepted(harness, engine):
    code, out, err = harness("images", "build", BUILT.name)
    assert code == 0, err
    assert out.splitlines() == [f"{BUILT.name}: {BUILT.tag} {f'sha256:{BUILT.tag}'[:19]} 1.23 GB"]
    first = engine.lock.read_bytes()
    engine.version = "2.0"
    _, out, _ = harness("images", "build", BUILT.name, "--again")
    assert "changed since it was locked: debian package libc6: 1.0 → 2.0" in out
    assert engine.lock.read_bytes() == first
    _, out, _ = harness("images", "build", BUILT.name, "--accept", "--json")
    assert json.loads(out)[0]["changes"] == ["debian package libc6: 1.0 → 2.0"]
    _, out, _ = harness("images", "build", BUILT.name)
    assert "changed" not in out
    assert [again for _, again in engine.built] == [False, True, False, False]
