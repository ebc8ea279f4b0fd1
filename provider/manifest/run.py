"""One manifest of one service, from the file to the service: what the handler asks for.

1. Nothing is sent before the whole file was read and found good as a whole.
2. The ledger is believed when it belongs to the state's revision and a sample of its rows is in the service
as    it says; else it is made anew from the service.
3. Whatever ends a run, also `kill -9`, the next one goes on from there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from provider.clients.errors import ClientError
from provider.clients.retry import Clock
from provider.manifest import content, telling
from provider.manifest.deciding import Item, Kind, Outcome, Step
from provider.manifest.delivery import Delivery
from provider.manifest.entries import marked
from provider.manifest.errors import ForeignManifestError, RemovalRefusedError, StoppedError
from provider.manifest.ledger import Counts, Ledger, Todo, opened
from provider.manifest.place import Place
from provider.manifest.scan import entries, scan
from provider.manifest.sending import Sending
from provider.manifest.settings import Settings
from provider.manifest.survey import FEW_ROWS, believable, known_there, survey, worth_it

SETTLE_SECONDS = 5.0
"""How long a call of a killed run may still be on its way before its rows are asked for."""
PREVIEW_PAGES = 100
_PROBES = 4


@dataclass(frozen=True)
class Wanted:
    """What the program wants of a manifest."""

    file: Path
    content_hash: str
    settings: Settings
    allow_removals: bool = False
    adopt: bool = False

    @property
    def revision(self) -> str:
        """The version of the manifest."""
        return self.settings.revision(self.content_hash)


class Result(NamedTuple):
    """How a run ended. `trouble` says why rows were not sent, `refusals` names refused ones; "" when none."""

    counts: Counts
    refused: int
    trouble: str
    refusals: str
    taken_in: int


class Manifest:
    """The devices of one manifest. `ends` is the clock's time at which a run must stop, if any."""

    def __init__(
        self, name: str, host: str, place: Place, delivery: Delivery, clock: Clock, ends: float | None = None
    ) -> None:
        self._name = name
        self._host = host
        self._place = place
        self._delivery = delivery
        self._clock = clock
        self._ends = ends

    def verify(self, file: Path, content_hash: str) -> None:
        """Raise ChangedFileError or UnreadableFileError unless the file is the one that was hashed."""
        content.verify(file, content_hash, self._place.known)

    def up(self, wanted: Wanted, old_revision: str | None) -> Result:
        """Make the service hold what the file says. `old_revision` is None for a creation.

        Raises ManifestError or ClientError when nothing was sent.
        """
        with self._place.locked(self._clock), opened(self._place.ledger) as ledger:
            target = self._scanned(wanted, ledger)
            surveyed = self._trust(wanted, ledger, target, old_revision)
            counts = ledger.compare(target)
            taken_in = counts.held if surveyed and old_revision is None else 0
            if not surveyed and worth_it(counts.looks, ledger):
                survey(ledger, self._delivery, self._name)
                surveyed, counts = True, ledger.compare(target)
            if telling.excessive(counts) and not wanted.allow_removals:
                raise RemovalRefusedError(telling.removal_refused(self._name, wanted.file, counts))
            ledger.note(target=wanted.revision)
            ledger.forget_refused()
            self._settle(ledger)
            self._send(ledger, self._items(wanted, ledger, target, surveyed=surveyed))
            return self._result(wanted, ledger, target, taken_in)

    def remove(self) -> None:
        """Remove all devices of the manifest. Raises StoppedError when some are left."""
        with self._place.locked(self._clock), opened(self._place.ledger) as ledger:
            few = 0 < ledger.count() <= FEW_ROWS
            surveyed = not (few and believable(ledger, self._delivery))
            if surveyed:
                survey(ledger, self._delivery, self._name)
            self._settle(ledger)
            self._send(ledger, (_removal(each, surveyed=surveyed) for each in ledger.absent(None)))
            if left := ledger.count():
                why = self._delivery.trouble
                raise StoppedError(
                    f"manifest {self._name}: {left:,} devices are still in {self._host}: {why}"
                )
            ledger.forget()
        self._place.forget_scans()

    def lost(self, revision: str, accepted: int) -> int | None:
        """How many of the accepted rows the service does not hold any more; None when it holds none."""
        with self._place.locked(self._clock), opened(self._place.ledger) as ledger:
            known = revision in _revisions(ledger)
            if known and 0 < ledger.count() <= FEW_ROWS:
                lost = self._looked_through(ledger)
            else:
                lost = survey(ledger, self._delivery, self._name)
                lost = lost if known else max(0, accepted - ledger.count())
                ledger.note(base=revision, target="")
            return None if accepted and not ledger.count() else lost

    def preview(
        self, wanted: Wanted, old_revision: str | None, pace: telling.Pace
    ) -> Iterator[tuple[str, bool]]:
        """What an `up` would do, line by line, and whether it is a warning. Reads the file where it is new.

        Raises ManifestError where `up` would.
        """
        self.verify(wanted.file, wanted.content_hash)
        with opened(self._place.ledger) as ledger:
            target = self._scanned(wanted, ledger)
            unknown = self._unknown(ledger, old_revision)
            counts = ledger.compare(target)
            if unknown:
                yield f"manifest {self._name}: {counts.rows:,} rows; {unknown}", False
            else:
                if telling.excessive(counts) and not wanted.allow_removals:
                    raise RemovalRefusedError(telling.removal_refused(self._name, wanted.file, counts))
                yield telling.plan(self._name, counts, pace), False
            if counts.refused:
                yield telling.would_refuse(self._name, counts, ledger.own_refusals(target)), True

    def _scanned(self, wanted: Wanted, ledger: Ledger) -> Path:
        target = self._place.scan(wanted.revision)
        if not target.exists():
            self.verify(wanted.file, wanted.content_hash)
            scan(wanted.file, wanted.settings, target, ledger.holds, self._clock.today())
            try:
                self.verify(wanted.file, wanted.content_hash)
            except Exception:
                target.unlink(missing_ok=True)  # it changed while it was read
                raise
        return target

    def _trust(self, wanted: Wanted, ledger: Ledger, target: Path, old_revision: str | None) -> bool:
        # Whether the service was read anew; in either case the ledger is right when this returns.
        if self._belongs(ledger, old_revision) and believable(ledger, self._delivery):
            return False
        ledger.forget()
        if old_revision is None and not known_there(ledger.first(target, _PROBES), self._delivery):
            return False
        survey(ledger, self._delivery, self._name)
        if old_revision is not None:
            ledger.note(base=old_revision)
        counts = ledger.compare(target)
        if old_revision is None and (counts.changed or counts.removed) and not wanted.adopt:
            ledger.forget()
            raise ForeignManifestError(telling.foreign(self._name, self._host, counts))
        return True

    def _belongs(self, ledger: Ledger, old_revision: str | None) -> bool:
        if old_revision is None:  # only a creation that did not come to its end is gone on with
            return not ledger.get("base") and bool(ledger.get("target"))
        return old_revision in _revisions(ledger)

    def _unknown(self, ledger: Ledger, old_revision: str | None) -> str:
        # Why a preview cannot count; "" when it can, with the ledger as it is now.
        if self._belongs(ledger, old_revision) or (old_revision is None and not ledger.count()):
            return ""
        try:
            with self._place.locked(self._clock):
                survey(ledger, self._delivery, self._name, PREVIEW_PAGES)
                if old_revision is not None:
                    ledger.note(base=old_revision, target="")
        except ClientError as error:
            return f"which of them are new, changed or gone is found out by `pulumi up` ({error})"
        return ""

    def _settle(self, ledger: Ledger) -> None:
        if ledger.doubts():
            since = time.time() - float(ledger.get("sent") or 0)
            self._clock.sleep(min(SETTLE_SECONDS, max(0.0, SETTLE_SECONDS - since)))

    def _send(self, ledger: Ledger, items: Iterator[Item]) -> None:
        Sending(self._delivery, ledger, self._clock, self._ends).run(items)

    def _items(self, wanted: Wanted, ledger: Ledger, target: Path, *, surveyed: bool) -> Iterator[Item]:
        # Removals first: a service that is full has room for what comes after.
        for each in ledger.absent(target):
            yield _removal(each, surveyed=surveyed)
        waiting: deque[Todo] = deque()

        def lines() -> Iterator[tuple[int, str]]:
            for each in ledger.present(target):
                waiting.append(each)
                yield each.line, each.digest

        for made in entries(wanted.file, wanted.settings, lines()):
            todo = waiting.popleft()
            yield Item(
                key=made.key,
                step=Step.LOOK if todo.known else Step.CREATE,
                line=made.line,
                digest=made.digest,
                document=marked(made, self._name),
                size=made.size,
                seen=todo.live if surveyed else None,
            )

    def _result(self, wanted: Wanted, ledger: Ledger, target: Path, taken_in: int) -> Result:
        counts, trouble = ledger.compare(target), self._delivery.trouble
        refused = counts.refused + ledger.refusals()
        if not trouble:
            ledger.note(base=wanted.revision, target="")
            self._place.forget_scans(keep=wanted.revision)
        report = self._place.refused
        report.unlink(missing_ok=True)
        told = telling.refused(self._name, counts, ledger.refused(target), report) if refused else ""
        return Result(counts, refused, trouble, told, taken_in)

    def _looked_through(self, ledger: Ledger) -> int:
        outcomes: list[Outcome] = []
        for each in ledger.every():
            found = self._delivery.look(each.key)
            if found is None or not found.ours:
                outcomes.append(Outcome(each.key, Kind.GONE))
            elif found.digest != each.digest:
                outcomes.append(Outcome(each.key, Kind.HELD, found.digest))
        ledger.write(outcomes, ())
        return len(outcomes)


def _removal(todo: Todo, *, surveyed: bool) -> Item:
    return Item(todo.key, Step.LOOK, seen=todo.live if surveyed else None)


def _revisions(ledger: Ledger) -> set[str]:
    return {ledger.get("base"), ledger.get("target")} - {""}
