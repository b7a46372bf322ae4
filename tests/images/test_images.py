"""Images without an engine: recipes, keys, contexts, wheelhouses, mirrors, the lock, and clear refusals."""

import hashlib
import io
import json
import re
import socket
import tarfile
import threading
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_engine import ImageKeeper
from typer.testing import CliRunner

from harness.core.errors import InputError
from harness.images import base, build, lock, wheelhouse
from harness.images.archive import write_archive
from harness.images.engine import (
    DEFAULT_HOST,
    EngineMissingError,
    connect_engine,
    find_endpoint,
    shorten_error,
)
from harness.images.follow import follow_log
from harness.images.recipes import Recipe, name_base, read_images, select_images
from harness.images.sweep import list_unused, prune_images
from harness.launch.docker.launcher import open_session
from harness.launch.launcher import Opening
from harness.verbs.images import app

ROOT = Path(__file__).parents[2]
FILES = ("install.sh", "caffe.Dockerfile", "debian.Dockerfile", "wheels.Dockerfile")
GOOD = '[one]\ndockerfile = "caffe"\nrelease = "bullseye"\nblas = "atlas"\n'
WHEELS = Recipe(dockerfile="wheels", release="bookworm", packages=("Some.thing[x]==1.0", "other_one==2"))


@pytest.fixture(name="folder")
def make_folder(tmp_path):
    for name in FILES:
        (tmp_path / name).write_text(f"# {name}\n")
    (tmp_path / "images.toml").write_text(GOOD)
    return tmp_path


@pytest.fixture(name="image")
def make_image(folder):
    return read_images(folder)["one"]


@pytest.fixture(name="place")
def make_place(tmp_path):
    return build.BuildOptions(tmp_path / "cache", threading.Event())


def test_the_repositorys_images_hold_together():
    images = read_images(ROOT / "dockerfiles")
    assert {"caffe-reference", "caffe-atlas", "caffe-openblas"} <= set(images)
    assert len({image.tag for image in images.values()}) == len(images)
    locked = lock.read_lock(ROOT / "environments" / "images.lock")
    assert set(locked) <= set(images)
    assert all(locked[name].tag == images[name].tag for name in locked)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[a]\ndockerfile = "alpine"\nrelease = "x"', r":2: a\.dockerfile = 'alpine'.*'caffe', 'debian' or"),
        ('[a]\ndockerfile = "caffe"\nrelease = "x"', r"choose reference, atlas, openblas"),
        ('[a]\ndockerfile = "debian"\nrelease = "x"\nblas = "atlas"', "choose reference, openblas"),
        ('[a]\ndockerfile = "wheels"\nrelease = "x"\nblas = "atlas"\npackages = ["a==1"]', "leave it out"),
        ('[a]\ndockerfile = "wheels"\nrelease = "x"\npackages = ["torch>=2"]', "write NAME==VERSION"),
        ('[a]\ndockerfile = "wheels"\nrelease = "x"', "needs some"),
        (
            '[a]\ndockerfile = "debian"\nrelease = "x"\nblas = "openblas"\npackages = ["a;b"]',
            "no name of a Debian package",
        ),
        (GOOD + 'packages = ["a"]', "dockerfile caffe takes none"),
        (GOOD + 'architecture = "mips"', "architecture = 'mips'"),
        (GOOD + "color = 1", r":\d+: one\.color: unknown key; there are dockerfile, release"),
        ('[a]\ndockerfile = "caffe"\nrelease = "../x"\nblas = "atlas"', "release = '../x'"),
        ('["../up"]\nrelease = "x"', r":1: ../up.*string should match pattern"),
        ("one = 1", r":1: one = 1: must be a table, \[one\]"),
        ("[one", "no TOML that can be read"),
        (f"a = {'[' * 5000}", "no TOML that can be read .*recursion"),
    ],
)
def test_a_wrong_listing_is_refused(folder, text, words):
    (folder / "images.toml").write_text(text)
    with pytest.raises(InputError, match=rf"images\.toml.*{words}"):
        read_images(folder)


def test_a_missing_dockerfile_is_refused(folder):
    (folder / "caffe.Dockerfile").unlink()
    with pytest.raises(InputError, match=r"caffe\.Dockerfile: cannot be read"):
        read_images(folder)


@pytest.mark.parametrize("name", ["caffe.Dockerfile", "install.sh"])
def test_a_tag_changes_with_what_the_image_is_made_from(folder, image, name):
    (folder / name).write_text("changed")
    assert read_images(folder)["one"].tag != image.tag
    assert read_images(folder)["one"].tag == read_images(folder)["one"].tag
    assert image.tag.startswith("ami-harness/one:")


def test_images_are_selected_by_name_or_by_this_machines_processor(folder, monkeypatch):
    more = GOOD.replace("one", "two") + 'architecture = "arm64"'
    (folder / "images.toml").write_text(GOOD + more)
    images = read_images(folder)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert [image.name for image in select_images(images, [])] == ["one"]
    assert [image.name for image in select_images(images, ["t*"])] == ["two"]
    with pytest.raises(InputError, match="'three': there is none; there are one, two"):
        select_images(images, ["one", "three"])


def test_bases_of_another_processor_have_another_name(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert name_base("trixie", "amd64") == "debian:trixie-slim"
    assert name_base("sid", "amd64") == "debian:unstable-slim"
    assert name_base("bullseye", "arm64") == "arm64v8/debian:bullseye-slim"
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert name_base("bullseye", "arm64") == "debian:bullseye-slim"
    assert name_base("bullseye", "amd64") == "amd64/debian:bullseye-slim"


SOURCES = {
    "sources.list": "# deb http://no.example/debian x main\ndeb [k=/k] http://m.example/debian/ x main\n",
    "sources.list.d/debian.sources": "Types: deb\nURIs: http://m.example/debian/\nComponents: main\n",
}


@pytest.mark.parametrize("name", SOURCES)
def test_the_mirror_is_read_from_apts_sources(tmp_path, name):
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "another.list").write_text("deb http://other.example/apt x main\n")
    (tmp_path / name).write_text(SOURCES[name])
    assert base.read_mirror(tmp_path) == "http://m.example/debian/"


def test_the_mirror_is_chosen_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(base, "APT", tmp_path)
    assert base.choose_mirror(None) is None
    (tmp_path / "sources.list").write_text("deb http://apt.example/debian x main\n")
    assert base.choose_mirror(None) == "http://apt.example/debian"
    monkeypatch.setenv("HARNESS_DEBIAN_MIRROR", "http://variable.example/debian")
    assert base.choose_mirror(None) == "http://variable.example/debian"
    assert base.choose_mirror("http://given.example/debian") == "http://given.example/debian"


def test_what_a_base_image_needs_is_said(monkeypatch):
    monkeypatch.setattr(base.shutil, "which", lambda _name: None)
    with pytest.raises(InputError, match="debootstrap is not installed; install it"):
        base.check_rights("trixie", "amd64")
    monkeypatch.setattr(base.shutil, "which", lambda _name: "/usr/sbin/debootstrap")
    monkeypatch.setattr(base.os, "geteuid", lambda: 1000, raising=False)
    with pytest.raises(InputError, match="needs root"):
        base.check_rights("trixie", "amd64")
    monkeypatch.setattr(base.os, "geteuid", lambda: 0, raising=False)
    with pytest.raises(InputError, match="choose amd64 or arm64"):
        base.check_rights("trixie", "mips")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(base, "is_emulated", lambda _architecture: False)
    with pytest.raises(InputError, match="cannot run programs of arm64"):
        base.check_rights("trixie", "arm64")


def test_an_archive_holds_one_layer_under_its_digest(tmp_path):
    (tmp_path / "layer").write_bytes(b"tar")
    write_archive(tmp_path / "layer", tmp_path / "image", "debian:x-slim", "arm64")
    with tarfile.open(tmp_path / "image") as tar:
        files = {name: tar.extractfile(name).read() for name in tar.getnames()}
    config = json.loads(files["config.json"])
    assert (config["architecture"], config["variant"]) == ("arm64", "v8")
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(b"tar").hexdigest()]
    (entry,) = json.loads(files["manifest.json"])
    assert entry["RepoTags"] == ["debian:x-slim"]
    assert files[entry["Layers"][0]] == b"tar"


def read_context(image, wheels, bundle):
    with build.pack_context(image, wheels, bundle) as file:
        content = file.read()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return content, {entry.name: entry for entry in tar.getmembers()}


def test_a_context_holds_what_the_dockerfile_copies(image, tmp_path):
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "a.whl").write_bytes(b"x")
    (tmp_path / "ca.pem").write_text("certificate")
    _, found = read_context(image, tmp_path / "wheels", tmp_path / "ca.pem")
    assert set(found) == {"Dockerfile", "build/install.sh", "build/ca.crt", "wheels/a.whl"}
    content, found = read_context(image, None, None)
    assert set(found) == {"Dockerfile", "build/install.sh"}
    assert read_context(image, None, None)[0] == content
    with pytest.raises(InputError, match="nowhere: cannot be read"):
        read_context(image, None, tmp_path / "nowhere")


def test_arguments_of_a_build(image, place):
    assert build.choose_arguments(image, place, {"PATH": "/bin"}) == {
        "BASE": image.base,
        "RELEASE": "bullseye",
        "BLAS": "atlas",
    }
    more = build.BuildOptions(place.cache, place.stop, mirror="http://m.example/debian")
    found = build.choose_arguments(image, more, {"HTTPS_PROXY": "http://p.example", "no_proxy": ""})
    assert found["MIRROR"] == "http://m.example/debian"
    assert found["HTTPS_PROXY"] == "http://p.example"
    assert "no_proxy" not in found


def test_a_failed_build_is_said_and_logged():
    log = io.BytesIO()
    assert build.follow_build([{"stream": "one\n"}, {"aux": {}}], log, threading.Event()) is None
    assert build.follow_build([{"error": "exit\n2"}], log, threading.Event()) == "exit 2"
    assert log.getvalue() == b"one\nexit\n2"


def test_a_stopped_build_ends():
    stop = threading.Event()
    stop.set()
    with pytest.raises(build.Stopped):
        build.follow_build([{"stream": "one"}], io.BytesIO(), stop)


class LonelyEngine:
    """An engine without images, cut off from every registry."""

    @property
    def images(self):
        return self

    def get(self, tag):
        from docker.errors import ImageNotFound

        raise ImageNotFound(tag)

    def pull(self, *_names, **_options):
        from docker.errors import APIError

        raise APIError("no route to host")


@pytest.mark.parametrize(
    ("architecture", "words"), [("amd64", r"base bullseye$"), ("arm64", "--arch arm64$")]
)
def test_a_base_that_cannot_be_pulled_says_how_to_make_it(folder, place, monkeypatch, architecture, words):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    (folder / "images.toml").write_text(GOOD + f'architecture = "{architecture}"')
    image = read_images(folder)["one"]
    with pytest.raises(InputError, match=rf"no route to host.*make it with: .*{words}"):
        build.build_image(LonelyEngine(), image, place, print)


def test_no_engine_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(EngineMissingError, match=r"no Docker engine answers at unix://.*none\.sock \("):
        connect_engine()
    monkeypatch.setenv("DOCKER_HOST", "nonsense://x")
    with pytest.raises(EngineMissingError, match="nonsense://x"):
        connect_engine()
    answer = CliRunner().invoke(app, ["list"])
    assert isinstance(answer.exception, EngineMissingError)


def test_long_errors_are_shortened():
    assert shorten_error(ValueError("a\n b")) == "a b"
    assert len(shorten_error(ValueError("a" * 1000))) == 301


def test_wheels_are_listed_with_their_hashes(tmp_path):
    (tmp_path / "some_thing-1.0-py3-none-any.whl").write_bytes(b"1")
    with pytest.raises(InputError, match="no wheel of other-one"):
        wheelhouse.list_wheels(tmp_path, WHEELS.packages)
    (tmp_path / "other_one-2+cpu-cp311-cp311-linux_x86_64.whl").write_bytes(b"2")
    lines = wheelhouse.list_wheels(tmp_path, WHEELS.packages)
    assert lines.splitlines()[0] == f"other_one==2+cpu --hash=sha256:{hashlib.sha256(b'2').hexdigest()}"
    (tmp_path / "requirements.txt").write_text(lines)
    assert wheelhouse.has_all_wheels(tmp_path)
    (tmp_path / "some_thing-1.0-py3-none-any.whl").write_bytes(b"3")
    assert not wheelhouse.has_all_wheels(tmp_path)


def test_a_wheelhouse_is_filled_once_and_again_when_damaged(tmp_path, monkeypatch):
    fills = []

    def fake_download(_recipe, folder, _log, _stop):
        fills.append(folder)
        for name in ("some_thing-1.0-py3-none-any.whl", "other_one-2-py3-none-any.whl"):
            (folder / name).write_bytes(name.encode())

    monkeypatch.setattr(wheelhouse, "download_wheels", fake_download)
    fill = partial(wheelhouse.fill_wheelhouse, WHEELS, tmp_path, threading.Event(), print)
    folder = fill()
    assert fill() == folder
    assert len(fills) == 1
    (folder / "other_one-2-py3-none-any.whl").unlink()
    assert fill() == folder
    assert len(fills) == 2
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_wheels_for_an_unknown_release_are_refused(tmp_path):
    with pytest.raises(InputError, match="wheels for sid: its Python is not known"):
        wheelhouse.fill_wheelhouse(
            WHEELS.model_copy(update={"release": "sid"}), tmp_path, threading.Event(), print
        )


def test_platforms_are_as_new_as_the_c_library():
    tags = wheelhouse.list_platforms(31, "x86_64")
    assert tags[0] == "manylinux_2_31_x86_64"
    assert {"manylinux2014_x86_64", "manylinux1_x86_64", "manylinux_2_28_x86_64"} <= set(tags)
    assert "manylinux_2_32_x86_64" not in tags
    assert "manylinux1_aarch64" not in wheelhouse.list_platforms(31, "aarch64")


LOCKED = lock.ImageContents("t:1", "sha256:1", "sha256:0", {"debian": {"a": "1", "b": "1"}, "python": {}})


def test_the_lock_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "images.lock"
    assert lock.read_lock(path) == {}
    lock.write_lock(path, {"one": LOCKED})
    assert lock.read_lock(path) == {"one": LOCKED}
    entry = {"tag": "t:1", "id": "1", "base": "0", "packages": {"debian": {"a": "1"}}}
    for change in ({"id": 1}, {"packages": ["a"]}, {"packages": {"debian": {"a": 1}}}, {"packages": None}):
        path.write_text(json.dumps({"schema": 1, "images": {"a": {**entry, **change}}}))
        with pytest.raises(InputError, match=r"images\.lock: is no lock .*; restore it"):
            lock.read_lock(path)
    for text in ("{", "[]", '{"schema": 2}', '{"schema": 1, "images": {"a": {"id": 1}}}', "[" * 100_000):
        path.write_text(text)
        with pytest.raises(InputError, match=r"images\.lock"):
            lock.read_lock(path)


def test_changed_images_are_reported():
    compare = lock.compare_contents
    assert compare(None, LOCKED) == []
    assert compare(LOCKED, LOCKED) == []
    fresh = lock.ImageContents("t:1", "sha256:2", "sha256:0", LOCKED.packages)
    assert compare(LOCKED, fresh) == ["it was built anew; its packages are the same"]
    other = lock.ImageContents("t:1", "sha256:2", "sha256:0", {"debian": {"a": "2"}, "python": {"c": "3"}})
    assert compare(LOCKED, other) == [
        "debian package a: 1 → 2",
        "debian package b: 1 → absent",
        "python package c: absent → 3",
    ]
    assert compare(LOCKED, lock.ImageContents("t:2", "sha256:3", "sha256:0", {})) == ["its recipe changed"]


def test_every_verb_has_an_example():
    for verb in ("build", "list", "prune", "base"):
        answer = CliRunner().invoke(app, [verb, "--help"])
        assert answer.exit_code == 0
        assert f" images {verb}" in " ".join(answer.output.partition("Example: ")[2].split())


@pytest.mark.parametrize(
    "place", ["tcp://127.0.0.1:99999", "tcp://127.0.0.1:port", "tcp://[::1:2375", "tcp://"]
)
def test_an_engine_at_a_place_that_is_none_is_missing(monkeypatch, place):
    monkeypatch.setenv("DOCKER_HOST", place)
    with pytest.raises(EngineMissingError, match="told by DOCKER_HOST"):
        connect_engine()


def test_certificates_that_are_not_there_are_said(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    with pytest.raises(EngineMissingError, match="DOCKER_HOST cannot be used"):
        connect_engine()


@pytest.fixture
def contexts(monkeypatch, tmp_path):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    meta = tmp_path / "contexts" / "meta" / hashlib.sha256(b"other").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    (tmp_path / "config.json").write_text("{}")
    host = f"unix://{tmp_path}/other.sock"
    meta.write_text(json.dumps({"Name": "other", "Metadata": {}, "Endpoints": {"docker": {"Host": host}}}))
    return tmp_path


def test_the_context_that_is_in_use_says_where_the_engine_is(contexts, monkeypatch):
    (contexts / "config.json").write_text('{"currentContext": "other"}')
    assert find_endpoint().place == f"unix://{contexts}/other.sock"
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert find_endpoint().place == DEFAULT_HOST
    monkeypatch.setenv("DOCKER_HOST", "tcp://far:2375")
    assert find_endpoint().place == "tcp://far:2375"


@pytest.mark.usefixtures("contexts")
def test_a_context_of_the_environment_goes_before_the_one_in_use(monkeypatch):
    assert find_endpoint().place == DEFAULT_HOST
    monkeypatch.setenv("DOCKER_CONTEXT", "other")
    with pytest.raises(EngineMissingError, match=r"other\.sock .*told by Docker context 'other'"):
        connect_engine()


@pytest.mark.parametrize(("name", "words"), [("gone", "is not found"), ("other", "cannot be used")])
def test_a_context_that_cannot_be_used_is_said(contexts, monkeypatch, name, words):
    next(contexts.rglob("meta.json")).write_text("[1]")
    monkeypatch.setenv("DOCKER_CONTEXT", name)
    with pytest.raises(EngineMissingError, match=f"context '{name}' {words}"):
        connect_engine()


@pytest.mark.parametrize("text", ["[1]", '"text"', '{"auths": 3}', "[" * 100_000])
def test_a_config_file_of_another_shape_leaves_the_engine_missing(contexts, monkeypatch, text):
    """The library reads it when a client is made, and raises whatever happens to it there."""
    monkeypatch.setenv("DOCKER_CONTEXT", "other")
    (contexts / "config.json").write_text(text)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(contexts / "other.sock"))
        listening.listen()
        with pytest.raises(EngineMissingError, match=r"no Docker engine answers at .*other"):
            connect_engine()


def test_a_long_step_tells_how_far_it_is(tmp_path):
    log, heard, told = tmp_path / "log", [], threading.Event()

    def say(text):
        heard.append(text)
        if len(heard) > 2:
            told.set()

    log.write_text("one\ntwo " + "2" * 500 + "\n\n")
    with follow_log(log, "building", say, seconds=0.01):
        assert told.wait(60)
    assert heard[0] == "building"
    assert re.fullmatch(r"building, \d+ s: two 2{96}", heard[1])
    count = len(heard)
    assert not threading.Event().wait(0.1)
    assert len(heard) == count  # it ends with the step


def test_emulation_says_what_is_missing_of_it(monkeypatch, tmp_path):
    monkeypatch.setattr(base, "FORMATS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install qemu-user-static" in base.advise_emulation("arm64")
    (tmp_path / "qemu-aarch64-static").write_text("")
    (tmp_path / "qemu-aarch64-static").chmod(0o755)
    assert "is not mounted: sudo mount" in base.advise_emulation("arm64")
    (tmp_path / "register").write_text("")
    assert "not registered: sudo update-binfmts --enable qemu-aarch64" in base.advise_emulation("arm64")


WANTED = "new:1"


@pytest.mark.parametrize("everything", [False, True])
def test_a_dry_run_names_what_would_go_and_removes_nothing(everything):
    keeper, images = ImageKeeper("old:1", WANTED), {"new": SimpleNamespace(tag=WANTED)}
    named = list_unused(keeper, images, everything=everything)
    assert not keeper.removed
    assert named == prune_images(keeper, images, everything=everything)
    assert (WANTED in named) == everything


def test_certificates_that_are_not_there_are_said_before_anything_runs(tmp_path):
    opening = Opening(ROOT, tmp_path, threading.Event(), print, ca_bundle=tmp_path / "no.crt")
    with pytest.raises(InputError, match=r"no\.crt: cannot be read"):
        open_session(opening)


def test_what_is_remembered_of_an_image_is_asked_again_where_it_was_damaged(tmp_path, monkeypatch):
    answers, built = {"debian": {"libc6": "2.31"}, "python": {}}, SimpleNamespace(id="sha256:12ab", labels={})
    asked = []
    monkeypatch.setattr(lock, "ask_packages", lambda *_: asked.append(1) or answers)
    image = SimpleNamespace(tag="x", name="x")
    for _ in range(2):
        assert lock.read_contents(None, image, built, tmp_path).packages == answers
    assert len(asked) == 1
    (path,) = (tmp_path / "images").iterdir()
    path.write_text(path.read_text().replace("2.31", "2.36"))
    assert lock.read_contents(None, image, built, tmp_path).packages == answers
    assert len(asked) == 2
