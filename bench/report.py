"""What the HTML report costs: to write, to keep, to open and to scroll."""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.ami.cases import CASES, name_case
from harness.evaluate.rates import measure_rate
from harness.report.html.write import write_html
from harness.summary.document import (
    AgreeingSummary,
    AgreementSummary,
    CellSummary,
    DifferenceSummary,
    DivergenceSummary,
    PairSummary,
    RatesSummary,
    RateSummary,
    Summary,
)

ATTACKS = ("benign", "fgsm", "bim", "cw-l2-next", "patch-first", "ami-pgd")
STAGES = ("input", "logits_original", "logits_attribute")
CLASSES = 2622
SEED = 11
Tuple3 = tuple[int, int, int]
SCROLL = """
async () => {
  const frames = [];
  let last = performance.now(), y = document.getElementById("cards").offsetTop;
  for (let step = 0; step < 240; step++) {
    window.scrollTo(0, y += 110);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  return frames;
}
"""


def main() -> None:
    """Write a report of made-up numbers, and open it in Chromium where there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--environments", type=int, default=12)
    parser.add_argument("--agreeing", type=float, default=0.0, help="share of the examples that agree")
    parser.add_argument("--output", type=Path, help="keep the report here")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    summary = invent_summary(options.examples, options.environments, options.agreeing)
    with tempfile.TemporaryDirectory(prefix="harness-bench-") as folder:
        path = (options.output or Path(folder) / "report.html").resolve()
        measured = measure(summary, path)
    print(json.dumps(measured, indent=1) if options.json else describe(measured))


def measure(summary: Summary, path: Path) -> dict[str, Any]:
    """Seconds and bytes of writing; milliseconds of opening and scrolling, where Chromium is there."""
    start = time.perf_counter()
    pages = write_html(path, summary)
    measured: dict[str, Any] = {
        "examples": summary.examples,
        "environments": len(summary.cells),
        "write_seconds": round(time.perf_counter() - start, 2),
        "pages": len(pages),
        "megabytes": round(path.stat().st_size / 1e6, 1),
    }
    chromium = shutil.which("chromium")
    return measured | (open_page(path, chromium) if chromium else {"chromium": "is not here"})


def open_page(path: Path, chromium: str) -> dict[str, Any]:
    """Time until the first examples are drawn, and how long frames take while the list is scrolled."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"], headless=True
        )
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        start = time.perf_counter()
        page.goto(f"{path.as_uri()}#sort=margin", wait_until="commit")  # leads to the list itself
        page.wait_for_selector("#cards .card .member")
        page.evaluate("() => new Promise(requestAnimationFrame)")
        opened = time.perf_counter() - start
        frames = sorted(page.evaluate(SCROLL))
        browser.close()
    return {
        "first_examples_seconds": round(opened, 2),
        "median_frame_ms": round(statistics.median(frames), 1),
        "slow_frame_ms": round(frames[math.ceil(0.95 * len(frames)) - 1], 1),
        "slowest_frame_ms": round(frames[-1], 1),
    }


def describe(measured: dict[str, Any]) -> str:
    """The same as text."""
    text = (
        "{examples} examples x {environments} environments: written in {write_seconds} s,"
        " {megabytes} MB on the first of {pages} pages"
    ).format(**measured)
    if "chromium" in measured:
        return f"{text}; Chromium {measured['chromium']}"
    return text + (
        "; first examples drawn after {first_examples_seconds} s (aim 3 s); frames while scrolling:"
        " median {median_frame_ms} ms, 95 % below {slow_frame_ms} ms, slowest {slowest_frame_ms} ms"
    ).format(**measured)


def invent_summary(examples: int, environments: int, agreeing: float = 0.0) -> Summary:
    """A summary of made-up numbers, the same every time."""
    draw = random.Random(SEED)  # noqa: S311
    names = [f"environment-{place:02d}-pytorch" for place in range(environments)]
    agree = round(examples * agreeing)
    divergences = tuple(
        invent_divergence(draw, f"example-{place:06d}", names) for place in range(examples - agree)
    )
    return Summary(
        run="20260102T030405Z-1a2b",
        created="2026-01-02T03:04:05+00:00",
        harness="0.1.0",
        model="made-up",
        reference=names[0],
        baseline=names[0],
        examples=examples,
        compared=examples,
        cells=tuple(invent_cell(draw, name, examples) for name in names),
        divergences=divergences,
        agreeing=invent_agreeing(draw, agree),
        agreement=AgreementSummary(pairs=tuple(invent_pairs(draw, names, examples)), fleiss_kappa=0.81),
        labels={number: f"Person_{number:04d}" for number in range(CLASSES)},
        incomparable=(),
        register_problems=(),
        notes=("every number in this report is made up",),
        seconds=1234.5,
        exit_code=1 if divergences else 0,
        verdict=f"{len(divergences)} of {examples} examples diverge among {environments} environments",
    )


def invent_divergence(draw: random.Random, example: str, names: list[str]) -> DivergenceSummary:
    """An example on which some environments depart from the first one."""
    gold = draw.randrange(CLASSES)
    baseline = (gold, draw.choice((gold, draw.randrange(CLASSES))), draw.randrange(CLASSES))
    others = [invent_tuple(draw, baseline) for _ in range(draw.choice((1, 1, 2)))]
    tuples: dict[str, Tuple3] = dict.fromkeys(names, baseline)
    for name in draw.sample(names[1:], draw.randint(1, max(1, len(names) // 3))):
        tuples[name] = draw.choice(others)
    departing = tuple(name for name in names if tuples[name] != baseline)
    margins = {name: (draw.lognormvariate(0, 3), draw.lognormvariate(-2, 3)) for name in names}
    classes: dict[Tuple3, list[str]] = {}
    for name, value in tuples.items():
        classes.setdefault(value, []).append(name)
    known = draw.random() < 0.2
    return DivergenceSummary(
        example=example,
        attack=draw.choice(ATTACKS),
        source=f"clean-{draw.randrange(2000):04d}",
        baseline_environment=names[0],
        baseline=baseline,
        tuples=tuples,
        classes=tuple(tuple(members) for members in classes.values()),
        departing=departing,
        expected=dict.fromkeys(departing, "another rule for pool3" if known else None),
        changes={name: name_changes(baseline, tuples[name]) for name in departing},
        margins=margins,
        smallest_margin=min(min(pair) for pair in margins.values()),
        stages={name: draw.choice(STAGES) for name in departing},
        causes={departing[0]: "the margin is within the noise of the instruction sets"} if known else {},
    )


def invent_tuple(draw: random.Random, baseline: Tuple3) -> Tuple3:
    """Another tuple of the same Gold."""
    gold, original, attribute = baseline
    other = draw.randrange(CLASSES - 1)
    if draw.random() < 0.2:
        return gold, other + (other >= original), attribute
    return gold, original, draw.choice((gold, other)) if attribute != gold else other + (other >= attribute)


def name_changes(baseline: Tuple3, value: Tuple3) -> tuple[Any, ...]:
    """What differs between two tuples."""
    pairs = zip(("gold", "original", "attribute"), baseline, value, strict=True)
    changes = [name for name, known, here in pairs if known != here]
    changes += ["case"] if name_case(*baseline) != name_case(*value) else []
    changes += ["detected"] if (baseline[1] == baseline[2]) != (value[1] == value[2]) else []
    return tuple(changes)


def invent_agreeing(draw: random.Random, count: int) -> AgreeingSummary:
    """Examples on which all agree."""
    golds = [draw.randrange(CLASSES) for _ in range(count)]
    return AgreeingSummary(
        examples=tuple(f"agreeing-{place:06d}" for place in range(count)),
        sources=tuple(f"clean-{place:06d}" for place in range(count)),
        attacks=tuple(draw.choice(ATTACKS) for _ in range(count)),
        tuples=tuple((gold, gold, gold) for gold in golds),
        smallest_margins=tuple(draw.lognormvariate(1, 1) for _ in range(count)),
    )


def invent_cell(draw: random.Random, name: str, examples: int) -> CellSummary:
    """A cell with rates."""
    half = max(1, examples // 2)
    rates = {
        key: invent_rate(draw.randint(0, half), half)
        for key in (
            "detection",
            "alarms",
            "alarms_all",
            "accuracy",
            "attribute_accuracy",
            "evasion",
            "recovery",
        )
    }
    return CellSummary(
        environment=name,
        cell=f"made-up/{name}",
        status="done",
        backend="pytorch",
        port="notebook",
        parameters={"alpha": 100.0, "beta": 60.0, "epsilon": 1.15},
        rates=RatesSummary(examples=examples, cases=dict.fromkeys(CASES, examples // 5), **rates),
        run_seconds=draw.uniform(1, 100),
        peak_memory_bytes=draw.randrange(10**9),
        differences=tuple(
            DifferenceSummary(what=f"packages.package-{place}", baseline="1.0", here="1.1", matters=place < 9)
            for place in range(150)
        ),
    )


def invent_rate(hits: int, of: int) -> RateSummary:
    """A rate with both intervals."""
    one = measure_rate(hits, of)
    return RateSummary(
        hits=hits,
        of=of,
        rate=one.rate,
        low=one.low,
        high=one.high,
        cluster_low=one.low,
        cluster_high=one.high,
    )


def invent_pairs(draw: random.Random, names: list[str], examples: int) -> list[PairSummary]:
    """Every pair of environments."""
    return [
        PairSummary(
            first=first,
            second=second,
            agreement=invent_rate(draw.randint(0, examples), examples),
            kappa=draw.uniform(-0.1, 1),
            only_first=draw.randrange(100),
            only_second=draw.randrange(100),
            p_value=draw.random(),
        )
        for place, first in enumerate(names)
        for second in names[place + 1 :]
    ]


if __name__ == "__main__":
    main()
