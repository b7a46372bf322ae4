"""Hostile text keeps its letters and loses its powers."""

import xml.etree.ElementTree as ET

import pytest

from harness.report.plain import make_line, make_lines


@pytest.mark.parametrize("text", ["benign-0001", "Ann Lee, 4 % (97-99)", "名前 ñ é 🙂", "a|b`c<d>&\\"])
def test_ordinary_text_stays(text):
    assert make_line(text) == make_lines(text) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\x1b[31mb", "a␛[31mb"),
        ("a\nb\tc\rd", "a␊b␉c␍d"),
        ("\x00\x7f", "␀␡"),
        ("\x9b31m", "�31m"),
        ("gnp\u202eexe.x", "gnp�exe.x"),
        ("\ud800\uffff", "��"),
    ],
)
def test_control_characters_are_shown(text, line):
    assert make_line(text) == line


def test_lines_keep_their_breaks_and_nothing_else():
    assert make_lines("a\r\nb\rc\n\td\x1b\x07") == "a\nb\nc\n\td␛␇"


def test_long_lines_lose_their_end_and_long_logs_their_start():
    assert make_line("abcdef", 4) == "abc…"
    assert make_line("abcd", 4) == "abcd"
    assert make_lines("abcdef", 4) == "…def"


def test_every_character_fits_xml_and_utf_8():
    everything = "".join(map(chr, range(0x110000)))
    text = make_lines(everything)
    ET.fromstring(f"<a>{text.replace('&', '').replace('<', '')}</a>".encode())
    with pytest.raises(UnicodeEncodeError):
        everything.encode()
