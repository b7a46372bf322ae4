"""`matrix.toml`: what it may say, and which environments a selection takes."""

import datetime as dt
import re
from pathlib import Path

import pytest

from harness.core.errors import InputError
from harness.plan.environments import (
    BackendSettings,
    Environment,
    SteeringParameters,
    read_environments,
)
from harness.plan.register import (
    Expected,
    Register,
    Rule,
    note_rules,
    read_register,
    select_environments,
)

ROOT = Path(__file__).parents[2]


def make(name, *groups):
    return Environment(name=name, description="x", backend="reference", groups=groups, packages=())


RULE = """reference = "a"
default = "default"
[groups]
default = ""
[[{}]]
environment = "{}"
group = "{}"
reason = "r"
"""
ENVIRONMENTS = (make("a-old", "default"), make("a-new", "default", "more"), make("b", "more"), make("c"))


def register(**more):
    return Register(reference="a-new", default="default", groups={"default": "d", "more": "m"}, **more)


def names(*arguments, **more):
    return [one.name for one in select_environments(ENVIRONMENTS, register(**more), "m", *arguments)]


def test_the_default_group_comes_with_the_reference_first():
    assert names() == ["a-new", "a-old"]


def test_groups_are_added_up():
    assert names(("default", "more")) == ["a-new", "a-old", "b"]


def test_globs_choose_among_all_environments_or_within_groups():
    assert names((), ("c", "a-*")) == ["a-new", "a-old", "c"]
    assert names(("more",), ("a-*",)) == ["a-new"]


def test_rules_add_and_remove_environments_for_some_models():
    include = (Rule(environment="c", reason="r"), Rule(environment="b", model="other", reason="r"))
    exclude = (Rule(environment="a-old", model="m", reason="r"),)
    assert names(include=include, exclude=exclude) == ["a-new", "c"]
    assert names((), ("a-old",), exclude=exclude) == ["a-old"]


def test_an_include_stays_in_its_group():
    include = (Rule(environment="c", reason="r"), Rule(environment="a-old", group="more", reason="r"))
    assert names((), include=include) == ["a-new", "a-old", "c"]
    assert names(("more",), include=include) == ["a-new", "a-old", "b"]
    assert names(("more",), include=include[:1]) == ["a-new", "b"]
    assert names(("more",), ("*",), include=include) == ["a-new", "a-old", "b"]


def test_an_exclude_of_one_group_leaves_the_others():
    exclude = (Rule(environment="a-new", group="more", reason="r"),)
    assert names(("more",), exclude=exclude) == ["b"]
    assert names(("default", "more"), exclude=exclude) == ["a-new", "a-old", "b"]
    assert names(("more",), ("b", "b*"), exclude=exclude) == ["b"]


def notes(groups=(), globs=(), **more):
    return note_rules(ENVIRONMENTS, register(**more), "m", groups, globs)


def test_what_rules_change_is_said_with_the_reason():
    include = (Rule(environment="c", reason="it is small"),)
    exclude = (Rule(environment="a-old", reason="too little memory"), Rule(environment="b", reason="none"))
    assert notes(include=include, exclude=exclude) == [
        "a-old is left out of group default for model m: too little memory",
        "c is added to group default for model m: it is small",
    ]
    assert notes(("more",), include=include, exclude=exclude) == [
        "b is left out of group more for model m: none"
    ]
    assert notes((), ("a-*",), exclude=exclude) == [
        "a-old runs though it is excluded for model m: too little memory"
    ]
    assert notes((), ("c",), exclude=exclude) == []
    other = (Rule(environment="a-old", model="other", reason="r"),)
    assert notes(exclude=other) == []


@pytest.mark.parametrize(("groups", "globs"), [(("no",), ()), ((), ("no*",)), (("more",), ("c",))])
def test_a_selection_that_names_nothing_says_what_there_is(groups, globs):
    with pytest.raises(InputError, match=r"a-new|default, more"):
        names(groups, globs)


def test_an_empty_selection_is_an_error():
    words = "holds no environment; there are a-old, a-new.*a-old is left out of group default for model m: r"
    with pytest.raises(InputError, match=words):
        names(exclude=(Rule(environment="*", reason="r"),))


def test_the_register_of_the_repository_is_sound():
    environments = read_environments(ROOT / "environments")
    found = read_register(ROOT / "environments", environments)
    assert found.reference == "local-reference-float64"
    assert len(select_environments(environments, found, "tiny-vgg-face")) >= 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('reference = "z"\ndefault = "default"\n[groups]\ndefault = ""', "reference = 'z': no such"),
        ('reference = "a"\ndefault = "z"\n[groups]\ndefault = ""', "default = 'z': no such"),
        ('reference = "a"\ndefault = "g"\n[groups]\ng = ""', "'default' is not in matrix.toml"),
        ('reference = "a"\ndefault = "default"\n[groups]\n[[expected]]\nowner = "me"', "until: is missing"),
        (RULE.format("exclude", "b", "default"), "exclude.0.environment = 'b': names none of a"),
        (RULE.format("include", "b*", "default"), "include.0.environment = 'b\\*': names none of a"),
        (RULE.format("include", "a", "zz"), "include.0.group = 'zz': no such group; there are default"),
    ],
)
def test_a_register_that_contradicts_the_environments_is_refused(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read_text(tmp_path, text)


PINNED = """reference = "a"
default = "default"
[groups]
default = ""
[[expected]]
example = "*"
environment = "a"
reason = "r"
owner = "o"
until = 2030-01-01
"""


@pytest.mark.parametrize(
    ("pin", "words"),
    [
        ('digest = "0123456789abcdef"', "digest = '0123456789abcdef': needs count beside it"),
        ('count = "279"', "expected.0.count = '279': string should match"),
        ('count = "0 of 5"', "expected.0.count = '0 of 5'"),
        ('count = "1 of 5"\ndigest = "xyz"', "expected.0.digest = 'xyz'"),
        ("count = 5", "expected.0.count = 5"),
    ],
)
def test_a_pin_that_says_nothing_is_refused(tmp_path, pin, words):
    with pytest.raises(InputError, match=re.escape(words)):
        read_text(tmp_path, PINNED + pin)


def test_pins_are_read_and_names_come_from_the_files(tmp_path):
    register = read_text(tmp_path, PINNED + 'count = "1 of 5"\ndigest = "0123456789abcdef"')
    assert (register.expected[0].count, register.environments) == ("1 of 5", ("a",))
    with pytest.raises(InputError, match="environments: cannot be set in the file"):
        read_text(tmp_path, 'environments = ["a"]\n' + PINNED)


def read_text(folder, text):
    """The register of a folder with one environment."""
    (folder / "a.toml").write_text(
        'description = "x"\nbackend = "reference"\ngroups = ["default"]\npackages = []'
    )
    (folder / "matrix.toml").write_text(text)
    return read_register(folder, read_environments(folder))


@pytest.mark.parametrize(
    "table", [Register, Rule, Expected, Environment, BackendSettings, SteeringParameters]
)
def test_every_key_is_documented(table):
    text = (ROOT / "docs" / "environments.md").read_text(encoding="utf-8")
    keys = set(table.model_fields) - {"name", "environments"}  # which no file sets
    forms = ("\n{} = ", "`{}`", "`[{}]`", "`[[{}]]`")
    assert [key for key in keys if not any(form.format(key) in text for form in forms)] == []


def test_the_documented_entries_are_read(tmp_path):
    text = (ROOT / "docs" / "environments.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    known = PINNED.partition("[[")[0].replace('reference = "a"', 'reference = "caffe-a"')
    known = known.replace("[groups]\n", '[groups]\ndocker = ""\n')
    (tmp_path / "caffe-a.toml").write_text('description = "x"\nbackend = "caffe"\ngroups = []\npackages = []')
    (tmp_path / "matrix.toml").write_text(known + "\n".join(blocks))
    register = read_register(tmp_path, read_environments(tmp_path))
    assert (len(register.exclude), len(register.expected)) == (1, 1)


def test_an_expected_divergence_matches_by_glob():
    entry = Expected(
        example="bim-*", environment="*-old", reason="r", owner="o", until=dt.date(2030, 1, 1), model="m"
    )
    assert entry.matches_example("bim-1")
    assert entry.matches_environment("a-old")
    assert not entry.matches_environment("a-new")
    assert not entry.matches_example("fgsm-1")
    assert entry.is_about("m")
    assert not entry.is_about("n")
