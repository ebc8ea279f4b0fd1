"""Who may be registered by a claim. No IO: what is known goes in, the decision comes out.

Invariants: a claim is good for one template, within its own time, while the description names it; a thing
that has a certificate is nobody else's, whatever claim is shown: a claim is shared, so it proves no name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ..registry import Thing

SERIAL_NUMBER = "SerialNumber"
"""The template's parameter that names the thing."""
_THING_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""botocore iot 2015-05-28, ThingName."""


@dataclass(frozen=True)
class Claim:
    """A claim certificate: what the description calls it, and from when to when it is good."""

    name: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Settings:
    """What `settings.json` says."""

    template: str
    claims: Mapping[str, Claim]
    """By certificate id."""
    allow: Literal["registered", "any"]
    limit: int | None
    """How many devices a claim can register."""
    thing_type: str
    desired: Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """What the hook is asked."""

    claim_id: str
    certificate_id: str
    template: str
    name: str | None
    """What the device says it is called."""


@dataclass(frozen=True)
class Refused:
    """Why the device is not registered."""

    reason: str


@dataclass(frozen=True)
class Admitted:
    """The device may be registered, under this name, by the claim of that name."""

    name: str
    claim: str


def asked(event: Mapping[str, Any]) -> Asked:
    """What an event asks ("Pre-provisioning hooks", payload version 2020-04-01); the template by its ARN."""
    name = event.get("parameters", {}).get(SERIAL_NUMBER)
    return Asked(
        claim_id=str(event.get("claimCertificateId", "")),
        certificate_id=str(event.get("certificateId", "")),
        template=str(event.get("templateArn", "")).rpartition("/")[2],
        name=name if isinstance(name, str) else None,
    )


def presentable(settings: Settings, asking: Asked, now: datetime) -> Admitted | Refused:
    """Whether claim, template and name are in order: all that can be said before the registry is asked."""
    if asking.template != settings.template:
        return Refused("the hook is of another template")
    claim = settings.claims.get(asking.claim_id)
    if claim is None:
        return Refused("the description names no such claim certificate (any more)")
    if not claim.begins <= now <= claim.ends:
        return Refused(f"the claim {claim.name} is out of its time")
    if asking.name is None or not _THING_NAME.fullmatch(asking.name):
        return Refused(f"the parameter {SERIAL_NUMBER} is missing, or is no name of a thing")
    return Admitted(asking.name, claim.name)


def decide(settings: Settings, asking: Asked, thing: Thing | None) -> Refused | None:
    """Why not; None when the device may come. To be asked of what is presentable."""
    if thing is None:
        if settings.allow == "registered":
            return Refused(f"{asking.name} is not in the registry, which is the list of who may come")
        return None
    if thing.type_name != settings.thing_type:
        kind = thing.type_name or "none"
        return Refused(f"{asking.name} is in the registry as another kind of thing (its type: {kind})")
    others = [each for each in thing.principals if each.rpartition("/")[2] != asking.certificate_id]
    if others:
        return Refused(
            f"{asking.name} has a certificate already; to equip it anew, detach the old one from its thing"
        )
    return None
