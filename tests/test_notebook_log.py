"""Logs of notebooks: every result is read, nothing else is taken for one, damage is named by its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs import print_line, print_log

from harness.ami.errors import InputError
from harness.diff.notebook_log import Result, read_log

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
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "x.log: is no text"),
        (b"MZ\0\0", "x.log: is no text (it holds a NUL)"),
        (b"\xff\xfe\0", "x.log: is no text"),
        *[("\n".join([*LINES[:2], LINES[2][:-cut]]), "x.log:3: is cut off") for cut in (1, 10, 30, 50, 70)],
        (f"{LINES[0]}\n  2 Gold-Ori\n", "x.log:2: is cut off or damaged: '2 Gold-Ori'"),
        (LINES[0][4:], "x.log:1: is cut off or damaged"),
        (LINES[0].replace("2489", "-489"), "x.log:1: is cut off or damaged"),
        (LINES[0].replace("2489", "9" * 30), "x.log:1: is cut off or damaged"),
        (f"50%|## {LINES[0]}", "x.log:1: is cut off or damaged"),
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
