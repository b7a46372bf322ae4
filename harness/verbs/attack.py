"""The verb `harness attack`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.system.extras import EXTRAS, require_extra
from harness.system.invocation import name_place, show_example
from harness.system.streams import print_json, print_line
from harness.verbs import options

if TYPE_CHECKING:
    from harness.attacks.order import AttackRequest
    from harness.attacks.results import Produced

COULD_NOT_RUN, INTERRUPTED = 2, 130
EXAMPLE = show_example(
    "attack cw_l2_next --output attacks/cw_l2_next --keep 50",
    "attack fgsm --set eps=4 --examples benign=faces --output attacks/fgsm",
    "attack ami-pgd --classes 0,1,2 --limit 20 --output attacks/ami-pgd",
)


Name = Annotated[
    str,
    typer.Argument(
        metavar="ATTACK",
        help="fgsm, bim, pgd, deepfool, adaptive, ami-pgd, or cw_l0, cw_l2, cw_li, patch or glasses with"
        " _first (towards class 0) or _next (towards the class after Gold).",
    ),
]
Output = Annotated[Path, typer.Option(help="Folder for the images, their list, and what made them.")]
Examples = Annotated[
    list[str] | None,
    typer.Option(
        "--examples",
        metavar="FILE|DIR|ATTACK=DIR",
        help="Clean images, as for run; of a list, the benign ones. Default: the model's own.",
    ),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the attack; several times."),
]
Keep = Annotated[int | None, typer.Option(help="Stop once so many are kept.")]
Limit = Annotated[int | None, typer.Option(help="Attack the first so many clean images alone.")]
Classes = Annotated[
    str | None, typer.Option(help="ami-pgd's targets, parted by commas; default: every class.")
]
Landmarks = Annotated[
    Path | None,
    typer.Option(help="Where the eyes are, for glasses; default: landmarks.json beside the examples."),
]
Save = Annotated[
    str | None,
    typer.Option(
        help="png (whole levels), jpeg, or npy (the network's input); default: npy for ami-pgd, else png."
    ),
]
Seed = Annotated[int, typer.Option(help="Of what is random.")]
Batch = Annotated[int, typer.Option(help="Images at a time; a killed attack goes on at a batch.")]
Threads = Annotated[int | None, typer.Option(help="Default: all cores.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Gradients = Annotated[str, typer.Option(help="Where gradients come from; pytorch alone has any.")]
Check = Annotated[str, typer.Option(help="Backend that results are judged on.")]
Port = Annotated[
    str | None, typer.Option(help="The detector's port, for ami-pgd and adaptive; default: notebook.")
]
Alpha = Annotated[float | None, typer.Option(help="The detector's weakening.")]
Beta = Annotated[float | None, typer.Option(help="The detector's strengthening.")]
Epsilon = Annotated[float | None, typer.Option(help="Its floor.")]


def attack(
    name: Name,
    output: Output,
    model: options.Model = "tiny-vgg-face",
    examples: Examples = None,
    setting: Sets = None,
    keep: Keep = None,
    limit: Limit = None,
    classes: Classes = None,
    landmarks: Landmarks = None,
    save: Save = None,
    seed: Seed = 0,
    batch: Batch = 50,
    threads: Threads = None,
    device: Device = "cpu",
    backend: Gradients = "pytorch",
    check: Check = "pytorch",
    port: Port = None,
    alpha: Alpha = None,
    beta: Beta = None,
    epsilon: Epsilon = None,
    rule: options.Rules = None,
    prototxt: options.Prototxt = None,
    caffemodel: options.Caffemodel = None,
    labels: options.Labels = None,
    witnesses: options.Witnesses = None,
    stage: options.Stages = None,
    level: options.Level = None,
    as_json: options.AsJson = False,
) -> None:
    """Attack clean images, and keep what deceives as it is stored.

    A killed attack goes on when it is started again. Exit code: 0 done, 2 could not run on all images.
    """
    require_extra("attacks", "attack")
    if check in EXTRAS:
        require_extra(check, f"--check {check}")
    from harness.attacks.order import AttackRequest
    from harness.system.machine import count_cores

    request = AttackRequest(
        attack=name, output=output, model=model, settings=tuple(setting or ()),
        examples=tuple(examples or ()), landmarks=landmarks, save=save, keep=keep, limit=limit,
        classes=classes, seed=seed, batch=batch, threads=count_cores() if threads is None else threads,
        device=device, backend=backend, check=check, port=port, alpha=alpha, beta=beta, epsilon=epsilon,
        rules=tuple(rule or ()),
        prototxt=prototxt, caffemodel=caffemodel, labels=labels, witnesses=witnesses,
        stages=tuple(stage or ()), level=level,
    )  # fmt: skip
    produced = perform(request)
    if as_json:
        print_json(to_json(produced))
    else:
        print_produced(request, produced)
    if produced.refused:
        raise typer.Exit(COULD_NOT_RUN)


def perform(request: Any) -> Produced:
    """Attack with progress on standard error; when interrupted, say that the work is kept."""
    from harness.attacks.order import run_attack
    from harness.launch.events import Event
    from harness.report.progress import ConsoleScreen
    from harness.system.consoles import open_errors

    try:
        with ConsoleScreen(open_errors()).show_cells([request.attack]) as show:
            produced = run_attack(
                request, lambda done, total: show(Event(request.attack, "running", done, total))
            )
            show(Event(request.attack, "done"))
    except KeyboardInterrupt:
        print_line("harness: interrupted; whole batches are kept, the same command goes on", error=True)
        raise typer.Exit(INTERRUPTED) from None
    return produced


def to_json(produced: Produced) -> dict[str, Any]:
    """The result as plain data."""
    return {**asdict(produced), "folder": str(produced.folder)}


def print_produced(request: AttackRequest, produced: Produced) -> None:
    """The counts in words, and the command that runs what was kept."""
    counts = produced.counts
    resumed = f", {produced.resumed} of them before this start" if produced.resumed else ""
    print_line(
        f"{request.attack}: {counts['attempted']} attempts{resumed}: {counts['succeeded']} deceive,"
        f" {counts['lost_in_storing']} no longer once stored, {counts['failed']} never did;"
        f" {counts['kept']} kept, {produced.seconds:.1f} s"
    )
    if produced.cases:
        print_line("  " + ", ".join(f"{count} {case}" for case, count in produced.cases.items()))
    for way, tally in produced.ways.items():
        print_line(f"  {way}: {tally['succeeded']} of {tally['attempted']}")
    print_line(
        f"of {counts['sources']} clean images, left out: {counts['misclassified']} classified wrongly,"
        f" {counts['refused']} refused; {counts['at_target']} tasks whose image is of its target's class"
    )
    for reason in produced.refused:
        print_line(f"  refused: {reason}")
    if counts["kept"] and (command := write_run(request, produced.folder)):
        print_line(f"run it: {command}")


def write_run(request: AttackRequest, folder: Path) -> str:
    """The command that runs what an attack has kept, on the model that it attacked."""
    from harness.report.html.command import FILES, start_command

    examples = [name_place(folder / "examples.jsonl")]
    asked = {**asdict(request), "examples": examples, "npy": None, "override": asdict(request)}
    where = " --environment 'local-*'" if any(asked[name] for name in FILES) else ""
    return start_command(asked, request.model) + where
