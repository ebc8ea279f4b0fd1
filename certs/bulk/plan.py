"""A capacity calculator: from what this machine was measured to do, what a list will take. No IO.

One process makes a batch, then writes it. Several make while one writes, so the slower of both counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from certs.bulk.commission import BATCH

_FINGERPRINT_BYTES = 10
"""A device in memory while its list is checked (`certs.bulk.duplicates`), with what arrays keep ready."""
_WAITING_BATCHES = 3
"""Batches in memory for each worker: two that wait, one that is made."""


@dataclass(frozen=True)
class Cost:
    """What a device costs with one kind of key: seconds of one process, bytes of a bundle."""

    algorithm: str
    seconds: float
    bytes: float


@dataclass(frozen=True)
class Machine:
    """What was measured. `speedup` is how much more than one process `processes` of them make together."""

    costs: Sequence[Cost]
    write_seconds_a_byte: float
    processes: int
    speedup: float
    own_bytes: int
    worker_bytes: int


@dataclass(frozen=True)
class Forecast:
    """What a list takes."""

    algorithm: str
    workers: int
    seconds: float
    disk_bytes: int
    memory_bytes: int


def forecasts(machine: Machine, devices: int) -> Iterator[Forecast]:
    """For every kind of key that was measured, and every number of workers that this machine has room for."""
    for cost in machine.costs:
        for workers in range(1, machine.processes + 1):
            yield _forecast(machine, cost, devices, workers)


def _forecast(machine: Machine, cost: Cost, devices: int, workers: int) -> Forecast:
    write = cost.bytes * machine.write_seconds_a_byte
    if workers == 1:
        seconds = devices * (cost.seconds + write)
    else:
        seconds = devices * max(cost.seconds / _speedup(machine, workers), write)
    waiting = int(workers * _WAITING_BATCHES * BATCH * cost.bytes)
    more = workers * machine.worker_bytes if workers > 1 else 0
    memory = machine.own_bytes + more + devices * _FINGERPRINT_BYTES + waiting
    return Forecast(cost.algorithm, workers, seconds, int(devices * cost.bytes), memory)


def _speedup(machine: Machine, workers: int) -> float:
    """Between one process and all of them, as far as was measured."""
    share = (workers - 1) / (machine.processes - 1)
    return 1 + share * (machine.speedup - 1)
