"""Summaries made by hand, for the tests of reports."""

from harness.summary.document import (
    CellSummary,
    DifferenceSummary,
    DivergenceSummary,
    IncomparableSummary,
    RatesSummary,
    RateSummary,
    Summary,
)

HOSTILE = (
    "<script>alert(1)</script>",
    "a|b|c\\|d\\\\|e",
    "`a` ``b``` \\`c",
    "**bold** __bold__ ~~gone~~ _i_ *j* _a_b_ c_d_ _e",
    "[link](http://evil.example/) ![i](//evil.example/x.png) <http://evil.example/>",
    "http://evil.example/ www.evil.example mailto:a@evil.example b@evil.example @everyone",
    "a\n\n# heading\n\n- item\n\n| x | y |\n",
    "a\r\nb\x1b[31mc\x00d\u202ee",
    "</pre></details></summary><!-- <img src=x onerror=alert(1)>",
    "&lt;b&gt; &amp; &#60; $x^2$ :smile: #12 GH-12",
    '" onmouseover="alert(1)" x="',
    "- item",
    "1. item",
    "=== ---",
    "]]> <![CDATA[ <?php ?>",
    "x\uffffy",
)


def rate(hits, of, **more):
    """A rate with Wilson's interval."""
    from harness.evaluate.rates import measure_rate

    one = measure_rate(hits, of)
    return RateSummary(hits=hits, of=of, rate=one.rate, low=one.low, high=one.high, **more)


def cell(name, *, status="done", detection=None, **more):
    """A cell of ten examples; one without rates where it is not done."""
    rates = RatesSummary(
        examples=10,
        cases={"X-X-X": 4, "X-X-Y": 1, "X-Y-X": 3, "X-Y-Y": 2},
        detection=detection or rate(3, 5),
        alarms=rate(1, 5),
        alarms_all=rate(1, 6),
        accuracy=rate(9, 10),
        attribute_accuracy=rate(8, 10),
        evasion=rate(2, 5),
        recovery=rate(3, 5),
    )
    kept = {"rates": rates, "run_seconds": 12.5, "peak_memory_bytes": 123_000_000} if status == "done" else {}
    parameters = {"alpha": 100.0, "beta": 60.0, "epsilon": 1.15}
    given = {"backend": "reference", "port": "notebook", "parameters": parameters, **kept, **more}
    return CellSummary(environment=name, cell=f"m/{name}", status=status, **given)


def divergence(example, *, baseline=(1, 1, 1), expected=None, **more):
    """An example on which environment `a` is the baseline; tuples of others are given by their names."""
    fields = {name: more.pop(name) for name in list(more) if name in DivergenceSummary.model_fields}
    tuples = {"a": baseline, **more}
    departing = tuple(name for name, value in tuples.items() if value != baseline)
    classes = {}
    for name, value in tuples.items():
        classes.setdefault(value, []).append(name)
    given = {
        "attack": "fgsm", "source": "s", "baseline_environment": "a", "baseline": baseline, "tuples": tuples,
        "classes": tuple(classes.values()), "departing": departing,
        "expected": {**dict.fromkeys(departing), **(expected or {})},
    }  # fmt: skip
    return DivergenceSummary(example=example, **{**given, **fields})


def make_summary(**more):
    """A summary of two cells, a and b, that agree unless it is said otherwise."""
    divergences = more.get("divergences", ())
    given = {
        "run": "20260102T030405Z-1a2b", "created": "2026-01-02T03:04:05+00:00", "harness": "0.1.0",
        "model": "m", "reference": "a", "examples": 10, "compared": 10, "cells": (cell("a"), cell("b")),
        "divergences": (), "incomparable": (), "register_problems": (), "notes": (), "seconds": 1.5,
        "exit_code": 1 if divergences else 0, "verdict": "this is the verdict",
    }  # fmt: skip
    return Summary(**{**given, **more})


def plant(text):
    """A summary with a text in every place where one can be."""
    broken = cell(
        f"broken {text}", status="failed", reason=text, log_end=f"log {text}", backend=text, port=text,
        differences=(DifferenceSummary(what=text, baseline=text, here=text, matters=True),),
    )  # fmt: skip
    one = divergence(text, b=(1, 2, 2), attack=text, source=text, causes={"b": text}, expected={"b": text})
    more = {
        "tuples": {**one.tuples, text: (1, 1, 2)},
        "classes": (*one.classes, (text,)),
        "departing": ("b", text),
    }
    return make_summary(
        cells=(cell("a"), cell("b"), cell(text), broken),
        divergences=(one.model_copy(update=more),),
        incomparable=(IncomparableSummary(example=text, environment=text, reason=text),),
        labels={1: text}, run=text, model=text, reference=text, verdict=text, notes=(text,), harness=text,
        register_problems=(text,), exit_code=2,
    )  # fmt: skip
