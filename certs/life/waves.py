"""Rotation in waves: a few devices first, then more, and a stop when too many of a wave fail.

The plan is decided once, from the list of devices and the sizes of waves, and kept in a file. Which devices
are early is by the hash of their ids: the same ones each time, and spread over factories and groups. What
becomes of a device is reported; the next wave opens when every device of the present one is done or failed,
and at most the tolerated share of them failed. Nothing here touches a device or a certificate.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from certs import durable
from certs.errors import CertsError, UnreadableError
from certs.reading import read_bytes

Outcome: TypeAlias = Literal["done", "failed"]
State: TypeAlias = Literal["planned", "open", "stopped", "finished"]

DEFAULT_SHARES: Final = (1.0, 10.0, 100.0)
DEFAULT_TOLERATED: Final = 2.0
"""In percent: of all devices for the end of each wave; of a wave's devices for its failures."""

MAX_BYTES: Final = 256 << 20
_OUTCOMES: Final = ("done", "failed")
_RIGHT: Final = "a plan of waves"


class WaveError(CertsError):
    """A plan of waves does not allow what is asked; the message says what it waits for."""


@dataclass(frozen=True)
class Plan:
    """All waves, how many were opened, and what became of devices so far.

    `tolerated` is the share of failures in percent of a wave's devices at which it stops: more than that.
    """

    waves: tuple[tuple[str, ...], ...]
    tolerated: float
    opened: int = 0
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)

    @property
    def state(self) -> State:
        """Stopped: too many failures in an open wave. Finished: every wave is through."""
        if any(self.exceeds(wave) for wave in self.waves[: self.opened]):
            return "stopped"
        if self.pending():
            return "open"
        return "finished" if self.opened == len(self.waves) else "planned"

    def pending(self) -> list[str]:
        """Devices of the opened waves that nothing is known of yet."""
        return [each for wave in self.waves[: self.opened] for each in wave if each not in self.outcomes]

    def failed(self, wave: Sequence[str]) -> list[str]:
        """Devices of a wave that failed."""
        return [each for each in wave if self.outcomes.get(each) == "failed"]

    def exceeds(self, wave: Sequence[str]) -> bool:
        """Whether more of a wave failed than is tolerated."""
        return len(self.failed(wave)) * 100 > self.tolerated * len(wave)

    def next(self) -> Plan:
        """The plan with its next wave opened.

        Raises WaveError while one is open, when too many failed, or when there is none left.
        """
        if self.state == "stopped":
            raise WaveError(f"stopped: {self._why()}; report those again when they are mended")
        if self.state == "open":
            raise WaveError(f"wave {self.opened} is open: {len(self.pending())} devices are not reported yet")
        if self.state == "finished":
            raise WaveError("finished: there is no wave left")
        return replace(self, opened=self.opened + 1)

    def report(self, outcomes: Mapping[str, Outcome]) -> Plan:
        """The plan with what became of devices; a later report replaces an earlier one, but not `done`.

        Raises WaveError, naming every device that is in no opened wave, or was done already and now failed.
        """
        opened = {each for wave in self.waves[: self.opened] for each in wave}
        strange = [each for each in outcomes if each not in opened]
        undone = [
            each for each, it in outcomes.items() if it == "failed" and self.outcomes.get(each) == "done"
        ]
        faults = [f"{each!r} is in no wave that was opened" for each in strange]
        faults += [f"{each!r} was reported done before" for each in undone]
        if faults:
            raise WaveError("\n".join(faults))
        return replace(self, outcomes={**self.outcomes, **outcomes})

    def _why(self) -> str:
        number, wave = next((at, each) for at, each in enumerate(self.waves, 1) if self.exceeds(each))
        failed = self.failed(wave)
        some = ", ".join(failed[:5]) + (", …" if len(failed) > 5 else "")
        return (
            f"{len(failed)} of {len(wave)} devices of wave {number} failed ({some}), more than "
            f"{self.tolerated:g} %"
        )


def plan(
    devices: Iterable[str],
    shares: Sequence[float] = DEFAULT_SHARES,
    tolerated: float = DEFAULT_TOLERATED,
) -> Plan:
    """A plan for these devices. `shares`: how much of the fleet, in percent, each wave brings it up to.

    Each wave has a device at least, as long as there are any. Raises WaveError: no devices, one twice, shares
    that do not rise to 100, a tolerated share that is none.
    """
    rising = all(a < b for a, b in zip((0.0, *shares), shares, strict=False))
    if not shares or not rising or shares[-1] != 100:
        raise WaveError(f"waves of {', '.join(f'{each:g}' for each in shares)} %: must rise, and end at 100")
    if not 0 <= tolerated < 100:
        raise WaveError(f"{tolerated:g} % of failures tolerated: 0 or more, and less than 100")
    order = sorted(devices, key=lambda each: (hashlib.sha256(each.lower().encode()).digest(), each))
    if not order:
        raise WaveError("there are no devices to plan waves for")
    twice = sorted({a for a, b in pairwise(order) if a.lower() == b.lower()})
    if twice:
        raise WaveError("\n".join(f"{each!r} is named twice" for each in twice))
    return Plan(tuple(_cut(order, shares)), tolerated)


def _cut(order: Sequence[str], shares: Sequence[float]) -> Iterable[tuple[str, ...]]:
    begin = 0
    for share in shares:
        end = len(order) if share == 100 else min(max(begin + 1, int(len(order) * share / 100)), len(order))
        if end > begin:
            yield tuple(order[begin:end])
        begin = end


def write(path: Path, found: Plan, *, new: bool = False) -> None:
    """Keep a plan, whole or not at all; with `new` nothing may be there. Raises ExistsError, StorageError."""
    document = {
        "tolerated": found.tolerated,
        "opened": found.opened,
        "waves": [list(wave) for wave in found.waves],
        "outcomes": dict(found.outcomes),
    }
    data = (json.dumps(document, indent=1) + "\n").encode()
    if new:
        durable.new_file(path, data, durable.PUBLIC_FILE, "a plan of waves")
    else:
        durable.write(path, data, durable.PUBLIC_FILE)


def read(path: Path) -> Plan:
    """The plan in a file; raises UnreadableError when it is none, or does not fit together."""
    try:
        document = json.loads(read_bytes(path, MAX_BYTES))
        found = _parsed(document)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise UnreadableError(str(path), f"damaged ({error!r})", _RIGHT) from error
    return found


def _parsed(document: dict[str, Any]) -> Plan:
    waves = tuple(tuple(str(each) for each in wave) for wave in document["waves"])
    outcomes: dict[str, Outcome] = {str(each): it for each, it in document["outcomes"].items()}
    found = Plan(waves, float(document["tolerated"]), int(document["opened"]), outcomes)
    every = [each for wave in waves for each in wave]
    opened = {each for wave in waves[: found.opened] for each in wave}
    sound = (
        all(waves)
        and bool(waves)
        and len(set(every)) == len(every)
        and 0 <= found.opened <= len(waves)
        and 0 <= found.tolerated < 100
        and set(outcomes) <= opened
        and all(it in _OUTCOMES for it in outcomes.values())
    )
    if not sound:
        raise ValueError("its parts do not fit together")
    return found
