"""`matrix.toml`: the reference, the groups, what goes with which model, and expected divergences."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from harness.core.errors import InputError
from harness.plan.environments import REGISTER, Environment
from harness.plan.identity import name_environment
from harness.system.tables import TomlTable, read_toml_table

Text = Annotated[str, Field(min_length=1)]


class Rule(TomlTable):
    """Environments that are added to, or taken from, a group for some models, and why.

    Without a group an `include` speaks of the default one, an `exclude` of all.
    """

    environment: Text
    model: Text = "*"
    group: Text | None = None
    reason: Text

    def is_about(self, environment: Environment, model: str) -> bool:
        """Whether this rule speaks of an environment with a model."""
        return fnmatchcase(environment.name, self.environment) and fnmatchcase(model, self.model)


class Expected(TomlTable):
    """Divergences that are known: examples and environments as globs, why, whose, and until when.

    `count` (`279 of 400`) and `digest` pin how many examples depart and with which tuples, in every
    environment that is named; without them any tuple is expected.
    """

    example: Text
    environment: Text
    model: Text = "*"
    reason: Text
    owner: Text
    until: dt.date
    count: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,17} of [1-9][0-9]{0,17}$")] | None = None
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None

    @model_validator(mode="after")
    def check_pin(self) -> Expected:
        """Refuse a digest alone: nobody could tell whether it was made of the same examples."""
        if self.digest is not None and self.count is None:
            raise ValueError(f"digest = {self.digest!r}: needs count beside it, as `N of M`")
        return self

    def matches_environment(self, label: str) -> bool:
        """Whether this entry speaks of a cell, by its label."""
        return fnmatchcase(name_environment(label), self.environment)

    def matches_example(self, example: str) -> bool:
        """Whether this entry speaks of an example."""
        return fnmatchcase(example, self.example)

    def is_about(self, model: str) -> bool:
        """Whether this entry speaks of a model."""
        return fnmatchcase(model, self.model)


class Register(TomlTable):
    """The whole file, and the names of the environments beside it."""

    reference: Text
    default: Text
    groups: dict[str, str]
    include: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()
    expected: tuple[Expected, ...] = ()
    environments: tuple[str, ...] = ()


def read_register(folder: Path, environments: Sequence[Environment]) -> Register:
    """`matrix.toml` of a folder; InputError where it and the environments beside it contradict each other."""
    path = folder / REGISTER
    names = tuple(environment.name for environment in environments)
    register = read_toml_table(path, Register, environments=names)
    if register.reference not in names:
        raise InputError(
            f"{path}: reference = {register.reference!r}: no such environment; there are {', '.join(names)}"
        )
    if register.default not in register.groups:
        raise InputError(
            f"{path}: default = {register.default!r}: no such group; there are {', '.join(register.groups)}"
        )
    for environment in environments:
        check_groups(folder, environment, register)
    check_rules(path, "include", register.include, register)
    check_rules(path, "exclude", register.exclude, register)
    return register


def check_rules(path: Path, kind: str, rules: Sequence[Rule], register: Register) -> None:
    """Refuse rules for an environment or a group that does not exist."""
    for number, rule in enumerate(rules):
        place = f"{path}: {kind}.{number}"
        if not any(fnmatchcase(name, rule.environment) for name in register.environments):
            there = ", ".join(register.environments)
            raise InputError(f"{place}.environment = {rule.environment!r}: names none of {there}")
        if rule.group is not None and rule.group not in register.groups:
            there = ", ".join(register.groups)
            raise InputError(f"{place}.group = {rule.group!r}: no such group; there are {there}")


def check_groups(folder: Path, environment: Environment, register: Register) -> None:
    """Refuse an environment in a group that `matrix.toml` does not have."""
    for group in environment.groups:
        if group not in register.groups:
            raise InputError(
                f"{folder / environment.name}.toml: groups: {group!r} is not in {REGISTER};"
                f" there are {', '.join(register.groups)}"
            )


def select_environments(
    environments: Sequence[Environment],
    register: Register,
    model: str,
    groups: Sequence[str] = (),
    globs: Sequence[str] = (),
) -> tuple[Environment, ...]:
    """The environments to run a model in.

    Globs choose among all environments, or among the groups' where these are given too; without globs the
    groups (or the default one) are taken. What a group holds for this model is the register's to say.
    InputError for a group or a glob that chooses nothing.
    """
    for group in groups:
        if group not in register.groups:
            raise InputError(f"group {group!r}: unknown; there are {', '.join(register.groups)}")
    wanted = groups or (() if globs else (register.default,))
    members = gather_members(environments, register, model, wanted) if wanted else environments
    chosen = match_globs(members, globs) if globs else members
    if not chosen:
        names = ", ".join(environment.name for environment in environments)
        left = "".join(f"; {note}" for note in note_rules(environments, register, model, groups, globs))
        raise InputError(f"model {model}: the selection holds no environment; there are {names}{left}")
    return tuple(sorted(chosen, key=lambda one: (one.name != register.reference, one.name)))


def match_globs(environments: Sequence[Environment], globs: Sequence[str]) -> list[Environment]:
    """Environments that a glob names; InputError for a glob that names none."""
    for glob in globs:
        if not any(fnmatchcase(environment.name, glob) for environment in environments):
            names = ", ".join(environment.name for environment in environments)
            raise InputError(f"environment {glob!r}: names none of {names or 'the chosen groups'}")
    return [one for one in environments if any(fnmatchcase(one.name, glob) for glob in globs)]


def gather_members(
    environments: Sequence[Environment], register: Register, model: str, groups: Sequence[str]
) -> list[Environment]:
    """What any of the groups holds for a model."""
    held = [one for group in groups for one in list_members(environments, register, model, group)]
    return [one for one in environments if one in held]


def list_members(
    environments: Sequence[Environment], register: Register, model: str, group: str
) -> list[Environment]:
    """What a group holds for a model: its own, those that are included, and none that is excluded."""
    return [
        one
        for one in environments
        if (group in one.groups or find_include(register, one, model, group))
        and not find_exclude(register, one, model, group)
    ]


def find_include(register: Register, environment: Environment, model: str, group: str) -> Rule | None:
    """The first rule that adds an environment to a group."""
    rules = (rule for rule in register.include if (rule.group or register.default) == group)
    return next((rule for rule in rules if rule.is_about(environment, model)), None)


def find_exclude(register: Register, environment: Environment, model: str, group: str | None) -> Rule | None:
    """The first rule that takes an environment from a group, or from all of them (None)."""
    rules = (rule for rule in register.exclude if rule.group in (None, group))
    return next((rule for rule in rules if rule.is_about(environment, model)), None)


def note_rules(
    environments: Sequence[Environment],
    register: Register,
    model: str,
    groups: Sequence[str],
    globs: Sequence[str],
) -> list[str]:
    """Sentences on what the register's rules have changed in a selection, with their reasons."""
    notes: dict[str, None] = {}
    for group in groups or (() if globs else (register.default,)):
        notes |= dict.fromkeys(note_group(environments, register, model, group))
    for one in environments if not groups else ():
        rule = find_exclude(register, one, model, None)
        if rule and any(fnmatchcase(one.name, glob) for glob in globs):
            notes[f"{one.name} runs though it is excluded for model {model}: {rule.reason}"] = None
    return list(notes)


def note_group(
    environments: Sequence[Environment], register: Register, model: str, group: str
) -> Iterator[str]:
    """Which environments the rules take from a group for a model, and which they add."""
    for one in environments:
        added, taken = (find(register, one, model, group) for find in (find_include, find_exclude))
        if taken and (group in one.groups or added):
            yield f"{one.name} is left out of group {group} for model {model}: {taken.reason}"
        elif added and group not in one.groups:
            yield f"{one.name} is added to group {group} for model {model}: {added.reason}"
