"""`harness fetch` as it is typed."""

import json

import pytest
from command_line import make_harness
from downloads import TABLE, pack
from hostile_server import Script, serve

FIXTURES = (make_harness,)


@pytest.fixture(name="model")
def make_model(tmp_path, monkeypatch):
    """A model's folder with a source, and a server for it."""
    import small_model

    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    folder = tmp_path / "some"
    folder.mkdir()
    with serve(Script(pack())) as url:
        toml = small_model.TABLE.partition("[examples]")[0] + TABLE.format(url=url, more="")
        (folder / "model.toml").write_text(toml)
        yield folder


def test_a_fetch_prints_what_is_in_place_and_where(harness, model):
    code, out, err = harness("fetch", "data", "--model", model)
    assert code == 0, err
    assert out.splitlines() == [
        f"data: 2 files, 0.0 MB in {model} (fetched)",
        "  names.txt",
        "  witnesses/a.txt",
    ]
    assert "trusted and recorded in fetched.json" in err
    code, out, err = harness("fetch", "data", "--model", model, "--json")
    found = json.loads(out)
    assert (code, err, found["was_there"]) == (0, "", True)
    assert found["files"]["names.txt"]["bytes"] == 5


def test_without_a_name_it_lists_what_there_is(harness, model):
    code, out, _ = harness("fetch", "--model", model)
    assert code == 0
    assert "data: Some data. (not fetched)" in out
    harness("fetch", "data", "--model", model)
    (found,) = json.loads(harness("fetch", "--model", model, "--json")[1])
    assert found["fetched"].startswith("20")
    assert {"vgg-face", "ami-data"} <= {one["name"] for one in json.loads(harness("fetch", "--json")[1])}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope"], "nope: cannot be fetched; what can be is data"),
        (["data", "--from", "nowhere"], "--from nowhere: is no file"),
        (["data", "--mirror", "nowhere"], "--mirror nowhere: must begin with https"),
        (["data", "--mirror", "http://[::1"], "--mirror http://[::1: is no address"),
        (["data", "--mirror", "http://x/", "--from", "y"], "give one of them"),
    ],
)
def test_what_cannot_be_done_is_one_line(harness, model, arguments, words):
    code, _, err = harness("fetch", *arguments, "--model", model)
    assert (code, err.count("\n")) == (2, 1)
    assert words in err


def test_an_interruption_is_told_and_the_exit_code_is_that_of_one(harness, model, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.fetch.fetch.download", interrupt)
    code, _, err = harness("fetch", "data", "--model", model)
    assert code == 130
    assert "what has come is kept" in err
