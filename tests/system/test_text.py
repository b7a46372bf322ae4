"""Hostile text keeps its letters and loses its powers."""

import unicodedata
import xml.etree.ElementTree as ET

import pytest

from harness.system.text import make_cell, make_line, make_lines


@pytest.mark.parametrize(
    "text",
    [
        "benign-0001",
        "Ann Lee, 4 % (97-99)",
        "名前 ñ é 🙂",
        "a|b`c<d>&\\",
        "C:\\a b",
        "::1",
        "## a",
        "\u0645\u06cc\u200c\u062e",
    ],
)
def test_ordinary_text_stays(text):
    assert make_line(text) == make_lines(text) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x00\x7f", "\\x00\\x7f"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("gnp\u202eexe.x\u2066\u200f", "gnp\\u202eexe.x\\u2066\\u200f"),
        ("a\u2028b\u200bc", "a\\u2028b\\u200bc"),
        ("\ud800\uffff", "\\ud800\\uffff"),
        ("Zo\udce9", "Zo\\xe9"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_control_characters_are_shown(text, line):
    assert make_line(text) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("::error file=a::b", "\\x3a:error file=a\\x3a:b"),
        ("  ::stop-commands::x", "  \\x3a:stop-commands\\x3a:x"),
        ("a##vso[task.setvariable]b", "a\\x23#vso[task.setvariable]b"),
        ("##[error]a", "\\x23#[error]a"),
        ("##teamcity[x]", "\\x23#teamcity[x]"),
    ],
)
def test_commands_of_ci_systems_are_quelled(text, line):
    assert make_line(text) == make_lines(text) == line


def test_lines_keep_their_breaks_and_nothing_else():
    assert make_lines("a\r\nb\rc\n\td\x1b\x07\u2028") == "a\nb\nc\n\td\\x1b\\x07\\u2028"


def test_long_lines_lose_their_end_and_long_logs_their_start():
    assert make_line("abcdef", 4) == "abc…"
    assert make_line("abcd", 4) == "abcd"
    assert make_lines("abcdef", 4) == "…def"
    assert len(make_line("a" * 1_000_000)) == 2000
    assert len(make_line("\x1b" * 100, 50)) == len(make_lines("\x1b" * 100, 50)) == 50


@pytest.mark.parametrize(
    "text",
    [
        "=1",
        "+1",
        "-1",
        "@a",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\u3000=1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff20a",
        "'=1",
        "\tx",
    ],
)
def test_no_cell_of_a_spreadsheet_is_a_formula(text):
    assert make_cell(text).startswith("'")


@pytest.mark.parametrize("text", ["a=1", "benign/a-b", "", "5 - 3", "a\u200cb"])
def test_ordinary_cells_stay(text):
    assert make_cell(text) == text


def test_every_character_fits_xml_and_utf_8():
    everything = "".join(map(chr, range(0x110000)))
    text = make_lines(everything)
    ET.fromstring(f"<a>{text.replace('&', '').replace('<', '')}</a>".encode())
    with pytest.raises(UnicodeEncodeError):
        everything.encode()


def test_no_character_that_turns_or_ends_lines_is_left():
    text = make_line("".join(map(chr, range(0x110000))), None)
    assert {unicodedata.category(one) for one in text}.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
    assert not [one for one in text if unicodedata.bidirectional(one) in {"RLO", "LRO", "RLE", "LRE", "PDF"}]
    assert not [one for one in text if unicodedata.bidirectional(one) in {"RLI", "LRI", "FSI", "PDI"}]
