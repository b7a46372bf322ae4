"""The table of drawn faults: how often the right cause is named, by kind, with exact intervals."""

from collections import defaultdict
from statistics import median

from scipy.stats import binomtest

from faults.clean import MAY_BE

COLUMNS = (
    "kind",
    "changed a tuple",
    "right cause",
    "proven",
    "consistent",
    "located",
    "unknown",
    "wrong",
    "proven and wrong",
    "no tuple changed",
    "of those seen",
    "executions",
    "seconds",
)


def judge(line):
    """What became of a fault: `right`, `unknown`, `wrong`, `proven wrong`, `invisible` or `broke`.

    Right: every divergence has the fault's causes and no other. Of a fault that no cause stands for it is
    right to name none, and the layer or the input where it is.
    """
    if "broke" in line:
        return "broke"
    if not line["diverge"]:
        return "invisible"
    if line["what"] == "clean":
        return judge_clean(line)
    expected = sorted(line["expected"])
    if not expected:
        named = [one for one in line["sets"] if one[1]]
        return "right" if not named and is_located(line) else blame(named) or "unknown"
    other = [one for one in line["sets"] if one[1] and not is_part(one[1], expected, line)]
    if other:
        return blame(other)
    return "right" if all(sorted(one[1]) == expected for one in line["sets"]) else "unknown"


def judge_clean(line):
    """What became of a clean pair: right where last bits are named, and what its files declare."""
    allowed = MAY_BE.get(line["kinds"][0], ("numerics",))
    other = [one for one in line["sets"] if not set(one[1]) <= set(allowed)]
    if other:
        return blame(other)
    return "right" if all(one[1] for one in line["sets"]) else "unknown"


def is_part(causes, expected, line):
    """Whether what is named is right: all of it expected; of a pair, one of both may turn a tuple."""
    return sorted(causes) == expected or (line["what"] == "pairs" and set(causes) <= set(expected))


def blame(named):
    """How wrong a name is."""
    if not named:
        return None
    return "proven wrong" if any(verdict == "proven" for verdict, _, _ in named) else "wrong"


def is_located(line):
    """Whether the stage of the fault is named: its own, or the steered pass's of the same blob."""
    return any(one == line["stage"] for one in line["stages"])


def count_lines(lines):
    """How many faults came to what, and the verdicts of those that are right."""
    found = defaultdict(int)
    for line in lines:
        outcome = judge(line)
        found[outcome] += 1
        found["seen"] += outcome == "invisible" and bool(line.get("parting"))
        if outcome == "right":
            verdicts = {verdict for verdict, _, _ in line["sets"]}
            found[
                "proven"
                if verdicts == {"proven"}
                else "consistent"
                if "consistent" in verdicts
                else "located"
            ] += 1
    return found


def show_share(hits, of):
    """`41 of 42 (87.4-99.9 %)`, with the exact interval of 95 %."""
    if not of:
        return ""
    low, high = binomtest(hits, of).proportion_ci(0.95, "exact")
    return f"{hits} of {of} ({100 * low:.1f}-{100 * high:.1f} %)"


def make_row(kind, lines):
    """The row of a kind."""
    count = count_lines(lines)
    changed = sum(count[one] for one in ("right", "unknown", "wrong", "proven wrong"))
    ran = [line for line in lines if line.get("diverge")]
    return (
        kind,
        str(changed),
        show_share(count["right"], changed),
        *(str(count[one] or "") for one in ("proven", "consistent", "located", "unknown")),
        *(str(count[one] or "") for one in ("wrong", "proven wrong", "invisible", "seen")),
        f"{median(line['executions'] for line in ran):g}" if ran else "",
        f"{median(line['seconds'] for line in ran):.0f}" if ran else "",
    )


def make_table(lines):
    """Rows by kind, and one of all; the first is the heading."""
    by_kind = defaultdict(list)
    for line in lines:
        by_kind[" + ".join(line["kinds"]) if line["what"] != "pairs" else "pairs"].append(line)
    rows = [make_row(kind, found) for kind, found in by_kind.items()]
    return [COLUMNS, *rows, make_row("all", lines)] if len(rows) > 1 else [COLUMNS, *rows]


def show_table(rows):
    """Rows as a Markdown table."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def list_wrong(lines):
    """What was not right, with what plants it again, and what was found instead."""
    return [
        f"- {outcome}: {' and '.join(line['kinds'])} (`--{line['what']} --seed {line['seed']}"
        f" --only {line['number']}`, {line['model']}, {line['backend']}): {show_sets(line)}"
        for line in lines
        if (outcome := judge(line)) not in ("right", "invisible")
    ]


def show_sets(line):
    """What was found of a fault, in words."""
    if "broke" in line:
        return line["broke"].strip().splitlines()[-1][:200]
    sets = "; ".join(
        f"{count} {verdict} {'+'.join(causes) or '-'}" for verdict, causes, count in line["sets"]
    )
    return f"{sets} at {', '.join(one for one in line['stages'] if one) or 'no stage'}"
