"""Ports that feed stored arrays as something else than the network's input: that changes every answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from harness.ami.port import read_port
from harness.core.arrays import CONVENTIONS, Preprocess, read_preprocess
from harness.examples.evidence import has_same_line
from harness.examples.subject import PreparedSubject
from harness.plan.plan import Cell, name_port


def note_feeding(prepared: PreparedSubject, cells: Sequence[Cell]) -> PreparedSubject:
    """What was prepared, with a note for each of the cells' ports and every convention that it feeds so."""
    preprocess = read_preprocess(prepared.subject.preprocess)
    ports = {name_port(cell.job["port"]): cell.job["port"] for cell in cells}
    notes = [
        f"npy: port {name} does not make this network's input of {held} arrays; --rule npy=convert does"
        for name, port in ports.items()
        for held in prepared.held
        if not is_input(held, port, preprocess)
    ]
    return dataclasses.replace(prepared, notes=(*prepared.notes, *notes))


def is_input(held: str, port: Mapping[str, Any], preprocess: Preprocess) -> bool:
    """Whether a job's port makes the network's input of arrays of a convention."""
    rule = read_port(port["preset"], port["rules"]).npy
    order = "bgr" if rule == "to-bgr" else CONVENTIONS[held].order
    own = f"{preprocess.channel_order}-minus-mean"
    return rule == "convert" or (order == preprocess.channel_order and has_same_line(held, own, preprocess))
