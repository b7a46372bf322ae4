"""`matrix.toml`: the reference, the groups, what goes with which model, and expected divergences."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from harness.ami.errors import InputError
from harness.matrix.environments import REGISTER, Environment
from harness.matrix.identity import name_environment
from harness.matrix.tables import Table, read_table

Text = Annotated[str, Field(min_length=1)]


class Rule(Table):
    """Environments that are added to, or taken from, a group's selection for some models."""

    environment: Text
    model: Text = "*"
    reason: Text


class Expected(Table):
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


class Register(Table):
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
    register = read_table(path, Register, environments=names)
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
    return register


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

    Globs choose among all environments, or among the groups where these are given too; without globs the
    groups (or the default one) are taken, with the register's include and exclude rules for this model.
    InputError for a group or a glob that chooses nothing.
    """
    for group in groups:
        if group not in register.groups:
            raise InputError(f"group {group!r}: unknown; there are {', '.join(register.groups)}")
    if globs:
        members = [one for one in environments if not groups or set(one.groups) & set(groups)]
        chosen = match_globs(members, globs)
    else:
        chosen = apply_rules(environments, register, model, groups or (register.default,))
    if not chosen:
        names = ", ".join(environment.name for environment in environments)
        raise InputError(f"model {model}: the selection holds no environment; there are {names}")
    return tuple(sorted(chosen, key=lambda one: (one.name != register.reference, one.name)))


def match_globs(environments: Sequence[Environment], globs: Sequence[str]) -> list[Environment]:
    """Environments that a glob names; InputError for a glob that names none."""
    for glob in globs:
        if not any(fnmatchcase(environment.name, glob) for environment in environments):
            names = ", ".join(environment.name for environment in environments)
            raise InputError(f"environment {glob!r}: names none of {names or 'the chosen groups'}")
    return [one for one in environments if any(fnmatchcase(one.name, glob) for glob in globs)]


def apply_rules(
    environments: Sequence[Environment], register: Register, model: str, groups: Sequence[str]
) -> list[Environment]:
    """Members of the groups, plus what is included and minus what is excluded for a model."""

    def is_named(rules: Sequence[Rule], environment: Environment) -> bool:
        return any(
            fnmatchcase(environment.name, rule.environment) and fnmatchcase(model, rule.model)
            for rule in rules
        )

    return [
        one
        for one in environments
        if (set(one.groups) & set(groups) or is_named(register.include, one))
        and not is_named(register.exclude, one)
    ]
