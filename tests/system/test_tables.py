"""Tables: one reader for all that people write, with the file, the line and the key of what is wrong."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
from pydantic import ConfigDict, Field

from harness.core.errors import InputError
from harness.system.tables import TomlTable, read_toml_table


class Inner(TomlTable):
    """A table in a table."""

    count: int = 1


@dataclass(frozen=True)
class Plain:
    """A table as a dataclass."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    size: int
    inner: Inner | None = None


class Outer(TomlTable):
    """A table of all kinds."""

    name: str
    words: tuple[str, ...] = ()
    inner: Inner | None = None
    plain: dict[str, Plain] = Field(default_factory=dict)


@pytest.fixture(name="read")
def make_read(tmp_path):
    """Reads text as a shape."""

    def read(text, shape=Outer, **more):
        (tmp_path / "a.toml").write_text(text, encoding="utf-8", newline="")
        return read_toml_table(tmp_path / "a.toml", shape, **more)

    return read


def test_every_kind_of_shape_is_read(read):
    assert read('name = "x"\n[plain.one]\nsize = 2\n').plain == {"one": Plain(2)}
    assert read("size = 2\n[inner]\ncount = 3\n", Plain) == Plain(2, Inner(count=3))
    assert read("[a]\ncount = 2\n", dict[str, Inner]) == {"a": Inner(count=2)}
    assert read("", Inner, count=5).count == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"a\.toml: name: is missing; add it$"),
        ("\n# why\nname = 3\n", r"a\.toml:3: name = 3: input should be a valid string$"),
        ('name = "x"\nnmae = 1', r"a\.toml:2: nmae: unknown key; there are name, words, inner, plain$"),
        ('name = "x"\r\n[inner]\r\n\r\ncuont = 1\r\n', r":4: inner\.cuont: unknown key; there are count$"),
        (
            'name = "x"\n[plain.a]\nsize = 1\nsiez = 1',
            r":4: plain\.a\.siez: unknown key; there are size, inner$",
        ),
        ('name = "x"\n[plain.a.inner]\ncount = []', r":3: plain\.a\.inner\.count = \[\]: .*integer$"),
        ('name = "x"\n\n[plain.a]\n', r":3: plain\.a\.size: is missing; add it$"),
        ('name = "x"\nplain.a = 1\n', r":2: plain\.a = 1: must be a table, \[plain\.a\]$"),
        ('words = [\n  "one",\n  2,\n]\nname = "x"', r":1: words\.1 = 2: .*string$"),
        ('name = """\nwords = 1\n"""\nwords = 1', r":4: words = 1: "),
        ('name = "\u2028"\nwords = 1', r":2: words = 1: "),
        ("name = 1\nwords = 1", r":1: name = 1: .*; .*:2: words = 1: "),
        ("name = \n", "is no TOML that can be read .*line 1"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_key(read, text, words):
    with pytest.raises(InputError, match=words):
        read(text)


def test_a_key_that_is_given_may_not_be_set(read):
    with pytest.raises(InputError, match=r":1: count: cannot be set in the file; remove it"):
        read("count = 1", Inner, count=2)


def test_a_long_file_has_no_lines_looked_for(read):
    with pytest.raises(InputError, match=r"a\.toml: words = 1"):
        read("#\n" * 2000 + 'name = "x"\nwords = 1')
