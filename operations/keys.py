"""A device's symmetric key, for the device alone: fetched or derived here, written to a file of mode 0600.

learn.microsoft.com/azure/iot-dps/concepts-symmetric-key-attestation, "Group enrollments": the device's key is
base64(HMAC-SHA256(the group's key, the registration id)), the registration id as the device will write it.
The group's key stays in memory; it opens the door to every device of the group.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from pathlib import Path
from typing import Final, Literal

from operations.actions.seen import REGISTRATION_ID, is_disabled
from operations.cloud import Cloud, Document
from operations.errors import DeviceKeyError

Slot = Literal["primary", "secondary"]
_FILE: Final = 0o600


def derived(group_key: str, registration_id: str) -> str:
    """A device's key from its group's, both in base64. Raises DeviceKeyError, which quotes no key."""
    try:
        secret = base64.b64decode(group_key, validate=True)
    except binascii.Error:
        raise DeviceKeyError("the group's key, as the service gave it, is not base64") from None
    return base64.b64encode(hmac.digest(secret, registration_id.encode(), hashlib.sha256)).decode()


def device_key(cloud: Cloud, registration_id: str, group_id: str | None, slot: Slot = "primary") -> str:
    """The key that the device signs its tokens with: its own, or derived from its group's.

    Raises DeviceKeyError, and the errors of provider.clients.
    """
    if not REGISTRATION_ID.fullmatch(registration_id):
        raise DeviceKeyError(
            f"{registration_id[:140]!r} is no registration id; 1 to 128 letters, digits and . _ - :, a "
            "letter or digit first and last"
        )
    own = cloud.enrollment(registration_id)
    if own is not None and is_disabled(own):
        raise DeviceKeyError(f"{registration_id} is disabled by its individual enrollment: no key opens it")
    if group_id is None:
        if own is None:
            text = "there is no individual enrollment of that id; give the group that it belongs to (--group)"
            raise DeviceKeyError(f"{registration_id}: {text}")
        return _key(own, slot, f"the individual enrollment {registration_id}")
    if own is not None:
        raise DeviceKeyError(
            f"{registration_id} has an individual enrollment, which goes before every group: a key of group "
            f"{group_id} would be refused; leave out --group"
        )
    group = cloud.group(group_id)
    if group is None:
        raise DeviceKeyError(f"there is no enrollment group {group_id} at {cloud.service_host}")
    return derived(_key(group, slot, f"the group {group_id}"), registration_id)


def write(path: Path, key: str) -> None:
    """Write a key and a line end to a new file that only its owner can read. Raises DeviceKeyError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE)
    except FileExistsError as error:
        raise DeviceKeyError(f"{path} is there already, and no key is ever overwritten") from error
    except OSError as error:
        raise DeviceKeyError(f"{path}: {error.strerror or error}") from error
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{key}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise DeviceKeyError(f"{path}: {error.strerror or error}") from error


def _key(enrollment: Document, slot: Slot, what: str) -> str:
    mechanism = enrollment.get("attestation") or {}
    kind = mechanism.get("type") or "nothing"
    if kind != "symmetricKey":
        raise DeviceKeyError(f"{what} attests by {kind}, so its devices have no symmetric key")
    key = (mechanism.get("symmetricKey") or {}).get(f"{slot}Key")
    if not key:
        text = "the role Device Provisioning Service Data Contributor shows keys"
        raise DeviceKeyError(f"the service shows no {slot} key of {what}; {text}")
    return str(key)
