"""Downloads: whole or not at all, continued only where the file is the same, from servers that misbehave."""

import random
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from downloads import POLICY, Lines
from hostile_server import Script, serve

from harness.core.errors import InputError
from harness.fetch.download import (
    RetryPolicy,
    check_redirects,
    choose_wait,
    describe_failure,
    download,
    show_url,
)
from harness.fetch.part import Validators, locate_part

CONTENT = random.Random(0).randbytes(1 << 20)
HALF = len(CONTENT) // 2
IMPATIENT = {
    "stall": replace(POLICY, read_seconds=1),
    "drip": replace(POLICY, window_seconds=0.2),
}


@pytest.fixture(name="get")
def make_get(tmp_path):
    """Downloads what a script serves; the bytes that came, and what was said."""

    def get(script, most=1 << 21, policy=POLICY):
        screen = Lines()
        with serve(script) as url:
            path = download(url, tmp_path / "downloads", most, screen, policy)
        return path.read_bytes(), screen

    return get


def asked(script):
    """The ranges that were asked for."""
    return [request.get("Range") for request in script.requests]


def test_a_file_comes_whole_and_progress_is_shown(get):
    script = Script(CONTENT)
    data, screen = get(script)
    assert data == CONTENT
    assert screen.counts[-1] == (len(CONTENT), len(CONTENT))
    assert screen.lines == []
    assert script.requests[0]["Accept-Encoding"] == "identity"


def test_a_file_without_a_length_comes_whole(get):
    assert get(Script(CONTENT, chunked=True))[0] == CONTENT


def test_a_download_that_is_cut_off_goes_on_where_it_was(get):
    script = Script(CONTENT, ["cut", "ok"])
    data, screen = get(script)
    assert data == CONTENT
    assert asked(script) == [None, f"bytes={HALF}-"]
    assert script.requests[1]["If-Range"] == '"first"'
    assert "trying again" in str(screen)


def test_a_download_that_stalls_goes_on_where_it_was(get):
    script = Script(CONTENT, ["stall-once"])
    data, screen = get(script, policy=replace(IMPATIENT["stall"], tries=30))
    assert data == CONTENT
    assert f"bytes={HALF}-" in asked(script)
    assert {one["If-Range"] for one in script.requests if "Range" in one} == {'"first"'}
    assert "timed out; trying again" in str(screen)


def test_a_date_serves_where_there_is_no_strong_tag(get):
    script = Script(CONTENT, ["cut", "ok"], etag='W/"weak"', modified="Wed, 21 Oct 2015 07:28:00 GMT")
    assert get(script)[0] == CONTENT
    assert script.requests[1]["If-Range"] == "Wed, 21 Oct 2015 07:28:00 GMT"


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_validator_it_begins_anew(get, etag):
    script = Script(CONTENT, ["cut", "ok"], etag=etag)
    data, screen = get(script)
    assert data == CONTENT
    assert asked(script) == [None, None]
    assert "no ETag or Last-Modified" in str(screen)


def test_a_server_that_ignores_ranges_gives_the_whole_file_once(get):
    script = Script(CONTENT, ["cut", "no-range"])
    data, screen = get(script)
    assert data == CONTENT
    assert "begins anew" in str(screen)


@pytest.mark.parametrize("way", ["wrong-range", "other-tag"])
def test_another_range_or_another_file_is_never_spliced(get, way):
    script = Script(CONTENT, ["cut", way, "ok"])
    data, screen = get(script)
    assert data == CONTENT
    assert asked(script) == [None, f"bytes={HALF}-", None]
    assert "from the beginning" in str(screen)


def test_a_file_that_changes_between_two_tries_is_never_spliced(tmp_path):
    script, screen = Script(CONTENT, ["cut", 404]), Lines()
    with serve(script) as url:
        with pytest.raises(InputError, match="404"):
            download(url, tmp_path, 1 << 21, screen, POLICY)
        assert locate_part(tmp_path, url).size == HALF
        changed = bytes(reversed(CONTENT))
        script.content, script.etag, script.ways = changed, '"second"', ["ok"]
        assert download(url, tmp_path, 1 << 21, screen, POLICY).read_bytes() == changed
    assert asked(script)[-1] == f"bytes={HALF}-"


def test_what_a_killed_process_left_is_continued(tmp_path):
    script = Script(CONTENT, ["stall-once"])
    code = (
        "import sys; from pathlib import Path; sys.path[:0] = sys.argv[3:]\n"
        "from harness.fetch.download import download\n"
        "from test_download import POLICY, Lines\n"
        "download(sys.argv[1], Path(sys.argv[2]), 1 << 21, Lines(), POLICY)\n"
    )
    with serve(script) as url:
        here = Path(__file__).parent
        arguments = [sys.executable, "-c", code, url, str(tmp_path), str(here), str(here.parent / "support")]
        part = locate_part(tmp_path, url)
        with subprocess.Popen(arguments, cwd=here.parents[1]) as process:
            while part.size < HALF and process.poll() is None:
                time.sleep(0.05)
            process.kill()
        assert part.size == HALF
        assert not part.whole.exists()
        assert download(url, tmp_path, 1 << 21, Lines(), POLICY).read_bytes() == CONTENT
    assert asked(script) == [None, f"bytes={HALF}-"]


def test_an_interrupted_download_keeps_what_came(tmp_path):
    class Impatient(Lines):
        def show_bytes(self, done, total):
            super().show_bytes(done, total)
            if done > HALF // 2:
                raise KeyboardInterrupt

    script = Script(CONTENT)
    with serve(script) as url:
        with pytest.raises(KeyboardInterrupt):
            download(url, tmp_path, 1 << 21, Impatient(), POLICY)
        kept = locate_part(tmp_path, url).size
        assert kept > HALF // 2
        assert download(url, tmp_path, 1 << 21, Lines(), POLICY).read_bytes() == CONTENT
    assert asked(script)[1] == f"bytes={kept}-"


def test_a_whole_part_is_not_asked_for_again(tmp_path):
    script = Script(CONTENT)
    with serve(script) as url:
        part = locate_part(tmp_path, url)
        part.begin(Validators('"first"', None, len(CONTENT)))
        part.path.write_bytes(CONTENT)
        assert download(url, tmp_path, 1 << 21, Lines(), POLICY).read_bytes() == CONTENT
        assert download(url, tmp_path, 1 << 21, Lines(), POLICY).read_bytes() == CONTENT
    assert script.requests == []


def test_a_damaged_stamp_begins_anew(tmp_path):
    script = Script(CONTENT, ["cut", 404, "ok"])
    with serve(script) as url:
        with pytest.raises(InputError):
            download(url, tmp_path, 1 << 21, Lines(), POLICY)
        locate_part(tmp_path, url).validators_path.write_text("{")
        assert download(url, tmp_path, 1 << 21, Lines(), POLICY).read_bytes() == CONTENT
    assert asked(script)[-1] is None


def test_bytes_beyond_the_range_are_begun_anew(tmp_path):
    script = Script(CONTENT, [416, "ok"])
    with serve(script) as url:
        part = locate_part(tmp_path, url)
        part.begin(Validators('"first"', None, None))
        part.path.write_bytes(CONTENT + b"more")
        assert download(url, tmp_path, 1 << 21, Lines(), POLICY).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("ways", "words"),
    [
        (["cut"], r"tried 3 times; 10\d{5} bytes are kept"),
        (["stall"], r"timed out; tried 3 times; \d+ bytes are kept"),
        (["cut", "nothing"], r"tried 3 times; 524288 bytes are kept .* --mirror URL or --from FILE"),
        (["drip"], r"only \d+ bytes came in \d+ s; tried 3 times"),
        (["nothing"], "tried 3 times; try later"),
        ([500], "answers 500; tried 3 times"),
        ([503, 429], "answers 429"),
        (["lie-long"], "has changed meanwhile: from the beginning; tried 3 times"),
    ],
)
def test_a_server_that_does_not_mend_is_given_up(get, ways, words):
    script = Script(CONTENT, ways)
    with pytest.raises(InputError, match=words):
        get(script, policy=IMPATIENT.get(ways[0], POLICY))
    assert len(script.requests) < 40


@pytest.mark.parametrize("way", [400, 403, 404, 410, 204])
def test_what_will_not_change_is_not_tried_again(get, way):
    script = Script(CONTENT, [way])
    with pytest.raises(InputError, match=f"answers {way}.*--mirror"):
        get(script)
    assert len(script.requests) == 1


def test_numbers_that_are_none_are_as_good_as_not_there(get):
    assert get(Script(CONTENT, ["odd-length"]))[0] == CONTENT
    script = Script(CONTENT, [503], retry_after="\N{SUPERSCRIPT TWO}")
    with pytest.raises(InputError, match="answers 503; tried 3 times"):
        get(script)


def test_redirects_end(get):
    with pytest.raises(InputError, match="Exceeded 5 redirects"):
        get(Script(CONTENT, ["loop"]))


def test_an_encrypted_address_does_not_lead_to_a_plain_one():
    def answer(*urls):
        history = [SimpleNamespace(url=url) for url in urls[:-1]]
        return SimpleNamespace(url=urls[-1], history=history)

    check_redirects(answer("http://a/x", "https://a/x", "https://b/x"))
    with pytest.raises(InputError, match="without encryption"):
        check_redirects(answer("https://a/x", "https://b/x", "http://user:secret@c/x"))


def test_a_wait_that_the_server_asks_for_is_kept_within_bounds():
    assert choose_wait(RetryPolicy(), 1, SimpleNamespace(wait_seconds=3600.0)) == 60
    silent = SimpleNamespace(wait_seconds=None)
    waits = [choose_wait(RetryPolicy(), failures, silent) for failures in (1, 3, 9)]
    assert 0.8 <= waits[0] <= 1.2
    assert 3.2 <= waits[1] <= 4.8
    assert 48 <= waits[2] <= 72


def test_a_length_that_is_too_small_is_found_later(get):
    assert get(Script(CONTENT, ["lie-short"]))[0] == CONTENT[:-1000]


@pytest.mark.parametrize("chunked", [True, False])
def test_a_file_that_is_too_large_is_refused_and_not_kept(tmp_path, chunked):
    script = Script(CONTENT, chunked=chunked)
    with serve(script) as url:
        with pytest.raises(InputError, match=r"1000 (bytes )?allowed \(most_bytes\)"):
            download(url, tmp_path, 1000, Lines(), POLICY)
        assert locate_part(tmp_path, url).size == 0


def test_a_full_disk_is_noticed_before_anything_comes(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.fetch.download.shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    with serve(Script(CONTENT)) as url, pytest.raises(InputError, match="room for 10 bytes, but 1048576"):
        download(url, tmp_path, 1 << 21, Lines(), POLICY)


def test_a_disk_that_fills_meanwhile_is_one_error(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    with serve(Script(CONTENT)) as url:
        monkeypatch.setattr("harness.fetch.download.read_body", fail)
        with pytest.raises(InputError, match=r"cannot be written .No space left on device"):
            download(url, tmp_path, 1 << 21, Lines(), POLICY)


@pytest.mark.parametrize("url", ["ftp://host/a", "file:///etc/passwd", "http://", "nothing"])
def test_an_address_that_is_none_is_refused_at_once(tmp_path, url):
    with pytest.raises(InputError, match="correct it or use --mirror"):
        download(url, tmp_path, 1, Lines(), POLICY)


def test_a_host_that_is_not_there_is_named_shortly(tmp_path):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # nobody else may listen there meanwhile
        place = f"127.0.0.1:{deaf.getsockname()[1]}"
        with pytest.raises(InputError, match=rf"^http://{place}/a: .*Connection refused; tried 3 times; try"):
            download(f"http://user:secret@{place}/a?token=1", tmp_path, 1, Lines(), POLICY)


def test_no_secret_of_an_address_is_shown():
    assert show_url("https://user:secret@host:8/a/b.gz?token=1#x") == "https://host:8/a/b.gz"


def test_an_error_without_words_has_its_kind():
    assert describe_failure(TimeoutError()) == "TimeoutError"
