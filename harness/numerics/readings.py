"""Environments read: the order of every layer, and a hash of every blob of some examples' passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.network_files import read_network, read_weights
from harness.core.traces import read_trace
from harness.examples.subject import Subject
from harness.matrix.campaign import Campaign, Workspace, remove_failed, run_campaign
from harness.matrix.schedule import Outcome
from harness.numerics.masked import mask_subject
from harness.numerics.orders import Order, read_orders
from harness.numerics.replay import Replay, replay_trace
from harness.plan.environments import Environment
from harness.plan.plan import CellRequest, Override
from harness.records.cell import read_cell
from harness.records.record import walk_records

ORDERS, BLOBS, TRACE = "orders", "blobs", "trace"


@dataclass(frozen=True)
class Reading:
    """What is known of one environment: its cell, its orders by blob, its hashes by example and blob.

    `layers` are hashes of blobs that were made from the same values in all environments. `unlike` are
    examples whose passes come to other bits when nobody watches.
    """

    name: str
    cell: Mapping[str, Any] = field(default_factory=dict)
    orders: Mapping[str, Order] = field(default_factory=dict)
    hashes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    layers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unlike: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def blobs(self) -> tuple[str, ...]:
        """Names of all blobs, in their order."""
        return tuple(next(iter(self.hashes.values()), {}))

    @property
    def precisions(self) -> set[str]:
        """In which precisions its values are held."""
        return {one.precision for one in self.orders.values()}


@dataclass(frozen=True)
class Reader:
    """Reads environments on a subject, as their cells are run."""

    workspace: Workspace
    subject: Subject
    override: Override = field(default_factory=Override)
    ca_bundle: Path | None = None

    def read(
        self, environments: Sequence[Environment], examples: Sequence[str], *, whole: bool = False
    ) -> list[Reading]:
        """Orders, whole ones where these are wanted, and hashes; reasons where one could not be read."""
        told = self.read_orders(environments, whole=whole)
        trace = self.trace(environments, examples)
        details = {} if trace is None else {"details": {"trace": str(trace)}}
        hashed = self.run(self.subject, environments, BLOBS, tuple(examples), details)
        return [make_reading(*one) for one in zip(environments, told, hashed, strict=True)]

    def trace(self, environments: Sequence[Environment], examples: Sequence[str]) -> Path | None:
        """Folder of a trace in float32, from whose values all environments go on; None without one."""
        givers = [one for one in environments if one.settings.precision == "float32"]
        givers.sort(key=lambda one: (one.backend != "reference", one.launcher == "docker", one.name))
        details = {"details": {"examples": list(examples)}}
        for giver in givers[:1]:
            (outcome,) = self.run(self.subject, [giver], TRACE, tuple(examples), details)
            return outcome.folder if outcome.status == "done" else None
        return None

    def read_orders(self, environments: Sequence[Environment], *, whole: bool = False) -> list[Outcome]:
        """The cells that say in which order environments add up."""
        masked = mask_subject(self.subject, self.workspace.cache, self.workspace.screen.say)
        details = {"details": {"trees": True}} if whole else {}
        return self.run(masked, environments, ORDERS, (), details)

    def replay(
        self, environments: Sequence[Environment], readings: Sequence[Reading], examples: Sequence[str]
    ) -> dict[str, list[Replay]]:
        """What of each environment's layers comes out here, added up in its order; none without a trace."""
        wanted = {"details": {"examples": list(examples)}}
        traces = self.run(self.subject, environments, TRACE, tuple(examples), wanted)
        network = read_network(self.subject.network)
        weights = read_weights(self.subject.network, network)
        return {
            one.name: list(replay_trace(network, weights, read_trace(trace.folder), one.orders, examples))
            for one, trace in zip(readings, traces, strict=True)
            if one.orders and trace.status == "done" and trace.folder is not None
        }

    def run(
        self,
        subject: Subject,
        environments: Sequence[Environment],
        task: str,
        only: tuple[str, ...],
        details: Mapping[str, Any] | None = None,
    ) -> list[Outcome]:
        """A cell with a task in every environment."""
        requests = tuple(
            CellRequest(one, self.override, variant=task, only=only, task=task, details=details or {})
            for one in environments
        )
        campaign = Campaign(subject, requests, ca_bundle=self.ca_bundle)
        result = run_campaign(self.workspace, campaign)
        remove_failed(result.outcomes)
        return list(result.outcomes)


def make_reading(environment: Environment, orders: Outcome, hashes: Outcome) -> Reading:
    """What two cells tell of an environment."""
    reasons = tuple(dict.fromkeys(one.reason or "failed" for one in (orders, hashes) if one.status != "done"))
    if reasons or orders.folder is None or hashes.folder is None:
        return Reading(environment.name, reasons=reasons or ("left nothing",))
    lines = [one for one in walk_records(hashes.folder) if "blobs" in one]
    return Reading(
        environment.name,
        read_cell(hashes.folder),
        read_orders(orders.folder),
        {str(one["example"]): one["blobs"] for one in lines},
        {str(one["example"]): one["layers"] for one in lines if "layers" in one},
        tuple(str(one["example"]) for one in lines if not one["same"]),
    )
