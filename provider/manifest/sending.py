"""Many rows at a time, with the ledger always ahead: what is about to be sent is on the disk before that.

One thread reads rows and writes the ledger, a few deliver. So many are on their way that the service's rate
is reached at usual latencies, and so few that memory and the rows in doubt after a kill stay bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice

from provider.clients.dps_bulk import BULK_ROWS
from provider.clients.retry import Clock
from provider.manifest.deciding import Item, Kind, Outcome
from provider.manifest.delivery import Delivery, packed
from provider.manifest.ledger import Ledger

WORKERS = 8
"""16.7 calls a second of up to half a second each."""


class Sending:
    """One run's rows on their way. Everything but delivering happens in the caller's thread."""

    def __init__(self, delivery: Delivery, ledger: Ledger, clock: Clock, ends: float | None) -> None:
        self._delivery = delivery
        self._ledger = ledger
        self._clock = clock
        self._ends = ends
        self._outcomes: list[Outcome] = []
        self._running: set[Future[list[Outcome]]] = set()
        self.tally: Counter[Kind] = Counter()

    def run(self, items: Iterable[Item]) -> None:
        """Send rows until there are none left, or there is trouble. The ledger is right in either case."""
        rows = iter(items)
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="manifest") as pool:
            try:
                while not self._over() and (group := list(islice(rows, WORKERS * BULK_ROWS))):
                    self._keep(group)
                    for batch in packed(group):
                        self._running.add(pool.submit(self._delivery.deliver, batch))
                    self._collect(at_most=WORKERS)
            finally:
                self._collect(at_most=0)
                self._keep(())

    def _over(self) -> bool:
        if self._ends is not None and self._clock.now() > self._ends:
            self._delivery.trouble = self._delivery.trouble or (
                "the time that customTimeouts allows is over; the next `pulumi up` goes on from here"
            )
        return bool(self._delivery.trouble)

    def _keep(self, group: Iterable[Item]) -> None:
        self.tally.update(each.kind for each in self._outcomes)
        self._ledger.write(self._outcomes, group)
        self._outcomes = []

    def _collect(self, at_most: int) -> None:
        while len(self._running) > at_most:
            done, self._running = wait(self._running, return_when=FIRST_COMPLETED)
            for each in done:
                self._outcomes += each.result()
