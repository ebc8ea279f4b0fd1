"""Who may call: bearer tokens for every service, shared access signatures for DPS and hub.

A signature is `SharedAccessSignature sr={scope}&sig={signature}&se={expiry}&skn={policy}`, HMAC-SHA256 over
`sr` and `se` as they arrive (learn.microsoft.com/azure/iot-hub/authenticate-authorize-sas). `sr` may come
percent-encoded or not, so nothing is decoded before the check.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from localcloud.azure.entra import Tokens
from localcloud.calls import Call
from localcloud.clock import Clock
from localcloud.store import Document, Store

KEYS = "arm-keys"
_SCHEME = "SharedAccessSignature "
_IMPLIED = {"EnrollmentRead": "EnrollmentWrite", "RegistrationStatusRead": "RegistrationStatusWrite"}


class UnauthorizedError(Exception):
    """The caller is not let in; the text says why and never holds a token or signature."""


@dataclass(frozen=True)
class Signature:
    """The parts of a shared access signature; `scope` and `expiry` as they arrived: that is what is signed.

    `policy` is empty where the token names none: a hub device's does not.
    """

    scope: str
    signature: str = field(repr=False)
    expiry: str
    policy: str

    def resource(self) -> str:
        """What it is for, decoded, without scheme and final slash."""
        plain = unquote(self.scope).removeprefix("https://").removeprefix("sb://")
        return plain.rstrip("/")


class Gate:
    """Decides from the Authorization header. Raises UnauthorizedError."""

    def __init__(self, store: Store, tokens: Tokens, clock: Clock | None = None) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock or Clock()

    def admit_bearer(self, call: Call, audience: str) -> None:
        """Let a bearer token for `audience` in."""
        header = call.header("authorization") or ""
        kind, _, token = header.partition(" ")
        if kind.lower() != "bearer" or not token:
            raise UnauthorizedError("an Authorization header with a bearer token is required")
        fault = self._tokens.fault(token.strip(), audience)
        if fault:
            raise UnauthorizedError(fault)

    def admit(self, call: Call, audience: str, resource: Document, right: str) -> None:
        """Let a bearer token in, or a signature by a policy of `resource` that holds `right`."""
        header = call.header("authorization") or ""
        if not header.lower().startswith(_SCHEME.lower()):
            self.admit_bearer(call, audience)
            return
        if resource["properties"].get("disableLocalAuth"):
            raise UnauthorizedError("local authentication is disabled (disableLocalAuth): use an Entra token")
        signature = read_signature(header)
        if not signature.policy:
            raise UnauthorizedError("the shared access signature lacks skn, the name of a policy")
        check_expiry(signature, self._clock)
        _check_scope(signature, call)
        self._check_policy(signature, resource, right)

    def _check_policy(self, signature: Signature, resource: Document, right: str) -> None:
        policy = self._policy(resource, signature.policy)
        if not signed_by(signature, (policy.get("primaryKey"), policy.get("secondaryKey"))):
            raise UnauthorizedError(f"the signature does not match a key of policy '{signature.policy}'")
        rights = {it.strip() for it in policy["rights"].split(",")}
        if not rights & {right, _IMPLIED.get(right, right)}:
            raise UnauthorizedError(f"policy '{signature.policy}' has {policy['rights']}, not {right}")

    def _policy(self, resource: Document, name: str) -> dict[str, Any]:
        known = self._store.get(KEYS, resource["id"].lower()) or {"policies": []}
        found = [it for it in known["policies"] if it["keyName"].lower() == name.lower()]
        return found[0] if found else {"rights": ""}


def read_signature(text: str) -> Signature:
    """A token's parts; the word "SharedAccessSignature" before them may miss. Raises UnauthorizedError."""
    if text.lower().startswith(_SCHEME.lower()):
        text = text[len(_SCHEME) :]
    parts = dict(it.partition("=")[::2] for it in text.strip().split("&"))
    missing = [it for it in ("sr", "sig", "se") if not parts.get(it)]
    if missing:
        raise UnauthorizedError(f"the shared access signature lacks {', '.join(missing)}")
    return Signature(parts["sr"], unquote(parts["sig"]), parts["se"], unquote(parts.get("skn", "")))


def check_expiry(signature: Signature, clock: Clock) -> None:
    """Raises UnauthorizedError when it is over, or its end is no time."""
    text = signature.expiry
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise UnauthorizedError("the shared access signature's se is no time in seconds")
    if int(text) < clock.now().timestamp():
        raise UnauthorizedError("the shared access signature is expired")


def signed_by(signature: Signature, keys: Iterable[str | None]) -> bool:
    """Whether one of these keys (base64) made the signature."""
    return any(_fits(signature, key) for key in keys)


def _check_scope(signature: Signature, call: Call) -> None:
    host, _, path = signature.resource().partition("/")
    if host.partition(":")[0].lower() != call.host:
        raise UnauthorizedError(f"the shared access signature is for {host}, not {call.host}")
    held, asked = f"/{path}".rstrip("/").lower(), unquote(call.path).rstrip("/").lower()
    if asked != held and not asked.startswith(f"{held}/"):
        raise UnauthorizedError(f"the shared access signature is for /{path}, not {call.path}")


def _fits(signature: Signature, key: str | None) -> bool:
    if not key:
        return False
    try:
        secret, sent = base64.b64decode(key), base64.b64decode(signature.signature)
    except (binascii.Error, ValueError):
        return False
    signed = f"{signature.scope}\n{signature.expiry}".encode()
    return hmac.compare_digest(hmac.new(secret, signed, hashlib.sha256).digest(), sent)
