"""Revocation and the inventory at a million certificates: what one revocation and one lookup cost.

The lists are an issuer's, with every certificate revoked, in the number of partitions that `muster certs crl`
has by default. Durable writes are part of each revocation: the inventory's transaction, then the list.
"""

from __future__ import annotations

import hashlib
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.report import section
from bench.rounds import Series, seconds
from certs import assemble, intermediates
from certs.keys import DEFAULT
from certs.life.inventory import Inventory, Issued
from certs.life.revocation import Partitions, Publisher
from certs.signers.file import FileSigner
from cli.certs.life import DEFAULT_PARTITIONS

CERTIFICATES = 1_000_000
QUICK = 50_000
REVOCATIONS = 40
LOOKUPS = 2_000
REVOCATION_GOAL, LOOKUP_GOAL = 100.0, 1.0
"""Milliseconds."""


@dataclass(frozen=True)
class Measured:
    """Milliseconds of one revocation and of one lookup; inserts a second; seconds to publish every list."""

    certificates: int
    partitions: int
    revocation: Series
    by_id: Series
    by_serial: Series
    inserts_a_second: float
    publish_seconds: float
    audit_seconds: float
    list_bytes: int
    file_bytes: int


def measure(certificates: int = CERTIFICATES, partitions: int = DEFAULT_PARTITIONS) -> Measured:
    """Enter so many certificates and revoke them all, then measure at that size."""
    signer = FileSigner(DEFAULT.generate())
    order = intermediates.root_order("bench", "root", signer.public_key(), 365)
    issuer = assemble.self_signed(order, signer)
    with (
        tempfile.TemporaryDirectory(prefix="muster-bench-") as folder,
        Inventory(Path(folder, "inventory.sqlite")) as inventory,
    ):
        lists = Path(folder, "crl")
        publisher = Publisher(lists, issuer, signer, Partitions("http://crl.example", partitions))
        fleet = _Fleet(issuer.subject.rfc4514_string(), certificates)
        inserting = seconds(lambda: inventory.record(fleet.all()))
        inventory.revoke_all(inventory.all(), "cessationOfOperation")
        publishing = seconds(lambda: publisher.publish(inventory))
        inventory.record(fleet.entry(number) for number in fleet.late)
        chosen = fleet.sample()
        return Measured(
            certificates,
            partitions,
            _series("revocation", fleet.late, lambda number: _revoke(publisher, inventory, number)),
            _series("by id", chosen, lambda number: inventory.by_id(_name(number))),
            _series("by serial", chosen, lambda number: inventory.by_serial(_serial(number), fleet.issuer)),
            certificates / inserting,
            publishing,
            seconds(inventory.audit),
            max(path.stat().st_size for path in lists.iterdir()),
            inventory.path.stat().st_size,
        )


def report(found: Measured) -> str:
    """The section of docs/benchmarks.md."""
    rows = [
        ("one revocation, its list written anew", f"{found.revocation.spread()} ms"),
        ("inventory: a device by its id", f"{found.by_id.spread(3)} ms"),
        ("inventory: a certificate by its serial", f"{found.by_serial.spread(3)} ms"),
        ("inventory: entries a second", f"{found.inserts_a_second:,.0f}"),
        ("every list from the inventory", f"{found.publish_seconds:.1f} s"),
        ("audit of the inventory", f"{found.audit_seconds:.1f} s"),
        ("largest list; the inventory", f"{found.list_bytes:,}; {found.file_bytes:,} bytes"),
    ]
    goal = (
        f"Goals: a revocation under {REVOCATION_GOAL:.0f} ms, {_met(found.revocation, REVOCATION_GOAL)}; "
        f"a lookup under {LOOKUP_GOAL:.0f} ms, {_met(found.by_id, LOOKUP_GOAL)}."
    )
    how = (
        f"{found.certificates:,} certificates of one issuer, all revoked, in {found.partitions} lists; files "
        "are flushed to disk."
    )
    return section("Revocation and the inventory", how, "measured", rows, goal)


@dataclass(frozen=True)
class _Fleet:
    """Entries of an inventory that no certificate stands behind: their numbers give all that is in them."""

    issuer: str
    size: int

    @property
    def late(self) -> range:
        """Those that are entered last, and revoked one by one."""
        return range(self.size, self.size + REVOCATIONS)

    def all(self) -> Iterator[Issued]:
        """The fleet."""
        return map(self.entry, range(self.size))

    def entry(self, number: int) -> Issued:
        """One of them."""
        begin = datetime(2026, 1, 1, tzinfo=UTC)
        ends = begin + timedelta(days=3650)
        digest = f"{_serial(number) << 96:064x}"
        return Issued(_name(number), _serial(number), self.issuer, begin, ends, digest, "oslo", "reefers")

    def sample(self) -> list[int]:
        """Some, at random."""
        return random.Random(7).choices(range(self.size), k=LOOKUPS)  # noqa: S311 - no secret


def _serial(number: int) -> int:
    """As spread as a random one, and as long."""
    digest = hashlib.sha256(number.to_bytes(8, "big")).digest()
    return int.from_bytes(digest[:20], "big") >> 1 | 1 << 158


def _name(number: int) -> str:
    return f"device-{number:07}"


def _revoke(publisher: Publisher, inventory: Inventory, number: int) -> None:
    publisher.revoke(inventory, _serial(number), "keyCompromise")


def _series(name: str, numbers: Iterable[int], work: Callable[[int], object]) -> Series:
    series = Series(name)
    for number in numbers:
        series.values.append(seconds(lambda: work(number)) * 1000)  # noqa: B023 - called at once
    return series


def _met(series: Series, goal: float) -> str:
    return "met" if series.median < goal else "NOT met"


if __name__ == "__main__":
    print(report(measure(int(sys.argv[1]) if len(sys.argv) > 1 else CERTIFICATES)))
