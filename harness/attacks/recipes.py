"""Attacks by name: what each computes, with which parameters, towards which class.

Changes and steps are in levels of a pixel, 0 to 255.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.core.documents import is_integer, parse_integer, parse_number
from harness.core.errors import InputError

Loss = Literal["cross-entropy", "margin"]
Aim = Literal["away", "first", "next", "each"]
"""Away from Gold; to class 0; to the class after Gold (after the last: 0); to every class in turn."""
Save = Literal["png", "jpeg", "npy"]
SAVES: tuple[Save, ...] = ("png", "jpeg", "npy")


@dataclass(frozen=True)
class Fgsm:
    """One step of `eps` (Goodfellow et al. 2015)."""

    eps: float = 8


@dataclass(frozen=True)
class Bim:
    """`iterations` steps, kept within `eps` (Kurakin et al. 2017)."""

    eps: float = 4
    step: float = 1.0
    iterations: int = 10


@dataclass(frozen=True)
class Pgd:
    """The same from a random start within `eps`, `restarts` times (Madry et al. 2018)."""

    eps: float = 4
    step: float = 1.0
    iterations: int = 40
    restarts: int = 1


@dataclass(frozen=True)
class DeepFool:
    """Steps to the nearest linearised boundary among the likeliest classes, then `overshoot` of the way."""

    iterations: int = 50
    overshoot: float = 0.02
    classes: int = 10


@dataclass(frozen=True)
class CarliniL2:
    """Smallest Euclidean change with `confidence` (logits); `constant` is what the bisection starts at.

    `solver` is Carlini and Wagner's own, Adam, or `toolbox`: that of the robustness toolbox, a line search.
    """

    confidence: float = 0.5
    constant: float = 1.0
    searches: int = 4
    iterations: int = 40
    rate: float = 0.02
    solver: Literal["adam", "toolbox"] = "adam"


@dataclass(frozen=True)
class CarliniL0:
    """Fewest changed pixels: each round gives up the `share` of its pixels that matter least."""

    confidence: float = 0.5
    constant: float = 10.0
    rounds: int = 24
    iterations: int = 20
    rate: float = 0.05
    share: float = 0.3


@dataclass(frozen=True)
class CarliniLinf:
    """Smallest largest change: each round lowers the `limit` above which changes cost, by `decrease`."""

    confidence: float = 0.5
    constant: float = 5.0
    limit: float = 8.0
    decrease: float = 0.8
    rounds: int = 12
    iterations: int = 20
    rate: float = 0.005


@dataclass(frozen=True)
class PatchRecipe:
    """A square of free colour, its corner and side as shares of the image's (as in the published images)."""

    corner: float = 145 / 224
    side: float = 59 / 224
    step: float = 8.0
    iterations: int = 60
    momentum: float = 0.9


@dataclass(frozen=True)
class Glasses:
    """Spectacle frames of free colour at the eyes; `rim` is its thickness over the eyes' distance."""

    rim: float = 0.14
    step: float = 8.0
    iterations: int = 60
    momentum: float = 0.9


@dataclass(frozen=True)
class AmiPgd:
    """Carlini's attack on AmI: signed steps of a tenth of `eps` times each of `shares`, by each of `losses`.

    `input` is what the surrogate is fed: what the model takes, or, as published, RGB without the mean.
    """

    eps: float = 2.5
    iterations: int = 100
    shares: tuple[float, ...] = (1.0, 0.2)
    losses: tuple[Loss, ...] = ("cross-entropy", "margin")
    input: Literal["model", "rgb-without-mean"] = "model"


@dataclass(frozen=True)
class Adaptive:
    """Signed steps through both passes at once, towards the likeliest class, then towards the next ones.

    `confidence` is the margin that both passes aim at, in standard deviations of their logits.
    """

    eps: float = 4
    step: float = 0.5
    iterations: int = 40
    restarts: int = 3
    confidence: float = 1.0


Recipe = (
    Fgsm
    | Bim
    | Pgd
    | DeepFool
    | CarliniL2
    | CarliniL0
    | CarliniLinf
    | PatchRecipe
    | Glasses
    | AmiPgd
    | Adaptive
)
ON_DETECTOR = (AmiPgd, Adaptive)
"""Attacks that have to deceive the detector, too."""


@dataclass(frozen=True)
class Attack:
    """A named attack; results are stored as `save` says, and judged as they are stored.

    All published ones hold whole levels, as PNG does; patches and glasses were JPEG files, besides.
    """

    name: str
    recipe: Recipe
    aim: Aim = "away"
    save: Save = "png"

    @property
    def on_detector(self) -> bool:
        """Whether success takes a deceived detector."""
        return isinstance(self.recipe, ON_DETECTOR)


def list_attacks() -> dict[str, Attack]:
    """All attacks by name, with their default parameters."""
    found = [
        Attack("fgsm", Fgsm()),
        Attack("bim", Bim()),
        Attack("pgd", Pgd()),
        Attack("deepfool", DeepFool()),
        Attack("ami-pgd", AmiPgd(), "each", "npy"),
        Attack("adaptive", Adaptive()),
    ]
    aims: tuple[Aim, ...] = ("first", "next")
    for aim in aims:
        found += [
            Attack(f"cw_l0_{aim}", CarliniL0(), aim),
            Attack(f"cw_l2_{aim}", CarliniL2(), aim),
            Attack(f"cw_li_{aim}", CarliniLinf(), aim),
            Attack(f"patch_{aim}", PatchRecipe(), aim),
            Attack(f"glasses_{aim}", Glasses(), aim),
        ]
    return {attack.name: attack for attack in found}


def find_attack(name: str, settings: Sequence[str] = (), save: str | None = None) -> Attack:
    """An attack by its name, some parameters replaced (`eps=8`); InputError for an unknown one."""
    attacks = list_attacks()
    if name not in attacks:
        raise InputError(f"attack {name}: unknown; there are {', '.join(attacks)}")
    attack = attacks[name]
    recipe = change_recipe(name, attack.recipe, settings)
    check_recipe(name, recipe)
    return dataclasses.replace(attack, recipe=recipe, save=choose_save(save, attack.save))


def choose_save(given: str | None, usual: Save) -> Save:
    """How results are stored; InputError for an unknown way."""
    if given is None:
        return usual
    for save in SAVES:
        if save == given:
            return save
    raise InputError(f"--save {given}: unknown; there are {', '.join(SAVES)}")


def change_recipe(name: str, recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """A recipe with parameters replaced, each `NAME=VALUE`, several values parted by commas."""
    present = dataclasses.asdict(recipe)
    changed: dict[str, Any] = {}
    for setting in settings:
        key, mark, text = setting.partition("=")
        if not mark or key not in present:
            raise InputError(
                f"attack {name}: no parameter in {setting!r}; give NAME=VALUE of {', '.join(present)}"
            )
        if key in changed:
            raise InputError(f"attack {name}: {key} is set twice; set it once")
        changed[key] = read_value(f"attack {name}: {key}", text, present[key])
    return dataclasses.replace(recipe, **changed)


def read_value(place: str, text: str, present: Any) -> Any:
    """A parameter's value, of the kind that it has by default."""
    if isinstance(present, tuple):
        return tuple(read_value(place, part, present[0]) for part in text.split(","))
    if isinstance(present, str):
        return text
    try:
        return parse_integer(text) if isinstance(present, int) and is_integer(text) else parse_number(text)
    except ValueError as error:
        raise InputError(f"{place} = {text!r}: must be a number") from error


CHOICES: dict[str, tuple[str, ...]] = {
    "solver": ("adam", "toolbox"),
    "input": ("model", "rgb-without-mean"),
    "losses": ("cross-entropy", "margin"),
}
STEP_SHARE = 0.1
"""Of the bound, that Carlini's attack on AmI steps by, times each of its shares."""
LONGEST_SHARE = 1 / STEP_SHARE
COUNTS = ("iterations", "restarts", "searches", "rounds", "classes")
SHARES = ("share", "decrease", "side", "rim")
"""Above 0 and below 1."""
FROM_ZERO = ("confidence", "overshoot", "corner", "momentum")
MOST = 1e6
"""No parameter means anything above it, and squares of what is larger leave the range of float32."""


def check_recipe(name: str, recipe: Recipe) -> None:
    """Refuse parameters out of range."""
    for key, value in dataclasses.asdict(recipe).items():
        for one in value if isinstance(value, tuple) else (value,):
            if (reason := find_fault(key, one)) is not None:
                raise InputError(f"attack {name}: {key} = {one}: {reason}")
    step, eps = getattr(recipe, "step", None), getattr(recipe, "eps", None)
    if step is not None and eps is not None and step > eps:
        raise InputError(f"attack {name}: step = {step}: is longer than eps = {eps}")
    if isinstance(recipe, AmiPgd) and max(recipe.shares) > LONGEST_SHARE:
        raise InputError(
            f"attack {name}: shares = {max(recipe.shares)}: above {LONGEST_SHARE}, steps are longer than eps"
        )
    if isinstance(recipe, DeepFool) and recipe.classes < 2:
        raise InputError(f"attack {name}: classes = {recipe.classes}: there is a boundary from 2 on")
    if isinstance(recipe, PatchRecipe) and recipe.corner + recipe.side > 1:
        raise InputError(f"attack {name}: corner + side = {recipe.corner + recipe.side:g}: leaves the image")


def find_fault(key: str, value: float | str) -> str | None:
    """Why a parameter cannot have this value; None where it can."""
    if isinstance(value, str):
        choices = CHOICES[key]
        return None if value in choices else f"must be one of {', '.join(choices)}"
    if key in COUNTS:
        whole = isinstance(value, int) and 1 <= value <= MOST
        return None if whole else f"must be a whole number of at least 1, {MOST:.0f} at most"
    if key in SHARES:
        return None if 0 < value < 1 else "must lie between 0 and 1"
    if key == "eps":
        return None if 0 < value <= 255 else "must lie between 0 and 255 levels"
    least = value >= 0 if key in FROM_ZERO else value > 0
    if not least:
        return "must be a positive number"
    return None if value <= MOST else f"must be at most {MOST:.0f}"
