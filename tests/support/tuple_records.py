"""Records with made-up numbers, for tests of what is done with records."""

from harness.diff.columns import take_columns


def make_record(example, *numbers, file="f", **more):
    gold, original, attribute = numbers or (1, 1, 1)
    return {
        "example": example, "source": example, "gold": gold, "original": original, "attribute": attribute,
        "attack": "benign", "hashes": {"file": file}, **more,
    }  # fmt: skip


def make_cells(**records):
    return {environment: take_columns(ones) for environment, ones in records.items()}
