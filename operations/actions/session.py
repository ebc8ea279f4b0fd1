"""A cloud, an open record, and what is on hold by it: what every action works with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from operations.actions.holds import Held, Holds
from operations.actions.seen import DEVICE_ID
from operations.actions.steps import Step
from operations.audit import Subject, Writer
from operations.cloud import Cloud
from operations.errors import (
    ChangedError,
    NothingHeldError,
    RefusedError,
    RequestError,
    TooManyError,
    UnknownDeviceError,
)
from provider.clients.errors import ConflictingError, NotFoundError, StaleError

REASON_MAX = 500
TRIES = 3
"""How often a step is decided anew when somebody else changes the same thing at the same moment."""
OF_ONE_DEVICE = (
    UnknownDeviceError,
    NothingHeldError,
    ChangedError,
    RefusedError,
    StaleError,
    ConflictingError,
    NotFoundError,
)
"""What goes wrong with one device and need not stop the others."""


@dataclass(frozen=True)
class Order:
    """On whose word, and why. Raises RequestError for a reason that says nothing."""

    who: str
    reason: str

    def __post_init__(self) -> None:
        for name, text in (("reason", self.reason), ("who", self.who)):
            if not (text.strip() and text.isprintable() and len(text) <= REASON_MAX):
                raise RequestError(f"{name}: {REASON_MAX} characters of one line at most, and not blank")


@dataclass(frozen=True)
class Outcome:
    """What became of a device. `changed` is False when all was as it should be; `resumed` when an earlier
    command had not come to its end."""

    registration_id: str
    operation: str
    steps: tuple[Step, ...]
    changed: bool
    resumed: bool = False


class Session:
    """Actions on the devices of one provisioning service, one after the other."""

    def __init__(self, cloud: Cloud, writer: Writer) -> None:
        self.cloud = cloud
        self.writer = writer
        self.holds = Holds(writer.entries)

    def held(self, registration_id: str) -> Held | None:
        """The hold on a device."""
        return self.holds.get(self.cloud.service_host, registration_id)

    def subject(self, action: str, operation: str, registration_id: str, order: Order) -> Subject:
        """What the lines of an action are about."""
        return Subject(
            action=action,
            operation=operation,
            service=self.cloud.service_host,
            device=registration_id,
            who=order.who,
            reason=order.reason,
        )

    def note(self, subject: Subject, event: str, **facts: Any) -> None:  # noqa: ANN401 - JSON
        """Put a line on record."""
        self.holds.take(self.writer.append(subject, event, **facts))


def new_operation() -> str:
    """An id for a disabling and its undoing, short enough for a hub's statusReason."""
    return secrets.token_hex(6)


def check_devices(registration_ids: tuple[str, ...], up_to: int) -> None:
    """Raise RequestError for ids that are none or stand twice, TooManyError for too many of them."""
    faults = [
        f"{name[:140]!r}: no id of a device" for name in registration_ids if not DEVICE_ID.fullmatch(name)
    ]
    lowered = [name.lower() for name in registration_ids]
    twice = sorted({name for name in lowered if lowered.count(name) > 1})
    faults += [f"{name}: stands twice (registration ids are compared without case)" for name in twice]
    if faults:
        raise RequestError("\n".join(faults))
    check_number(len(registration_ids), up_to)


def check_number(number: int, up_to: int) -> None:
    """Raise TooManyError for more devices than allowed."""
    if number > up_to:
        raise TooManyError(
            f"{number} devices would be disabled, and at most {up_to} may be at once; nothing was done. If "
            f"they shall all go: --up-to {number}"
        )
