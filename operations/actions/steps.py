"""What is to be done to a device, from what is seen and what is held. Pure.

A step never changes what it need not: a disabled thing that is not ours stays as it is, and is on record as
found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from operations.actions.holds import BLOCKED, DISABLED, ENROLLMENT, FOUND, IDENTITY, Held, Hold
from operations.actions.seen import (
    REGISTRATION_ID,
    Seen,
    etag_of,
    is_blocking,
    is_disabled,
    is_off,
    is_ours,
)
from operations.cloud import Document
from operations.errors import ChangedError

CREATE, SWITCH, REMOVE, KEEP, NONE = "create", "switch", "remove", "keep", "none"
"""What a step does: make the blocking enrollment, change a status, remove the blocking enrollment, leave what
is right already, or nothing because there is nothing."""


@dataclass(frozen=True)
class Step:
    """One thing to do. `how` is the hold that comes of it, `text` what a person reads.

    `document` is what is there now; it may hold keys, so it is in no repr.
    """

    what: str
    action: str
    text: str
    how: str = ""
    hub: str = ""
    device_id: str = ""
    document: Document = field(default_factory=dict, repr=False)

    @property
    def changes(self) -> bool:
        """Whether anything is sent."""
        return self.action in (CREATE, SWITCH, REMOVE)

    @property
    def etag(self) -> str:
        """The version that it was decided on."""
        return etag_of(self.document)


_NOTHING_HELD: Final = Held("")


def disable_enrollment(seen: Seen, held: Held | None) -> Step:
    """How the device is kept from registering."""
    if seen.enrollment is None:
        return _block(seen)
    held = held or _NOTHING_HELD
    ours = is_blocking(seen.enrollment, held.operation)
    document = seen.enrollment
    if not is_disabled(document):
        how = BLOCKED if ours else DISABLED
        return Step(ENROLLMENT, SWITCH, "disable its individual enrollment", how, document=document)
    how = BLOCKED if ours else _still(held.enrollment, document, BLOCKED)
    text = "its individual enrollment is disabled already"
    return Step(ENROLLMENT, KEEP, text, how, document=document)


def disable_identities(seen: Seen, held: Held | None) -> tuple[Step, ...]:
    """How the device is cut off from its hubs."""
    held = held or _NOTHING_HELD
    if not seen.identities:
        return (Step(IDENTITY, NONE, f"no hub has a device {seen.device_id}", device_id=seen.device_id),)
    return tuple(_off(seen, held, hub, document) for hub, document in seen.identities.items())


def enable_steps(seen: Seen, held: Held, *, even_if_changed: bool = False) -> tuple[Step, ...]:
    """How what we did is undone: the hub first, then the enrollment.

    Raises ChangedError with all that somebody else changed since.
    """
    faults: list[str] = []
    steps = [
        step
        for hub, hold in held.identities.items()
        for step in _on(seen, held, hub, hold, faults, even_if_changed)
    ]
    if held.enrollment is not None:
        steps += _unblocked(seen, held, held.enrollment, faults, even_if_changed)
    if faults:
        raise ChangedError(faults)
    return tuple(steps)


def _block(seen: Seen) -> Step:
    if not REGISTRATION_ID.fullmatch(seen.registration_id):
        text = "it has no enrollment, and none could have its id, so it cannot register"
        return Step(ENROLLMENT, NONE, text)
    text = "block it by a disabled individual enrollment, which goes before every group"
    return Step(ENROLLMENT, CREATE, text, BLOCKED, device_id=seen.device_id)


def _still(hold: Hold | None, document: Document, never: str = "") -> str:
    """Whether what is disabled is so by us: it is on record, and changed since the record's first line.

    `never` is what cannot be, since it would bear our mark.
    """
    if hold is None or hold.how in (FOUND, never):
        return FOUND
    changed = hold.etag_before is None or hold.etag is not None or etag_of(document) != hold.etag_before
    return hold.how if changed else FOUND


def _off(seen: Seen, held: Held, hub: str, document: Document) -> Step:
    device_id = str(document.get("deviceId") or seen.device_id)
    hold = held.identities.get(hub)
    if not is_off(document):
        return Step(IDENTITY, SWITCH, f"disable it in {hub}", DISABLED, hub, device_id, document)
    how = DISABLED if is_ours(document, held.operation) else _still(hold, document)
    return Step(IDENTITY, KEEP, f"disabled already in {hub}", how, hub, device_id, document)


def _on(
    seen: Seen, held: Held, hub: str, hold: Hold, faults: list[str], even_if_changed: bool
) -> Iterator[Step]:
    document = seen.identities.get(hub)
    device_id = hold.device_id or seen.device_id
    if document is None:
        yield Step(IDENTITY, NONE, f"{hub} has no device {device_id} any more", FOUND, hub, device_id)
    elif hold.how == FOUND:
        text = f"stays disabled in {hub}: it was so before us"
        yield Step(IDENTITY, KEEP, text, FOUND, hub, device_id, document)
    elif not is_off(document):
        yield Step(IDENTITY, KEEP, f"enabled already in {hub}", DISABLED, hub, device_id, document)
    else:
        ours = is_ours(document, held.operation) if hold.etag is None else etag_of(document) == hold.etag
        if not ours and not even_if_changed:
            faults.append(_changed(f"{device_id} in {hub}", document, hold))
        yield Step(IDENTITY, SWITCH, f"enable it in {hub}", DISABLED, hub, device_id, document)


def _unblocked(
    seen: Seen, held: Held, hold: Hold, faults: list[str], even_if_changed: bool
) -> Iterator[Step]:
    document = seen.enrollment
    if document is None:
        yield Step(ENROLLMENT, NONE, "its individual enrollment is gone already", hold.how)
    elif hold.how == FOUND:
        text = "its individual enrollment stays disabled: it was so before us"
        yield Step(ENROLLMENT, KEEP, text, FOUND, document=document)
    elif hold.how == BLOCKED and not is_blocking(document, held.operation):
        faults.append(
            f"the individual enrollment {seen.registration_id} is not the one that we made to block it: it "
            "was replaced. Enable or delete it by hand, or disable the device again to go on from here"
        )
    elif hold.how == DISABLED and not is_disabled(document):
        text = "its individual enrollment is enabled already"
        yield Step(ENROLLMENT, KEEP, text, DISABLED, document=document)
    else:
        if hold.etag is not None and etag_of(document) != hold.etag and not even_if_changed:
            faults.append(_changed(f"the individual enrollment {seen.registration_id}", document, hold))
        blocks = hold.how == BLOCKED
        text = "remove the enrollment that blocks it" if blocks else "enable its individual enrollment"
        yield Step(ENROLLMENT, REMOVE if blocks else SWITCH, text, hold.how, document=document)


def _changed(what: str, document: Document, hold: Hold) -> str:
    return (
        f"{what} was changed since we disabled it (ETag {etag_of(document) or 'none'}, ours was "
        f"{hold.etag or 'not recorded'}): look at it, then undo it with --even-if-changed, or by hand"
    )
