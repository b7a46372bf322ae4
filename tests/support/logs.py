"""Logs written as AmI's notebooks print them."""


def print_line(number, gold, original, attribute, hits, of, decimals=4, word="Adversary"):
    rate = 1.0 * hits / of if of else 0.0
    return (
        f"{number:3} Gold-Original-Attribute: {gold:4}-{original:4}-{attribute:4}"
        f"  |  {word}: {rate:.{decimals}f} [{hits:3}/{of:3}]"
    )


def print_log(tuples, rule="all", decimals=4):
    """A whole log, its running rates by a rule."""
    lines, hits, of = [], 0, 0
    for number, (gold, original, attribute) in enumerate(tuples, start=1):
        counts = rule == "all" or original != gold
        of += counts
        hits += counts and original != attribute
        lines.append(print_line(number, gold, original, attribute, hits, of, decimals))
    return "\n".join(lines) + "\n"
