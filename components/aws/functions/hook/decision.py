"""Who may be registered by a claim. No IO: what is known goes in, the decision comes out.

Invariants: a claim is good for one template, within its own time, while the description names it; a thing
that has a certificate is nobody else's, whatever claim is shown: a claim is shared, so it proves no name.
What proves it is the thing's own certificate: where devices renew, who shows that gets another for the thing.
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
    billing_group: str | None = None
    renews: bool = False
    """Whether a device may have another certificate, which it asks for with the one that it has."""


@dataclass(frozen=True)
class Asked:
    """What the hook is asked."""

    claim_id: str
    """The certificate that the device shows: a claim, or its own."""
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
    """The device may be registered, under this name, by the claim of that name; None: by its own
    certificate, if it is that thing's.
    """

    name: str
    claim: str | None


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
    if claim is None and not settings.renews:
        return Refused("the description names no such claim certificate (any more)")
    if claim is not None and not claim.begins <= now <= claim.ends:
        return Refused(f"the claim {claim.name} is out of its time")
    if asking.name is None or not _THING_NAME.fullmatch(asking.name):
        return Refused(f"the parameter {SERIAL_NUMBER} is missing, or is no name of a thing")
    return Admitted(asking.name, None if claim is None else claim.name)


def decide(settings: Settings, asking: Asked, found: Admitted, thing: Thing | None) -> Refused | None:
    """Why not; None when the device may come. To be asked of what is presentable."""
    if found.claim is None:
        return _renewal(settings, asking, found.name, thing)
    if thing is None:
        if settings.allow == "registered":
            return Refused(f"{asking.name} is not in the registry, which is the list of who may come")
        return None
    if fault := thing.fault(found.name, settings.thing_type):
        return Refused(fault)
    others = [each for each in thing.principals if each.rpartition("/")[2] != asking.certificate_id]
    if others:
        return Refused(
            f"{asking.name} has a certificate already; to equip it anew, detach the old one from its thing"
        )
    return None


def _renewal(settings: Settings, asking: Asked, name: str, thing: Thing | None) -> Refused | None:
    """A certificate of the very thing proves its name, as no claim does."""
    if thing is None or asking.claim_id not in {each.rpartition("/")[2] for each in thing.principals}:
        return Refused(f"what was shown is neither a claim of the description nor of the thing {name}")
    fault = thing.fault(name, settings.thing_type)
    return None if fault is None else Refused(fault)
