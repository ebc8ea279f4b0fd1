"""Who is a gateway's child, and what proves it. No IO.

The hub lists the devices and modules below a gateway with what they authenticate with. A child proves itself
to its gateway as it would to the hub: by a token signed with its key, by a certificate with its thumbprint,
or by one whose chain TLS has verified and whose common name is its id. The hub has the last word all the
same: it accepts a connection in a child's name only from a gateway above the child.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote

from cryptography import x509
from cryptography.x509.oid import NameOID

_SCHEME = "SharedAccessSignature "
Proof = Literal["sas", "x509"]


class NotAdmittedError(Exception):
    """A client is no child, or does not prove that it is; the text says why and holds no secret."""


@dataclass(frozen=True)
class Child:
    """A device, or a module (`device/module`), below the gateway. `keys` are in base64."""

    subject: str
    enabled: bool
    kind: str
    keys: tuple[str, ...] = field(repr=False)
    thumbprints: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """What a client showed: a password (a token), and a certificate in DER that TLS has verified."""

    password: str = field(repr=False)
    certificate: bytes | None


@dataclass(frozen=True)
class Admitted:
    """A child by its proof; `expires` is the token's end (seconds since 1970), None for a certificate."""

    proof: Proof
    expires: float | None


def read(page: Mapping[str, Any], gateway: str) -> dict[str, Child]:
    """The children in a page of the hub's listing, by subject: not the gateway itself, nor its modules.
    Entries that are none are left out.
    """
    found = [_child(it) for it in (*_entries(page, "devices"), *_entries(page, "modules"))]
    return {it.subject: it for it in found if it is not None and it.subject.split("/")[0] != gateway}


def subject_of(client_id: str, username: str, hub: str) -> str:
    """The child that a CONNECT names: `{hub}/{subject}/?…`, and the client id. Raises NotAdmittedError."""
    host, _, rest = username.partition("/")
    if host.partition(":")[0].lower() != hub:
        raise NotAdmittedError(f"it wants the hub {host[:128]!r}, which is not the gateway's")
    parts = rest.partition("?")[0].rstrip("/").split("/")
    subject = "/".join(unquote(it) for it in parts[:2])
    if not subject or subject != client_id:
        raise NotAdmittedError("its client id and its user name name different devices")
    return subject


def admit(child: Child | None, shown: Shown, hub: str, now: float) -> Admitted:
    """Let a child in. Raises NotAdmittedError."""
    if child is None:
        raise NotAdmittedError("it is no child of this gateway")
    if not child.enabled:
        raise NotAdmittedError("the device is disabled")
    if child.kind == "sas":
        return Admitted("sas", _check_token(child, shown.password, hub, now))
    if child.kind not in ("selfSigned", "certificateAuthority"):
        raise NotAdmittedError(f"the hub lets it connect by {child.kind!r}, not by key or certificate")
    if shown.certificate is None:
        raise NotAdmittedError("it showed no certificate that the gateway trusts")
    _check_certificate(child, shown.certificate)
    return Admitted("x509", None)


def _check_certificate(child: Child, der: bytes) -> None:
    if child.kind == "selfSigned":
        prints = {hashlib.sha256(der).hexdigest(), hashlib.sha1(der).hexdigest()}  # noqa: S324 - what hubs keep
        if not prints & {it.lower() for it in child.thumbprints}:
            raise NotAdmittedError("its certificate has not the thumbprint that the hub knows")
        return
    leaf = x509.load_der_x509_certificate(der)
    names = [it.value for it in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if leaf.issuer == leaf.subject:  # trusted for another device's thumbprint, perhaps
        raise NotAdmittedError("its certificate is self-signed, and the hub expects one of an authority")
    if names != [child.subject]:
        raise NotAdmittedError("its certificate is for another device")


def _check_token(child: Child, password: str, hub: str, now: float) -> float:
    parts = dict(it.partition("=")[::2] for it in password.removeprefix(_SCHEME).split("&"))
    resource, expiry = parts.get("sr", ""), parts.get("se", "")
    if not expiry.isascii() or not expiry.isdigit() or len(expiry) > 15 or "skn" in parts:
        raise NotAdmittedError("its password is no device's token")
    if unquote(resource).lower() != _resource(child, hub).lower():
        raise NotAdmittedError("its token is for something else")
    if int(expiry) <= now:
        raise NotAdmittedError("its token is over")
    signed = f"{resource}\n{expiry}".encode()
    if not any(_signs(key, signed, unquote(parts.get("sig", ""))) for key in child.keys):
        raise NotAdmittedError("its token is signed with another key")
    return float(expiry)


def _resource(child: Child, hub: str) -> str:
    device, _, module = child.subject.partition("/")
    return f"{hub}/devices/{device}/modules/{module}" if module else f"{hub}/devices/{device}"


def _signs(key: str, signed: bytes, signature: str) -> bool:
    try:
        code = hmac.new(base64.b64decode(key, validate=True), signed, hashlib.sha256).digest()
        return hmac.compare_digest(code, base64.b64decode(signature, validate=True))
    except (binascii.Error, ValueError):
        return False


def _entries(page: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = page.get(name)
    return [it for it in found if isinstance(it, dict)] if isinstance(found, list) else []


def _child(entry: Mapping[str, Any]) -> Child | None:
    device, module = entry.get("deviceId"), entry.get("moduleId")
    how = entry.get("authentication")
    if not isinstance(device, str) or not isinstance(how, dict):
        return None
    return Child(
        f"{device}/{module}" if module else device,
        entry.get("status", "enabled") == "enabled",
        str(how.get("type")),
        tuple(_texts(how.get("symmetricKey"))),
        tuple(_texts(how.get("x509Thumbprint"))),
    )


def _texts(of: object) -> Iterable[str]:
    return [it for it in of.values() if isinstance(it, str) and it] if isinstance(of, dict) else []
