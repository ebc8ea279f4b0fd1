"""Symmetric keys of enrollments: made, checked, derived for a device, and the tokens signed with them.

learn.microsoft.com/azure/iot-dps/concepts-symmetric-key-attestation: keys have 16 to 64 bytes in base64,
the service makes ones of 64; a device of a group has HMAC-SHA256(group key, registration id); a token is
for `{idScope}/registrations/{registrationId}` and names the policy `registration`, or none, as
azure-iot-device does.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping

from localcloud.azure.dps.matching import Refused
from localcloud.azure.gate import Signature, UnauthorizedError, check_expiry, read_signature, signed_by
from localcloud.clock import Clock

Keys = dict[str, str]
NAMES = ("primaryKey", "secondaryKey")
POLICY = "registration"
_MADE_BYTES = 64
_FEWEST_BYTES, _MOST_BYTES = 16, 64


def new_key(size: int = _MADE_BYTES) -> str:
    """A random key in base64."""
    return base64.b64encode(secrets.token_bytes(size)).decode()


def key_fault(key: str) -> str | None:
    """What is wrong with a key that somebody chose; never the key itself."""
    try:
        size = len(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError):
        return "must be base64"
    if not _FEWEST_BYTES <= size <= _MOST_BYTES:
        return f"must have {_FEWEST_BYTES} to {_MOST_BYTES} bytes, not {size}"
    return None


def derived(keys: Mapping[str, str], registration_id: str) -> Keys:
    """A device's keys from its group's."""
    return {name: _derived(keys[name], registration_id) for name in NAMES}


def _derived(key: str, registration_id: str) -> str:
    code = hmac.new(base64.b64decode(key), registration_id.encode(), hashlib.sha256)
    return base64.b64encode(code.digest()).decode()


def read_token(text: str, id_scope: str, registration_id: str, clock: Clock) -> Signature:
    """A device's token, whose signature is still to be checked. Raises Refused."""
    try:
        token = read_signature(text)
    except UnauthorizedError as fault:
        raise Refused("malformed-token", str(fault)) from fault
    wanted = f"{id_scope}/registrations/{registration_id}"
    if token.resource().lower() != wanted.lower():
        raise Refused("token-for-another", f"the token is for {token.resource()[:200]!r}, not {wanted!r}")
    if token.policy not in ("", POLICY):
        raise Refused("malformed-token", f"the token's skn is {token.policy[:40]!r}, not '{POLICY}'")
    try:
        check_expiry(token, clock)
    except UnauthorizedError as fault:
        raise Refused("token-expired", str(fault)) from fault
    return token


def check_signature(token: Signature, keys: Iterable[str]) -> None:
    """Raises Refused unless one of the keys signed the token."""
    if not signed_by(token, keys):
        raise Refused("bad-signature", "neither the primary nor the secondary key made the token's signature")
