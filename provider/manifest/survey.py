"""What the service itself says: is the ledger to be believed, and what is ours, page by page."""

from __future__ import annotations

from collections.abc import Iterator

from provider.clients.dps_bulk import PAGE_ROWS
from provider.clients.errors import DeadlineError
from provider.manifest.deciding import Live, live
from provider.manifest.delivery import Delivery
from provider.manifest.ledger import Ledger

SAMPLE_ROWS = 4
FEW_ROWS = 200
"""So many rows are rather looked up one by one than by reading all of a service's enrollments."""


def believable(ledger: Ledger, delivery: Delivery) -> bool:
    """Whether the service holds what the ledger says, in a sample of its rows."""
    sample = ledger.sample(SAMPLE_ROWS)
    return all((found := delivery.look(key)) is not None and found.digest == digest for key, digest in sample)


def known_there(keys: list[str], delivery: Delivery) -> bool:
    """Whether the service holds any of these rows as ours: then an earlier run was here."""
    return any((found := delivery.look(key)) is not None and found.ours for key in keys)


def survey(ledger: Ledger, delivery: Delivery, manifest: str, pages_at_most: int | None = None) -> int:
    """Read all enrollments of the service, and put those with our mark in place of what the ledger knew.

    Returns how many known rows the service does not hold as they were known. Raises DeadlineError when there
    are more pages than allowed.
    """
    total = 0

    def pages() -> Iterator[list[tuple[str, Live]]]:
        nonlocal total
        continuation: str | None = None
        number = 0
        while number == 0 or continuation is not None:
            if number == pages_at_most:
                raise DeadlineError(
                    f"the service has more than {total:,} devices, too many to read in a preview"
                )
            page = delivery.page(continuation)
            number, continuation = number + 1, page.continuation
            total += len(page.enrollments)
            found = [
                (str(each.get("registrationId", "")).lower(), live(each, manifest))
                for each in page.enrollments
            ]
            yield [(key, it) for key, it in found if it.ours]

    lost = ledger.rebuild(pages())
    ledger.note(total=str(total))
    return lost


def worth_it(looks: int, ledger: Ledger) -> bool:
    """Whether reading everything costs fewer calls than so many looks."""
    total = max(int(ledger.get("total") or 0), ledger.count())
    return looks > max(FEW_ROWS, total // PAGE_ROWS)
