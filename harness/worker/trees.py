"""The whole order of one layer's sum, as a program: what is added to what, and which product is not rounded.

A program is a list of whole numbers, last in first out. A tap's number puts its product there, BIAS_LEAF the
bias; ADD replaces the two last by their sum, and FUSED does so with the very last not rounded before. After
Xie et al. (FPRev, USENIX ATC 2025): one tap's sizes with all others split the rest into parts, each of which
is read in the same way. The bias cannot be masked, so where it is added follows from which parts hold it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Sequence, Tuple

import numpy as np

from harness.worker.masks import (
    BIAS,
    WEIGHT,
    Bench,
    Mask,
    ask_probes,
    find_silent,
    fused_mask,
    order_mask,
    pivot_probes,
    read_fused,
    read_leaves,
    spread_probes,
)
from harness.worker.orders import SEED, NoPlainSumError, Places, find_inside, take_leaves
from harness.worker.sums import list_whole

BIAS_LEAF, ADD, FUSED = -1, -2, -3
DEEPEST = 400
ROUGH = 2.0**30  # its product swallows the bias; of half of it, it is rounded up

Program = List[int]


@dataclass(frozen=True)
class Part:
    """A part of the sum: its program, some tap in it, how many numbers it adds, whether the bias is one."""

    program: Program
    tap: int
    size: int
    has_bias: bool

    @property
    def is_tap(self) -> bool:
        """Whether it is one product."""
        return self.size == 1 and not self.has_bias


@dataclass(frozen=True)
class Reader:
    """A layer whose order is read in one channel, at some outputs by turns; `fused` is known of pairs."""

    bench: Bench
    at: Places
    channel: int
    fused: Dict[Tuple[int, int], bool] = field(default_factory=dict)

    def pair(self, pivot: int, others: Sequence[int]) -> Tuple[np.ndarray, np.ndarray]:
        """Sizes of the smallest parts that hold a tap and each of the others, and which hold the bias."""
        probes = pivot_probes(pivot, np.array(others), self.at)
        found = read_leaves(self.bench.sum, probes, ask_probes(self.bench, probes, order_mask()))
        if found is None:
            raise NoPlainSumError("what is left of masked products is no count of them")
        return found[0][:, self.channel], found[1][:, self.channel]

    def ask(self, first: int, second: int, mask: Mask) -> np.ndarray:
        """Outputs (1, O) with one pair of taps."""
        return ask_probes(self.bench, pivot_probes(first, np.array([second]), self.at), mask)

    def is_fused(self, first: int, second: int) -> bool:
        """Whether the second tap's product is added to the first one's without being rounded before."""
        if (first, second) not in self.fused:
            self.learn_fused(first, [second])
        return self.fused[first, second]

    def learn_fused(self, first: int, others: Sequence[int]) -> None:
        """The same of several second taps at once, which takes no more passes."""
        probes = pivot_probes(first, np.array(others), self.at)
        found = ask_probes(self.bench, probes, fused_mask(self.bench.precision))
        fused = read_fused(self.bench.sum, found, self.bench.precision)
        if fused is None:
            raise NoPlainSumError("products are rounded to other widths")
        self.fused.update({(first, one): bool(row) for one, row in zip(others, fused[:, self.channel])})

    def is_fused_to_bias(self, tap: int) -> bool:
        """Whether a tap's product is added to the bias without being rounded before."""
        eps = float(np.finfo(self.bench.precision).eps)
        value = -BIAS / WEIGHT * (1 - eps)
        left = float(self.ask(tap, tap, Mask(0.0, value, value))[0, self.channel])
        return left == BIAS * eps

    def is_bias_with(self, first: int, second: int) -> bool:
        """Whether the bias is added to the first tap's part, before that is added to the second one's."""
        scale = ROUGH if self.bench.precision == np.float32 else ROUGH * 2.0**29
        left = float(self.ask(first, second, Mask(0.0, scale, -scale / 2))[0, self.channel])
        return left == scale / 2 * WEIGHT


def read_trees(bench: Bench) -> List[Tuple[List[int], Program]]:
    """Programs, each with the channels that are added up by it: the last may have a kernel of their own."""
    return [(channels, read_tree(bench, channels)) for channels in part_channels(bench)]


def part_channels(bench: Bench) -> List[List[int]]:
    """Channels that masks do not tell apart, but for the bias, which one has not."""
    random = np.random.RandomState(SEED)
    found = []
    for near in (False, True):
        probes = spread_probes(bench.sum, random, near=near)
        sizes, holds = take_leaves(bench, probes)
        fused = read_fused(bench.sum, ask_probes(bench, probes, fused_mask(bench.precision)), bench.precision)
        found += [sizes - holds] + ([] if fused is None else [fused])
    parts: Dict[Tuple[bytes, ...], List[int]] = {}
    for channel in range(bench.sum.stop.shape[0]):
        key = tuple(np.ascontiguousarray(one[:, channel]).tobytes() for one in found)
        parts.setdefault(key, []).append(channel)
    return list(parts.values())


def read_tree(bench: Bench, channels: Sequence[int]) -> Program:
    """The program of some channels' sums; NoPlainSumError where there is none, or it adds several at once."""
    at = list_whole(bench.sum)
    silent = find_silent(bench.sum.stop.shape[0])
    channel = next((one for one in channels if one != silent), channels[0])
    try:
        return read_tree_at(bench, channel, at)
    except NoPlainSumError:
        # The order may be another at other outputs, and those that are mixed fit no tree.
        return read_tree_at(bench, channel, (at[0][:1], at[1][:1]))


def read_tree_at(bench: Bench, channel: int, at: Places) -> Program:
    """The same, of one channel, at some outputs by turns."""
    inside = find_inside(bench.sum, np.arange(bench.sum.products), at).tolist()
    if len(inside) < bench.sum.products:
        raise NoPlainSumError("no output's window lies inside, so its products cannot all be masked")
    reader = Reader(bench, at, channel)
    part = read_part(reader, inside, 0)
    if bench.sum.layer.bias and not part.has_bias:
        part = join_bias(reader, part)
    return part.program


def read_part(reader: Reader, taps: Sequence[int], depth: int) -> Part:
    """The part of a sum that some taps make, with the bias where that is added inside."""
    if len(taps) == 1:
        return Part([taps[0]], taps[0], 1, has_bias=False)
    if depth > DEEPEST:
        raise NoPlainSumError("its parts lie deeper in each other than is read")
    steps = split_taps(reader, taps)
    singles = [members[0] for _, _, members in steps[1] if len(members) == 1]
    if singles:
        reader.learn_fused(steps[0], singles)
    part = Part([steps[0]], steps[0], 1, has_bias=False)
    for size, holds, members in steps[1]:
        other = read_part(reader, members, depth + 1)
        if holds and not (part.has_bias or other.has_bias):
            if reader.is_bias_with(part.tap, other.tap):
                part = join_bias(reader, part)
            else:
                other = join_bias(reader, other)
        part = join(reader, part, other)
        if part.size != size:
            raise NoPlainSumError("more than two numbers are added at once")
    return part


Steps = List[Tuple[int, bool, List[int]]]


def split_taps(reader: Reader, taps: Sequence[int]) -> Tuple[int, Steps]:
    """A tap, and the others by the size of the smallest part that holds it and them, small ones first.

    The last tap where the first one tells nothing, as where numbers are added from behind.
    """
    found: Tuple[int, Steps] = (taps[0], [])
    for pivot, others in ((taps[0], taps[1:]), (taps[-1], taps[:-1])):
        sizes, holds = reader.pair(pivot, others)
        groups: Dict[Tuple[int, bool], List[int]] = {}
        for tap, size, held in zip(others, sizes.tolist(), holds.tolist()):
            groups.setdefault((size, held), []).append(tap)
        if len(groups) > len(found[1]):
            found = (pivot, [(size, held, groups[size, held]) for size, held in sorted(groups)])
        if len(groups) > 1 or len(others) == 1:
            break
    return found


def join_bias(reader: Reader, part: Part) -> Part:
    """A part and the bias added up."""
    fused = part.is_tap and reader.is_fused_to_bias(part.tap)
    program = [BIAS_LEAF, *part.program] if part.is_tap else [*part.program, BIAS_LEAF]
    return Part([*program, FUSED if fused else ADD], part.tap, part.size + 1, has_bias=True)


def join(reader: Reader, part: Part, other: Part) -> Part:
    """Two parts added up: the one of which a single product may not be rounded comes last."""
    first, second, how = part, other, ADD
    for one, last in ((part, other), (other, part)):
        if last.is_tap and reader.is_fused(one.tap, last.tap):
            first, second, how = one, last, FUSED
            break
    program = [*first.program, *second.program, how]
    return Part(program, part.tap, part.size + other.size, part.has_bias or other.has_bias)
