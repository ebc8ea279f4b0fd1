"""What the record says that we hold disabled. Pure.

A hold lasts from the first line of a disabling to the last line of its undoing, with the same operation id.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from operations.audit import Entry

DISABLE: Final = "disable"
ENABLE: Final = "enable"
BEGAN, BEFORE, AFTER, ENDED = "began", "before", "after", "ended"
ENROLLMENT, IDENTITY = "enrollment", "identity"

BLOCKED: Final = "blocked"
"""We made a disabled individual enrollment, for a device that has none of its own."""
DISABLED: Final = "disabled"
"""We disabled what was enabled."""
FOUND: Final = "found disabled"
"""It was disabled when we came, so it is not ours to enable."""


@dataclass(frozen=True)
class Hold:
    """One step of a disabling: how it is in effect.

    `etag` is the one that our change led to; None while the change is on record but not yet its end.
    `etag_before` and `reason_before` (a hub's statusReason) are from before the change.
    """

    how: str
    etag: str | None = None
    etag_before: str | None = None
    reason_before: str | None = None
    device_id: str = ""


@dataclass(frozen=True)
class Held:
    """A device that we hold: its enrollment, and its identity by the hub that it is in.

    `finished` says that all of a disabling was done, and none of it undone since.
    """

    operation: str
    enrollment: Hold | None = None
    identities: dict[str, Hold] = field(default_factory=dict)
    finished: bool = False


def key_of(service: str, registration_id: str) -> tuple[str, str]:
    """Services and registration ids are compared without case."""
    return service.lower(), registration_id.lower()


class Holds:
    """The devices on hold, by service and registration id, as a record's lines tell."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._held: dict[tuple[str, str], Held] = {}
        self._released: set[tuple[str, str]] = set()
        for entry in entries:
            self.take(entry)

    def get(self, service: str, registration_id: str) -> Held | None:
        """The hold on a device, finished or not."""
        return self._held.get(key_of(service, registration_id))

    def was_released(self, service: str, registration_id: str) -> bool:
        """Whether the device was on hold once, and the hold was undone."""
        return key_of(service, registration_id) in self._released

    def take(self, entry: Entry) -> None:
        """Go on by one line."""
        if entry.action not in (DISABLE, ENABLE):
            return
        key = key_of(entry.service, entry.device)
        held = self._held.get(key)
        if held is None:
            if (entry.action, entry.event) == (DISABLE, BEGAN):
                self._held[key] = Held(entry.operation)
        elif (entry.action, entry.event) == (ENABLE, ENDED):
            del self._held[key]
            self._released.add(key)
        else:
            self._held[key] = _disabling(held, entry) if entry.action == DISABLE else _enabling(held, entry)


def _disabling(held: Held, entry: Entry) -> Held:
    if entry.event == ENDED:
        return replace(held, finished=True)
    if entry.event == BEGAN:
        return replace(held, finished=False)
    facts = entry.facts
    hold = Hold(
        how=str(facts.get("how", "")),
        etag=_text(facts.get("etag")),
        etag_before=_text(facts.get("etagBefore")),
        reason_before=_text(facts.get("statusReasonBefore")),
        device_id=str(facts.get("deviceId", "")),
    )
    if facts.get("step") == ENROLLMENT:
        return replace(held, enrollment=hold)
    return replace(held, identities={**held.identities, str(facts.get("hub", "")): hold})


def _enabling(held: Held, entry: Entry) -> Held:
    """What is only about to be undone is still held."""
    held = replace(held, finished=False)
    if entry.event != AFTER:
        return held
    if entry.facts.get("step") == ENROLLMENT:
        return replace(held, enrollment=None)
    hub = entry.facts.get("hub")
    return replace(held, identities={name: one for name, one in held.identities.items() if name != hub})


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
