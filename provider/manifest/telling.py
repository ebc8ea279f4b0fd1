"""What a person reads of a manifest: counts, refused rows, refusals of the whole."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from provider.clients.dps_bulk import BULK_ROWS, PAGE_ROWS
from provider.manifest.ledger import Counts
from provider.manifest.survey import FEW_ROWS

SHOWN_ROWS = 20
REMOVED_ROWS = 10
REMOVED_SHARE = 0.1


class Pace(NamedTuple):
    """What a service takes in a minute: so many operations of so many rows. 0: nobody counts."""

    per_minute: float
    rows: int = BULK_ROWS
    of: str = "operations"


def plan(manifest: str, counts: Counts, pace: Pace) -> str:
    """What an `up` would do, in one line."""
    text = (
        f"manifest {manifest}: {counts.added:,} added, {counts.changed:,} changed, {counts.removed:,} removed"
    )
    if counts.refused:
        text += f", {counts.refused:,} refused"
    seconds = calls(counts, pace.rows) * 60 / pace.per_minute if pace.per_minute else 0
    return text + (
        f" (about {minutes(seconds)} at {pace.per_minute:,.0f} {pace.of} a minute)" if seconds > 60 else ""
    )


def calls(counts: Counts, rows: int = BULK_ROWS) -> int:
    """About how many operations of the service that takes, with so many rows each."""
    looks = counts.looks if counts.looks <= FEW_ROWS else counts.known // PAGE_ROWS
    return looks + (counts.added + counts.changed + counts.removed) // rows


def minutes(seconds: float) -> str:
    """A time as one says it."""
    whole = round(seconds / 60)
    return f"{whole} min" if whole < 120 else f"{whole // 60} h {whole % 60} min"


def excessive(counts: Counts) -> bool:
    """Whether so many removals look like a truncated file."""
    return counts.removed > REMOVED_ROWS and counts.removed > REMOVED_SHARE * counts.known


def removal_refused(manifest: str, file: Path, counts: Counts) -> str:
    """Why nothing is sent, and how to say that it is meant."""
    return (
        f"manifest {manifest}: {file} lacks {counts.removed:,} of the {counts.known:,} rows that the service "
        f"has from it, which is more than {REMOVED_SHARE:.0%}; their devices could no longer provision. "
        "Nothing was sent. Is the file whole? If they should go, set allowRemovals to true for this one "
        "`pulumi up`"
    )


def foreign(manifest: str, host: str, counts: Counts) -> str:
    """Why a new manifest does not take over what it found."""
    return (
        f"manifest {manifest}: {host} already has {counts.known:,} devices of a manifest of this name "
        f"that this stack's state does not know; {counts.changed:,} differ from the file, {counts.removed:,} "
        "are not in it. Nothing was sent. If they are another stack's, give this manifest another "
        "manifestName; if they are what a run left behind, set adopt to true for this one `pulumi up`"
    )


def refused(manifest: str, counts: Counts, rows: Iterator[tuple[int, str, str]], report: Path) -> str:
    """The refused rows: some here, all of them in a file."""
    shown: list[str] = []
    total = 0
    with report.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("line", "registration_id", "reason"))
        for line, key, reason in rows:
            total += 1
            writer.writerow((line, key, reason))
            if total <= SHOWN_ROWS:
                shown.append(row(line, key, reason))
    more = [f"and {total - SHOWN_ROWS:,} more, all in {report}"] if total > SHOWN_ROWS else []
    head = (
        f"manifest {manifest}: {total:,} of {counts.rows:,} rows are refused, {counts.held:,} are in the "
        "service; the next `pulumi up` sends only what is missing:"
    )
    return "\n  ".join([head, *shown, *more])


def would_refuse(manifest: str, counts: Counts, rows: Iterator[tuple[int, str, str]]) -> str:
    """The rows that would be refused, for a preview."""
    shown = [row(*each) for each in islice(rows, SHOWN_ROWS)]
    more = [f"and {counts.refused - SHOWN_ROWS:,} more"] if counts.refused > SHOWN_ROWS else []
    return "\n  ".join([f"manifest {manifest}: {counts.refused:,} rows will be refused:", *shown, *more])


def row(line: int, key: str, reason: str) -> str:
    """One refused row."""
    named = f"{key}: " if key and not reason.startswith(key) else ""
    return f"line {line}: {named}{reason}"
