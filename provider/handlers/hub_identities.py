"""What devices and modules of a hub have in common: how they authenticate, and the part of their twin that is
ours.

Symmetric keys are made by the hub; a change sends them back as they are, and they never get further."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from provider.fields import prop
from provider.handlers import rules, twins
from provider.versioned import Document

ADDRESS = "it is part of its address"
ATTESTATIONS = ("primaryThumbprint", "certificateAuthority", "symmetricKey")


class Hub(Protocol):
    """What these handlers need of a hub's service API."""

    def get(self, path: str) -> Document | None:
        """The document, or None."""

    def put(self, path: str, body: Document, etag: str | None = None) -> Document:
        """Create or change; the new document. Raises StaleError."""

    def patch(self, path: str, body: Document) -> Document:
        """Merge into a twin; the new twin."""

    def delete(self, path: str) -> None:
        """Delete; gone already is no error."""


@dataclass(frozen=True, kw_only=True)
class Authenticated:
    """How a device or module shows who it is."""

    primary_thumbprint: str | None = prop(
        "Authentication by a self-signed certificate: its thumbprint (SHA-1 or SHA-256, hexadecimal).",
        default=None,
        rule=rules.thumbprint,
        normal=rules.lower,
    )
    secondary_thumbprint: str | None = prop(
        "A second certificate, for a renewal with an overlap.",
        default=None,
        rule=rules.thumbprint,
        normal=rules.lower,
    )
    certificate_authority: bool = prop(
        "Authentication by a certificate that a CA issued which the hub trusts.", default=False
    )
    symmetric_key: bool = prop(
        "Authentication by symmetric key. The hub makes the keys; they are never read into the state.",
        default=False,
    )


def authentication(inputs: Authenticated, current: Document) -> Document:
    """The authentication to PUT (AuthenticationMechanism). Symmetric keys stay those that the hub has."""
    if inputs.primary_thumbprint is not None:
        prints = {"primaryThumbprint": inputs.primary_thumbprint}
        if inputs.secondary_thumbprint is not None:
            prints["secondaryThumbprint"] = inputs.secondary_thumbprint
        return {"type": "selfSigned", "x509Thumbprint": prints}
    if inputs.certificate_authority:
        return {"type": "certificateAuthority"}
    held: Document = current.get("authentication") or {}
    return held if held.get("type") == "sas" else {"type": "sas"}


def authenticated(document: Document) -> dict[str, Any]:
    """The fields of `Authenticated` as a document tells them; no key is looked at."""
    mechanism = document.get("authentication") or {}
    prints = mechanism.get("x509Thumbprint") or {}
    by_thumbprint = mechanism.get("type") == "selfSigned"
    return {
        "primary_thumbprint": (prints.get("primaryThumbprint") or None) if by_thumbprint else None,
        "secondary_thumbprint": (prints.get("secondaryThumbprint") or None) if by_thumbprint else None,
        "certificate_authority": mechanism.get("type") == "certificateAuthority",
        "symmetric_key": mechanism.get("type") == "sas",
    }


@dataclass(frozen=True, kw_only=True)
class ManagedTwin:
    """The part of a twin that the program manages: the keys it names. Others are left alone."""

    tags: Mapping[str, Any] = prop("Tags, which devices do not see.", default={}, rule=twins.tags)
    desired: Mapping[str, Any] = prop(
        "Desired properties, which devices read.", default={}, rule=twins.desired
    )


NO_TWIN = ManagedTwin()


def live_twin(known: ManagedTwin, twin: Document) -> ManagedTwin:
    """What a hub's twin says of the keys that the program names."""
    desired = (twin.get("properties") or {}).get("desired") or {}
    return ManagedTwin(
        tags=_limited(twin.get("tags") or {}, known.tags), desired=_limited(desired, known.desired)
    )


def twin_patch(old: ManagedTwin, new: ManagedTwin, twin: Document) -> Document:
    """The merge patch that brings a twin to what the program says; {} when nothing is to be done."""
    live = twin.get("properties") or {}
    tags = _patch(old.tags, new.tags, twin.get("tags") or {})
    desired = _patch(old.desired, new.desired, live.get("desired") or {})
    body: Document = {"tags": tags} if tags else {}
    return {**body, "properties": {"desired": desired}} if desired else body


def _limited(live: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in known.items():
        if isinstance(value, Mapping) and isinstance(live.get(key), Mapping):
            found[key] = _limited(live[key], value)
        elif live.get(key) is not None:
            found[key] = live[key]
    return found


def _patch(old: Mapping[str, Any], new: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    gone = {key: None for key in old if key not in new and key in live}
    found: dict[str, Any] = dict(gone)
    for key, value in new.items():
        there = live.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            before = old.get(key)
            inner = _patch(before if isinstance(before, Mapping) else {}, value, there)
            if inner:
                found[key] = inner
        elif value != there:
            found[key] = value
    return found
