"""Rules of ports: read from a command line, and what preset, environment and command line come to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from harness.ami.port import CHOICES, Port, fit_rules, read_port
from harness.core.errors import InputError

NAMES = tuple(field.name for field in dataclasses.fields(Port))


def read_rules(texts: Sequence[str]) -> dict[str, Any]:
    """Rules of `NAME=VALUE` each; InputError for what is none, with what there is."""
    rules: dict[str, Any] = {}
    for text in texts:
        name, mark, value = (part.strip() for part in text.partition("="))
        if not mark:
            raise InputError(f"--rule {text}: is not NAME=VALUE, such as ddof=1")
        if name not in NAMES:
            raise InputError(f"--rule {text}: there is no rule {name!r}; there are {', '.join(NAMES)}")
        if name in rules:
            raise InputError(f"--rule {text}: {name} is given twice; give it once")
        rules[name] = read_choice(text, name, value)
    return rules


def read_choice(text: str, name: str, value: str) -> Any:
    """What a rule is to be; of files, their names in their order."""
    if name not in CHOICES:
        return [part.strip() for part in value.split(",")]
    found = {write_choice(choice): choice for choice in CHOICES[name]}
    if value.lower() not in found:
        raise InputError(f"--rule {text}: {name} has no choice {value!r}; there are {', '.join(found)}")
    return found[value.lower()]


def write_choice(choice: Any) -> str:
    """A choice as it is written: `true`, `1`, `numpy`, `leye,reye,nose,mouth`."""
    if isinstance(choice, (list, tuple)):
        return ",".join(map(str, choice))
    return str(choice).lower()


def settle_rules(preset: str, rules: Mapping[str, Any], backend: str) -> dict[str, Any]:
    """Those rules in which a port departs from its preset on a backend; InputError where it cannot be."""
    fitted = fit_rules(preset, rules, backend)
    own, port = read_port(preset, {}), read_port(preset, fitted)
    return {name: fitted[name] for name in fitted if getattr(port, name) != getattr(own, name)}
