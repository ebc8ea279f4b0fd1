"""Rows to the service, each once: the only place that sends. A lost answer leads to a look, not to a repeat.

Of the errors of a call: one that never got through, or that the service refused as a whole (429, 4xx),
changed nothing; any other may have, so its rows are looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from typing import Final, Protocol, TypeVar

import httpx

from provider.clients.dps_bulk import BULK_ROWS, Page, RowError
from provider.clients.errors import CancelledError, ClientError, ServiceError, UnreachableError
from provider.clients.retry import Clock, Policy
from provider.manifest.deciding import (
    Decision,
    Item,
    Kind,
    Live,
    Outcome,
    Step,
    after_error,
    decide,
    live,
    refused,
)
from provider.manifest.entries import LIMIT_BYTES
from provider.manifest.pacing import Pacer
from provider.manifest.settings import SYMMETRIC_KEY, Document

T = TypeVar("T")

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
PATIENCE: Final = Policy(attempts=8)
HASTE: Final = Policy(attempts=2)
"""For a preview, which rather says that it does not know."""
_MANNERS: Final = 6
"""How often one row may go back and forth before it is given up."""


class Enrollments(Protocol):
    """What is needed of the service. Nothing here repeats a call by itself."""

    def run(self, mode: str, enrollments: Sequence[Document]) -> tuple[RowError, ...]:
        """A bulk operation; the rows that failed."""

    def get(self, registration_id: str) -> Document | None:
        """One enrollment, or None."""

    def attestation(self, registration_id: str) -> Document | None:
        """How one attests, with its keys, or None."""

    def page(self, continuation: str | None) -> Page:
        """A page of all."""


class Delivery:
    """Carries rows to their end. Used by many threads; `trouble` says why nothing more can be delivered."""

    def __init__(
        self,
        connect: Callable[[], Enrollments],
        manifest: str,
        pacer: Pacer,
        clock: Clock,
        patience: Policy = PATIENCE,
    ) -> None:
        self._patience = patience
        self._connect = connect
        self._manifest = manifest
        self._pacer = pacer
        self._clock = clock
        self.trouble = ""

    @cached_property
    def _service(self) -> Enrollments:
        return self._connect()  # a check and a preview do without credentials

    def deliver(self, items: Sequence[Item]) -> list[Outcome]:
        """Look, create, change and remove until each row has its end. Never raises a ClientError."""
        outcomes: list[Outcome] = []
        waiting = list(items)
        for attempt in range(_MANNERS):
            if not waiting or self.trouble:
                break
            decisions = list(self._round(waiting, attempt))
            outcomes += [each for each in decisions if isinstance(each, Outcome)]
            waiting = [each for each in decisions if isinstance(each, Item)]
        return outcomes + [self._left(each) for each in waiting]

    def look(self, key: str) -> Live | None:
        """What the service holds under this id. Raises ClientError when it cannot be reached for long."""
        found = self._asked(lambda: self._service.get(key))
        return None if found is None else live(found, self._manifest)

    def page(self, continuation: str | None) -> Page:
        """A page of all enrollments. Raises ClientError when it cannot be reached for long."""
        return self._asked(lambda: self._service.page(continuation))

    def _asked(self, question: Callable[[], T]) -> T:
        # Questions change nothing: they are asked again as long as it makes sense.
        for attempt in range(1, self._patience.attempts):
            try:
                return self._pacer.call(question)
            except (UnreachableError, ServiceError) as error:
                if isinstance(error, ServiceError) and error.status < 500:
                    raise
                self._clock.sleep(self._patience.wait_seconds(attempt))
        return self._pacer.call(question)

    def _round(self, items: list[Item], attempt: int) -> Iterator[Decision]:
        ready: list[Item] = []
        for item in items:
            decision = self._looked(item) if item.step is Step.LOOK else item
            if isinstance(decision, Item) and decision.step is not Step.LOOK:
                ready.append(decision)
            else:
                yield decision
        for batch in packed(ready):
            yield from self._sent(batch, attempt)

    def _looked(self, item: Item) -> Decision:
        if self.trouble:
            return item
        try:
            return decide(item, item.seen or self.look(item.key))
        except ClientError as error:
            self.trouble = self.trouble or str(error)
            return item

    def _sent(self, batch: list[Item], attempt: int) -> list[Decision]:
        if self.trouble:
            return list(batch)
        try:
            bodies = [self._body(each) for each in batch]
        except ClientError as error:
            self.trouble = self.trouble or str(error)
            return list(batch)
        try:
            errors = self._pacer.call(lambda: self._service.run(batch[0].step.value, bodies))
        except CancelledError as error:
            self.trouble = str(error)  # raised while waiting for the turn: nothing was sent
            return list(batch)
        except UnreachableError as error:
            return self._unreached(batch, error, attempt)
        except ServiceError as error:
            return self._denied(batch, error, attempt)
        except ClientError as error:
            self.trouble = str(error)
            return list(batch)
        failed = {each.registration_id.lower(): each for each in errors}
        return [self._answered(item, failed.get(item.key), attempt) for item in batch]

    def _body(self, item: Item) -> Document:
        # Whether an update without keys keeps them is not published: they are sent back as they are.
        keyed = (
            item.step is Step.UPDATE and item.body["attestation"]["type"] == item.attestation == SYMMETRIC_KEY
        )
        kept = self._asked(lambda: self._service.attestation(item.key)) if keyed else None
        return item.body if kept is None else {**item.body, "attestation": kept}

    def _answered(self, item: Item, error: RowError | None, attempt: int) -> Decision:
        if error is None:
            return _done(item)
        if attempt == _MANNERS - 1:
            return refused(item, f"{item.key}: the service refuses it again and again: {error.text}")
        return after_error(item, error.status, error.text)

    def _unreached(self, batch: list[Item], error: UnreachableError, attempt: int) -> list[Decision]:
        self._wait(attempt)
        if isinstance(error.__cause__, _NOT_SENT):
            if attempt == _MANNERS - 1:
                self.trouble = self.trouble or str(error)
            return list(batch)
        return [replace(each, step=Step.LOOK) for each in batch]

    def _denied(self, batch: list[Item], error: ServiceError, attempt: int) -> list[Decision]:
        if error.status >= 500 or error.status == 408:
            self._wait(attempt)
            return [replace(each, step=Step.LOOK) for each in batch]
        if error.status in (401, 403, 404, 429):
            self.trouble = str(error)
            return list(batch)
        if len(batch) == 1:
            return [refused(batch[0], f"{batch[0].key}: the service refuses it: {error}")]
        return [end for each in batch for end in self._sent([each], attempt)]  # one of them spoils the call

    def _wait(self, attempt: int) -> None:
        try:
            self._clock.sleep(self._patience.wait_seconds(attempt + 1))
        except CancelledError as error:
            self.trouble = str(error)

    def _left(self, item: Item) -> Outcome:
        # A row that waits for a look may have been sent, in this run or in the one before: it stays in doubt.
        kind = Kind.DOUBT if item.step is Step.LOOK else Kind.UNSENT
        if not self.trouble:
            self.trouble = "the service answers otherwise each time; run it again later"
        return Outcome(item.key, kind)


def packed(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Batches of one step that a call may carry: up to ten rows, and not too many bytes."""
    order = list(Step)
    for _, alike in groupby(sorted(items, key=lambda each: order.index(each.step)), lambda each: each.step):
        batch: list[Item] = []
        size = 0
        for item in alike:
            if batch and (len(batch) == BULK_ROWS or size + item.size > LIMIT_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(item)
            size += item.size
        yield batch


def _done(item: Item) -> Outcome:
    if item.document is None:
        return Outcome(item.key, Kind.GONE)
    return Outcome(item.key, Kind.HELD, item.digest)
