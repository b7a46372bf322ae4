"""Environments: where and how a backend runs, one TOML file each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from harness.ami.port import PRESETS, fit_rules, read_port
from harness.backends import NAMES
from harness.core.errors import InputError
from harness.system.tables import PIN, Name, TomlTable, read_toml_table

Count = Annotated[int, Field(ge=1, strict=True)]
# What an environment of each launcher alone has; the first of it has to be there.
LAUNCHER_KEYS = {"local": ("packages", "python"), "docker": ("image", "memory_megabytes"), "here": ()}
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
OWN_VARIABLES = {"PYTHONPATH"}  # the worker's own code is found by it
LONGEST_VALUE = 32_767  # characters that Windows takes; Linux takes four times as many bytes
REGISTER = "matrix.toml"  # lies beside the environments and is none


class BackendSettings(TomlTable):
    """How the backend executes."""

    threads: Count = 1
    precision: Literal["float32", "float64"] = "float32"
    device: Literal["cpu", "cuda"] = "cpu"
    graph_optimisation: Annotated[bool, Field(strict=True)] = True
    tf32: Annotated[bool, Field(strict=True)] = False
    deterministic: Annotated[bool, Field(strict=True)] = True
    winograd: Annotated[bool, Field(strict=True)] = True


class SteeringParameters(TomlTable):
    """Alpha, beta and epsilon where an environment does not take the published ones."""

    alpha: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 100.0
    beta: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 60.0
    epsilon: Annotated[float, Field(allow_inf_nan=False)] = 1.15


class Environment(TomlTable):
    """One file of `environments/`; `name` is the file's name without its ending.

    `packages` and `python` are those of a local environment, `image` and `memory_megabytes` a container's.
    """

    name: Name
    description: Annotated[str, Field(min_length=1)]
    launcher: str = "local"
    image: Name | None = None
    backend: str
    groups: tuple[Name, ...]
    decoder: Literal["pillow", "opencv", "libjpeg-9e"] = "pillow"
    batch_size: Count = 8
    python: Annotated[str, StringConstraints(pattern=r"^3\.\d+$")] | None = None
    packages: tuple[str, ...] = ()
    memory_megabytes: Annotated[int, Field(ge=64, strict=True)] = 4096
    settings: BackendSettings = BackendSettings()
    variables: dict[str, str] = Field(default_factory=dict)
    port: str = "notebook"
    rules: dict[str, Any] = Field(default_factory=dict)
    parameters: SteeringParameters = SteeringParameters()
    silence_seconds: Count = 1800
    timeout_seconds: Count = 6 * 3600

    @field_validator("packages")
    @classmethod
    def check_pins(cls, packages: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what is not pinned to one version."""
        for package in packages:
            if not PIN.match(package):
                raise ValueError(f"{package!r} is not pinned; write NAME==VERSION")
        return packages

    @field_validator("variables")
    @classmethod
    def check_variables(cls, variables: dict[str, str]) -> dict[str, str]:
        """Refuse what no process can be started with, and what would be put aside in silence."""
        for name, value in variables.items():
            if not VARIABLE.fullmatch(name):
                raise ValueError(f'{name!r} cannot name a variable; write NAME = "value"')
            if name.upper() in OWN_VARIABLES:
                raise ValueError(f"the harness itself sets {name}; remove it")
            if "\0" in value or len(value) > LONGEST_VALUE:
                raise ValueError(
                    f"the value of {name} holds a NUL or more than {LONGEST_VALUE} characters; shorten it"
                )
        return variables

    @field_validator("backend")
    @classmethod
    def check_backend(cls, backend: str) -> str:
        """Refuse a backend that does not exist."""
        if backend not in NAMES:
            raise ValueError(f"there is no such backend; there are {', '.join(NAMES)}")
        return backend

    @field_validator("port")
    @classmethod
    def check_preset(cls, port: str) -> str:
        """Refuse a preset that does not exist."""
        if port not in PRESETS:
            raise ValueError(f"there is no such port; there are {', '.join(PRESETS)}")
        return port

    @field_validator("launcher")
    @classmethod
    def check_launcher(cls, launcher: str) -> str:
        """Refuse a launcher that does not exist."""
        if launcher not in LAUNCHER_KEYS:
            raise ValueError(f"there is no such launcher; there are {', '.join(LAUNCHER_KEYS)}")
        return launcher

    @model_validator(mode="after")
    def check_keys(self) -> Environment:
        """Refuse keys of other launchers, and an environment without its own."""
        own = LAUNCHER_KEYS[self.launcher]
        if own and own[0] not in self.model_fields_set:
            raise ValueError(f"{own[0]}: is missing; launcher {self.launcher!r} needs it")
        if self.launcher == "docker" and self.settings.device != "cpu":
            raise ValueError("settings.device: launcher 'docker' has the cpu alone")
        for key in (key for keys in LAUNCHER_KEYS.values() for key in keys):
            if key in self.model_fields_set and key not in own:
                raise ValueError(f"{key}: launcher {self.launcher!r} has no such; remove it")
        return self

    @model_validator(mode="after")
    def check_rules(self) -> Environment:
        """Refuse rules that the port does not have."""
        try:
            read_port(self.port, fit_rules(self.port, self.rules, self.backend))
        except InputError as error:
            raise ValueError(str(error)) from error
        return self


def read_environments(folder: Path) -> tuple[Environment, ...]:
    """All environments of a folder by name; InputError where there is none or one is wrong."""
    paths = sorted(
        (path for path in folder.glob("[!.]*.toml") if path.name != REGISTER), key=lambda path: path.stem
    )
    if not paths:
        raise InputError(f"{folder}: holds no environment; add NAME.toml files")
    return tuple(read_toml_table(path, Environment, name=path.stem) for path in paths)
