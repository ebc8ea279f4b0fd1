"""Who is let in. No IO: what is known goes in, what is to be done comes out.

Invariants: only a certificate that waits for it (PENDING_ACTIVATION) is ever activated; only one of the CAs
that the function is for; never one that has ended, is revoked, or whose name is another kind of thing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ..certificates import Leaf
from ..registry import Thing

PENDING, ACTIVE = "PENDING_ACTIVATION", "ACTIVE"
_THING_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""botocore iot 2015-05-28, ThingName."""


@dataclass(frozen=True)
class Settings:
    """What `settings.json` says."""

    authorities: frozenset[str]
    """Ids of the group's CAs in AWS IoT: two while one replaces the other."""
    allow: Literal["registered", "any"]
    thing_type: str
    thing_group: str
    policies: tuple[str, ...]
    attributes: Mapping[str, str]
    desired: Mapping[str, Any]
    billing_group: str | None = None


@dataclass(frozen=True)
class Known:
    """What is known of the certificate and of its thing."""

    authority: str | None
    status: str
    leaf: Leaf
    revoked: bool
    thing: Thing | None


@dataclass(frozen=True)
class Refused:
    """Why the certificate stays as it is."""

    reason: str


@dataclass(frozen=True)
class Admitted:
    """The device is let in, under this name."""

    name: str


@dataclass(frozen=True)
class Done:
    """It was let in before: an event came twice."""


def decide(settings: Settings, known: Known, now: datetime) -> Admitted | Refused | Done:
    """Whether a certificate is activated."""
    if known.authority not in settings.authorities:
        return Refused("it is of another CA")
    if known.status == ACTIVE:
        return Done()
    if known.status != PENDING:
        return Refused(f"it is {known.status}, which an operator decided")
    if not known.leaf.begins <= now <= known.leaf.ends:
        return Refused("it is out of its time")
    if known.revoked:
        return Refused("it is revoked")
    if not _THING_NAME.fullmatch(known.leaf.common_name):
        return Refused("its common name is no name of a thing")
    return _admitted(settings, known)


def _admitted(settings: Settings, known: Known) -> Admitted | Refused:
    name = known.leaf.common_name
    if known.thing is None:
        if settings.allow == "registered":
            return Refused(f"{name} is not in the registry, which is the list of who may come")
        return Admitted(name)
    fault = known.thing.fault(name, settings.thing_type)
    return Admitted(name) if fault is None else Refused(fault)
