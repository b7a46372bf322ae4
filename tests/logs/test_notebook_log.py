"""Logs of notebooks: every result is read, nothing else is taken for one, damage is named by its line."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs import print_line, print_log

from harness.core.errors import InputError
from harness.logs.notebook_log import Result, read_log
from harness.logs.running_rate import check_rates

TUPLES = [(2489, 619, 619), (737, 738, 2216), (4, 4, 4)]


@pytest.fixture(name="write")
def make_write(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "x.log"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return path

    return write


def tuples_of(log):
    return [(one.gold, one.original, one.attribute) for one in log.results]


def test_a_line_is_read_in_full(write):
    text = "  2 Gold-Original-Attribute:  737- 738-2216  |  Adversary: 0.5000 [  1/  2]"
    log = read_log(write(f"{print_log(TUPLES[:1])}{text}\n"))
    assert log.results[1] == Result(2, 2, 737, 738, 2216, "0.5000", 1, 2)
    assert log.others == ()


@given(st.lists(st.tuples(*[st.integers(0, 2621)] * 3), min_size=1, max_size=30), st.sampled_from([2, 4]))
def test_what_is_printed_is_read(tmp_path_factory, tuples, decimals):
    path = tmp_path_factory.mktemp("logs") / "x.log"
    path.write_text(print_log(tuples, decimals=decimals))
    assert tuples_of(read_log(path)) == tuples


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_what_windows_writes_is_read(write, encoding, ending):
    log = read_log(write(print_log(TUPLES).replace("\n", ending), encoding))
    assert tuples_of(log) == TUPLES


def test_the_draft_notebooks_word_is_read(write):
    assert len(read_log(write(print_line(1, 1, 2, 3, 1, 1, word="True Positive"))).results) == 1


def test_other_output_is_kept_with_its_line(write):
    text = f"register hook for conv1_1\n\n{print_log(TUPLES)}done in 12 s\n"
    log = read_log(write(text))
    assert log.others == ((1, "register hook for conv1_1"), (6, "done in 12 s"))
    assert [one.line for one in log.results] == [3, 4, 5]


def test_the_notebooks_own_code_is_no_result(write):
    code = "    print('{:3} Gold-Original-Attribute: {:4}-{:4}-{:4}  |  Adversary: {:.4f} [{:3}/{:3}]'"
    indented = "".join(f"    {line}\n" for line in print_log(TUPLES).splitlines())
    log = read_log(write(f"```python\n{code}\n```\n\n{indented}"))
    assert (tuples_of(log), len(log.others)) == (TUPLES, 3)


def test_a_notebook_is_not_what_it_printed(tmp_path):
    (tmp_path / "x.ipynb").write_text("{}")
    with pytest.raises(InputError, match="is a notebook; save what it printed"):
        read_log(tmp_path / "x.ipynb")


LINES = print_log(TUPLES).splitlines()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.log: holds no result"),
        ("hello\nworld\n", "x.log: holds no result"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "x.log:1: is not UTF-8"),
        (b"MZ\0\0", "x.log: is no text (it holds a NUL)"),
        (b"\xff\xfe\0", "x.log: is no text"),
        *[("\n".join([*LINES[:2], LINES[2][:-cut]]), "x.log:3: is cut off") for cut in (1, 10, 30, 50, 70)],
        (f"{LINES[0]}\n  2 Gold-Ori\n", "x.log:2: is cut off or damaged: '2 Gold-Ori'"),
        (LINES[0][4:], "x.log:1: is cut off or damaged"),
        (LINES[0].replace("2489", "-489"), "x.log:1: is cut off or damaged"),
        (LINES[0].replace("2489", "9" * 30), "x.log:1: is cut off or damaged"),
        (LINES[0] + LINES[1], "x.log:1: is cut off or damaged"),
        ("\n".join([LINES[0], LINES[0]]), "x.log:2: result 1 is there already, in line 1; keep one run's"),
        ("\n".join([*LINES[:2], "", LINES[1]]), "x.log:4: result 2 is there already, in line 2; remove one"),
        ("\n".join([LINES[0], LINES[2]]), "x.log:2: result 3 follows 1; give the whole log"),
        ("\n".join([LINES[1], LINES[0]]), "x.log:1: result 2 follows nothing"),
        (LINES[0].replace("  1 ", "  0 "), "x.log:1: result 0 follows nothing"),
    ],
)
def test_damage_is_named_by_its_line(write, text, message):
    with pytest.raises(InputError) as caught:
        read_log(write(text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_log_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_log(tmp_path / "nothing.log")


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_read_without_a_traceback(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("logs") / "x.log"
    path.write_bytes(data)
    with pytest.raises(InputError):
        read_log(path)


CASES = Path(__file__).parents[3] / "shared" / "cases" / "logs"
LINES = print_log([(4, 199, 1606), (211, 553, 211), (7, 7, 7)]).splitlines()


def decorate(form):
    """A log as other programs keep it: with times, levels, colours, bars."""
    return "\n".join(form.format(line=line, bare=line.strip()) for line in LINES)


@pytest.mark.parametrize(
    "form",
    [
        "2026-01-02 03:04:05,123 INFO {line}",
        "[I 2026-01-02 03:04:05 worker.py:12] {line}",
        "INFO:root:{line}",
        "\x1b[32m{line}\x1b[0m",
        "\x1b[1;38;5;208mINFO\x1b[m | {bare}\x1b[K",
        "\x1b]8;;file:///log\x1b\\{line}\x1b]8;;\x07",
        "  3%|\u2588  | 3/100 [00:01<00:30, 3.2it/s] {line}",
        "\r 10%|#| 1/10\r{line}",
        "job 17 > {bare}",
        "{line}   ",
    ],
)
def test_results_are_found_behind_what_loggers_put_there(tmp_path, form):
    plain, decorated = tmp_path / "plain.log", tmp_path / "decorated.log"
    plain.write_text("\n".join(LINES))
    decorated.write_text(decorate(form), encoding="utf-8")
    assert read_log(decorated).results == read_log(plain).results


@pytest.mark.parametrize(("decimals", "mark"), [(2, "%"), (0, " %"), (1, "%")])
def test_rates_in_per_cent_are_held_against_both_rules(tmp_path, decimals, mark):
    path = tmp_path / "percent.log"
    lines = [
        re.sub(r"(\d\.\d+) \[", lambda found: f"{100 * float(found[1]):.{decimals}f}{mark} [", line)
        for line in print_log([(4, 199, 1606), (211, 553, 211), (7, 7, 7)], decimals=9).splitlines()
    ]
    path.write_text("\n".join(lines))
    assert check_rates(read_log(path).results).holds == ("all",)
    path.write_text("\n".join(lines).replace("66", "69").replace("67", "69"))
    assert [one.line for one in check_rates(read_log(path).results).oddities] == [3]


@pytest.mark.parametrize(
    "text",
    [
        f"{LINES[0]} {LINES[1]}",
        f"2026-01-02 INFO {LINES[0]} {LINES[1]}",
        f"12 {LINES[0].strip()}",
        f"2026-01-02 INFO {LINES[0][:-9]}",
        "2026-01-02 03:04:05,123 INFO   1 Gold-Orig",
        "\x1b[32m  1 Gold\x1b[0m",
        f"x{LINES[0].strip()}",
    ],
)
def test_damage_is_found_behind_what_loggers_put_there(tmp_path, text):
    (tmp_path / "a.log").write_text(text)
    with pytest.raises(InputError, match=r"a\.log:1: is cut off or damaged"):
        read_log(tmp_path / "a.log")


def test_words_that_end_with_a_number_and_a_g_are_no_result(tmp_path):
    (tmp_path / "a.log").write_text("the team won 3 Gold\n" + LINES[0])
    assert [line for line, _ in read_log(tmp_path / "a.log").others] == [1]


@pytest.mark.skipif(not CASES.is_dir(), reason=f"needs {CASES}")
@pytest.mark.parametrize("name", ["timestamped.log", "ansi.log", "percent.log"])
def test_logs_of_others_hold_what_the_plain_one_holds(name):
    plain = [
        (one.number, one.gold, one.original, one.attribute) for one in read_log(CASES / "plain.log").results
    ]
    found = read_log(CASES / name).results
    assert [(one.number, one.gold, one.original, one.attribute) for one in found] == plain
    assert check_rates(found).holds == check_rates(read_log(CASES / "plain.log").results).holds
