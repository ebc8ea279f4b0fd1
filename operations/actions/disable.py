"""Disable a device: the enrollment first, then its identity in the hub, as one operation.

"Disable devices" of learn.microsoft.com/azure/iot-hub/iot-hub-devguide-identity-registry: a disabled device
cannot connect, and its connection is closed.
"""

from __future__ import annotations

from dataclasses import replace

from operations.actions.holds import AFTER, BEFORE, BEGAN, DISABLE, ENDED, ENROLLMENT, IDENTITY, Holds
from operations.actions.seen import (
    Seen,
    blocking,
    etag_of,
    is_blocking,
    look,
    status_reason,
    switched,
    with_status,
)
from operations.actions.session import TRIES, Order, Outcome, Session, new_operation
from operations.actions.steps import CREATE, NONE, Step, disable_enrollment, disable_identities
from operations.audit import Subject
from operations.cloud import Cloud
from operations.errors import RefusedError, UnknownDeviceError
from provider.clients.errors import StaleError

ASSIGNING_SECONDS = 60
_POLL_SECONDS = 2


def plan(cloud: Cloud, holds: Holds, registration_id: str, *, unregistered: bool = False) -> Outcome:
    """What `disable` would do now. Nothing is changed or recorded. Raises UnknownDeviceError."""
    held = holds.get(cloud.service_host, registration_id)
    seen = look(cloud, registration_id, tuple(held.identities) if held else ())
    _refuse_unknown(seen, known=held is not None or unregistered)
    steps = (disable_enrollment(seen, held), *disable_identities(seen, held))
    changed = any(step.changes for step in steps)
    return Outcome(registration_id, held.operation if held else "", steps, changed)


def disable(session: Session, registration_id: str, order: Order, *, unregistered: bool = False) -> Outcome:
    """Disable a device, or go on where an earlier command was stopped.

    `unregistered` also blocks one that nobody knows yet. Raises UnknownDeviceError, RefusedError, AuditError,
    and the errors of provider.clients.
    """
    held = session.held(registration_id)
    planned = plan(session.cloud, session.holds, registration_id, unregistered=unregistered)
    if held is not None and held.finished and not planned.changed:
        return planned
    operation = held.operation if held else new_operation()
    subject = session.subject(DISABLE, operation, registration_id, order)
    session.note(subject, BEGAN)
    first = _enrollment(session, subject)
    rest = _identities(session, subject, _settled(session, registration_id))
    session.note(subject, ENDED)
    steps = (first, *rest)
    changed = any(step.changes for step in steps)
    return Outcome(registration_id, operation, steps, changed, held is not None and not held.finished)


def _refuse_unknown(seen: Seen, *, known: bool) -> None:
    if seen.unknown and not known:
        raise UnknownDeviceError(
            f"{seen.registration_id}: no individual enrollment, no registration and no identity in a hub. Is "
            "the id right? To keep out a device that never registered: --unregistered"
        )


def _look(session: Session, registration_id: str) -> Seen:
    held = session.held(registration_id)
    return look(session.cloud, registration_id, tuple(held.identities) if held else ())


def _settled(session: Session, registration_id: str) -> Seen:
    """Look again, now that nothing new can begin: a registration under way may still end in another hub."""
    for _ in range(ASSIGNING_SECONDS // _POLL_SECONDS):
        seen = _look(session, registration_id)
        if not seen.assigning:
            return seen
        session.cloud.wait(_POLL_SECONDS, f"waiting for the registration of {registration_id} to end")
    raise RefusedError(
        f"{registration_id}: its enrollment is disabled, but a registration that began before has not ended "
        f"after {ASSIGNING_SECONDS} s, so its hub is not known; run the same command again to go on"
    )


def _enrollment(session: Session, subject: Subject) -> Step:
    said = ""
    for _ in range(TRIES):
        seen = _look(session, subject.device)
        step = disable_enrollment(seen, session.held(subject.device))
        if not step.changes:
            return _kept(session, subject, step)
        if step.action == CREATE:
            said = _create(session, subject, step)
        else:
            said = _switch_enrollment(session, subject, step)
        if not said:
            return step
    raise RefusedError(f"{subject.device}: its enrollment could not be disabled: {said}")


def _create(session: Session, subject: Subject, step: Step) -> str:
    session.note(subject, BEFORE, step=ENROLLMENT, how=step.how)
    document = blocking(subject.device, step.device_id, subject.operation)
    refused = session.cloud.add_enrollment(document)
    made = session.cloud.enrollment(subject.device)
    if made is None or not is_blocking(made, subject.operation):
        return refused or "the service did not keep it"
    session.note(subject, AFTER, step=ENROLLMENT, how=step.how, etag=etag_of(made))
    return ""


def _switch_enrollment(session: Session, subject: Subject, step: Step) -> str:
    session.note(subject, BEFORE, step=ENROLLMENT, how=step.how, etagBefore=step.etag)
    body = with_status(step.document, enabled=False)
    try:
        made = session.cloud.put_enrollment(subject.device, body, step.etag)
    except StaleError as stale:
        return str(stale)
    session.note(subject, AFTER, step=ENROLLMENT, how=step.how, etagBefore=step.etag, etag=etag_of(made))
    return ""


def _identities(session: Session, subject: Subject, seen: Seen) -> tuple[Step, ...]:
    if not seen.identities:
        return disable_identities(seen, session.held(subject.device))
    return tuple(_identity(session, subject, seen, hub) for hub in seen.identities)


def _identity(session: Session, subject: Subject, seen: Seen, hub: str) -> Step:
    said = ""
    for _ in range(TRIES):
        (step,) = disable_identities(_only(session, seen, hub), session.held(subject.device))
        if not step.changes:
            return _kept(session, subject, step)
        said = _switch_identity(session, subject, step)
        if not said:
            return step
    raise RefusedError(f"{subject.device}: it could not be disabled in {hub}: {said}")


def _only(session: Session, seen: Seen, hub: str) -> Seen:
    """The device in one hub, as it is now."""
    found = session.cloud.identity(hub, seen.device_id)
    return replace(seen, identities={} if found is None else {hub: found})


def _switch_identity(session: Session, subject: Subject, step: Step) -> str:
    facts = {
        "step": IDENTITY,
        "how": step.how,
        "hub": step.hub,
        "deviceId": step.device_id,
        "etagBefore": step.etag,
        "statusReasonBefore": str(step.document.get("statusReason") or ""),
    }
    session.note(subject, BEFORE, **facts)
    reason = status_reason(subject.operation, subject.reason)
    body = switched(step.document, enabled=False, reason=reason)
    try:
        made = session.cloud.put_identity(step.hub, step.device_id, body, step.etag)
    except StaleError as stale:
        return str(stale)
    session.note(subject, AFTER, **facts, etag=etag_of(made))
    return ""


def _kept(session: Session, subject: Subject, step: Step) -> Step:
    """What is right already goes on record, where it is not yet: as found, or as ours, if a command was
    killed between doing and telling."""
    held = session.held(subject.device)
    known = held and (held.enrollment if step.what == ENROLLMENT else held.identities.get(step.hub))
    if step.action == NONE or (known and known.how == step.how and known.etag is not None):
        return step
    facts = {"step": step.what, "how": step.how, "etag": step.etag}
    if step.what == IDENTITY:
        facts |= {"hub": step.hub, "deviceId": step.device_id}
    if known and known.reason_before:
        facts["statusReasonBefore"] = known.reason_before
    session.note(subject, AFTER, **facts)
    return step
