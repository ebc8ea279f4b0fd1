"""Enable a device again: undo exactly what the record says that we did, the hub first, then the enrollment.

Killed half-way, the device may connect to its hub but not register anew; the same command goes on from there.
"""

from __future__ import annotations

from operations.actions.holds import AFTER, BEFORE, BEGAN, ENABLE, ENDED, ENROLLMENT, Held, Holds
from operations.actions.seen import Seen, etag_of, switched, with_status
from operations.actions.session import TRIES, Order, Outcome, Session
from operations.actions.steps import REMOVE, Step, enable_steps
from operations.audit import Subject
from operations.cloud import Cloud
from operations.errors import NothingHeldError, RefusedError
from provider.clients.errors import StaleError


def plan(cloud: Cloud, holds: Holds, registration_id: str, *, even_if_changed: bool = False) -> Outcome:
    """What `enable` would do now. Raises NothingHeldError, ChangedError."""
    held = holds.get(cloud.service_host, registration_id)
    if held is None:
        _refuse_unheld(cloud, holds, registration_id)
        return Outcome(registration_id, "", (), changed=False)
    steps = enable_steps(_look(cloud, registration_id, held), held, even_if_changed=even_if_changed)
    return Outcome(registration_id, held.operation, steps, any(step.changes for step in steps))


def enable(session: Session, registration_id: str, order: Order, *, even_if_changed: bool = False) -> Outcome:
    """Undo what we did to a device; enabled already by us, it is let be.

    `even_if_changed` also undoes what somebody changed since; an enrollment that is not the one we made is
    never removed. Raises NothingHeldError, ChangedError (nothing was undone then), RefusedError, AuditError,
    and the errors of provider.clients.
    """
    planned = plan(session.cloud, session.holds, registration_id, even_if_changed=even_if_changed)
    held = session.held(registration_id)
    if held is None:
        return planned
    subject = session.subject(ENABLE, held.operation, registration_id, order)
    session.note(subject, BEGAN)
    for _ in range(TRIES):
        done = _undo(session, subject, held, even_if_changed)
        if done is None:
            session.note(subject, ENDED)
            return planned
        held = session.held(registration_id) or held
    raise RefusedError(f"{registration_id}: it could not be enabled: {done}")


def _refuse_unheld(cloud: Cloud, holds: Holds, registration_id: str) -> None:
    if not holds.was_released(cloud.service_host, registration_id):
        raise NothingHeldError(
            f"{registration_id}: the record does not know that Muster disabled it at {cloud.service_host}, "
            "so nothing is undone. Is the id right, and the record (--record) the one it was disabled with?"
        )


def _look(cloud: Cloud, registration_id: str, held: Held) -> Seen:
    """The device where the record says it was: its registration may be gone with its enrollment."""
    found = {
        hub: cloud.identity(hub, hold.device_id or registration_id) for hub, hold in held.identities.items()
    }
    return Seen(
        registration_id,
        cloud.enrollment(registration_id),
        None,
        {hub: document for hub, document in found.items() if document is not None},
    )


def _undo(session: Session, subject: Subject, held: Held, even_if_changed: bool) -> str | None:
    """Do all steps; None when all are done, else what the service said when somebody was faster."""
    seen = _look(session.cloud, subject.device, held)
    for step in enable_steps(seen, held, even_if_changed=even_if_changed):
        facts = {"step": step.what, "etagBefore": step.etag}
        if step.hub:
            facts |= {"hub": step.hub, "deviceId": step.device_id}
        session.note(subject, BEFORE, **facts)
        try:
            etag = _apply(session, subject, step, held) if step.changes else step.etag
        except StaleError as stale:
            return str(stale)
        session.note(subject, AFTER, **facts, etag=etag)
    return None


def _apply(session: Session, subject: Subject, step: Step, held: Held) -> str:
    if step.action == REMOVE:
        session.cloud.remove_enrollment(subject.device, step.etag)
        return ""
    if step.what == ENROLLMENT:
        body = with_status(step.document, enabled=True)
        return etag_of(session.cloud.put_enrollment(subject.device, body, step.etag))
    reason = held.identities[step.hub].reason_before or ""
    body = switched(step.document, enabled=True, reason=reason)
    return etag_of(session.cloud.put_identity(step.hub, step.device_id, body, step.etag))
