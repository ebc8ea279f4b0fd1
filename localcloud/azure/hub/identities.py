"""Device and module identities as pure functions: what a new one looks like, what a service may change.

Documents have the shape of the service API 2021-04-12 (Device, Module). A device that is an IoT Edge device
has a scope of its own, `ms-azure-iot-edge://{device id}-{generation id}`; a child names its parent's scope in
`parentScopes`, and if it is no Edge device itself, in `deviceScope` too (azure-iot-hub 2.7.0, `Device`).
"""

import base64
import re
import secrets
import uuid
from typing import Any

from localcloud.azure.hub.errors import HubError
from localcloud.calls import bare_etag, etag_fits

Identity = dict[str, Any]

IDENTITY_ID = re.compile(r"[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}")
NEVER = "0001-01-01T00:00:00Z"
SCOPE_PREFIX = "ms-azure-iot-edge://"
EDGE_AGENT, EDGE_HUB = "$edgeAgent", "$edgeHub"
SYSTEM_MODULES = (EDGE_AGENT, EDGE_HUB)
_AUTHENTICATION_TYPES = ("sas", "selfSigned", "certificateAuthority", "none")
_THUMBPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_KEYS = ("primaryKey", "secondaryKey")


def new_device(device_id: str, body: Identity) -> Identity:
    """A device from what a service sent. Raises HubError 400."""
    device: Identity = {
        "deviceId": checked_id("deviceId", device_id),
        **_new_common(),
        "status": "enabled",
        "statusReason": None,
        "statusUpdatedTime": NEVER,
        "authentication": {},
        "capabilities": {"iotEdge": False},
    }
    change_device(device, body)
    return device


def new_module(device_id: str, module_id: str, body: Identity) -> Identity:
    """A module from what a service sent. Raises HubError 400."""
    module: Identity = {
        "moduleId": checked_id("moduleId", module_id),
        "managedBy": None,
        "deviceId": device_id,
        **_new_common(),
        "authentication": {},
    }
    change_module(module, body)
    return module


def change_device(device: Identity, body: Identity) -> None:
    """Take over status, statusReason, authentication and capabilities where `body` has them."""
    status = body.get("status", device["status"])
    if status not in ("enabled", "disabled"):
        raise HubError(400, "ArgumentInvalid", f"status {status!r} must be enabled or disabled")
    authentication = _authentication(body, device["authentication"])
    capabilities = {"iotEdge": bool((body.get("capabilities") or device["capabilities"]).get("iotEdge"))}
    device["status"] = status
    device["statusReason"] = body.get("statusReason", device["statusReason"])
    device["authentication"], device["capabilities"] = authentication, capabilities


def change_module(module: Identity, body: Identity) -> None:
    """Take over managedBy and authentication where `body` has them."""
    module["authentication"] = _authentication(body, module["authentication"])
    module["managedBy"] = body.get("managedBy", module["managedBy"])


def renew(identity: Identity) -> None:
    """Give an identity that comes into another hub a generation of its own there."""
    identity["generationId"], identity["etag"] = _new_generation(), new_etag()


def own_scope(device: Identity) -> str:
    """The scope of an IoT Edge device, which its children name."""
    return f"{SCOPE_PREFIX}{device['deviceId']}-{device['generationId']}"


def parent_id(scope: str) -> str:
    """The device whose scope this is; empty when it is no scope."""
    if not scope.startswith(SCOPE_PREFIX):
        return ""
    return scope.removeprefix(SCOPE_PREFIX).rpartition("-")[0]


def is_edge(device: Identity) -> bool:
    """Whether it is an IoT Edge device."""
    return bool(device["capabilities"].get("iotEdge"))


def new_etag() -> str:
    """An etag of an identity."""
    return base64.b64encode(secrets.token_hex(4).encode()).decode()


def check_etag(current: str, if_match: str | None) -> None:
    """RFC 9110 If-Match; azure-iot-hub quotes even `*`. Raises HubError 412."""
    if not etag_fits(if_match, current) and bare_etag(if_match or "") != "*":
        raise HubError(412, "PreconditionFailed", f"If-Match is {if_match}, but the etag is now {current}.")


def checked_id(name: str, value: object) -> str:
    """An id that is one. Raises HubError 400."""
    if not isinstance(value, str) or not IDENTITY_ID.fullmatch(value):
        raise HubError(400, "ArgumentInvalid", f"{name} {value!r} must match {IDENTITY_ID.pattern}")
    return value


def _new_common() -> Identity:
    return {
        "generationId": _new_generation(),
        "etag": new_etag(),
        "connectionState": "Disconnected",
        "connectionStateUpdatedTime": NEVER,
        "lastActivityTime": NEVER,
        "cloudToDeviceMessageCount": 0,
    }


def _new_generation() -> str:
    return str(uuid.uuid4().int % 10**18)


def _authentication(body: Identity, before: dict[str, Any]) -> dict[str, Any]:
    """What is asked for, else what was, else `sas` with fresh keys, the service's default."""
    asked = body.get("authentication")
    if not asked and before:
        return before
    asked = asked or {}
    kind = asked.get("type") or ("selfSigned" if asked.get("x509Thumbprint") else "sas")
    if kind not in _AUTHENTICATION_TYPES:
        known = ", ".join(_AUTHENTICATION_TYPES)
        raise HubError(400, "ArgumentInvalid", f"authentication.type {kind!r} must be one of {known}")
    return {
        "symmetricKey": _symmetric_key(kind, asked.get("symmetricKey") or {}, before),
        "x509Thumbprint": _thumbprints(kind, asked.get("x509Thumbprint") or {}),
        "type": kind,
    }


def _symmetric_key(kind: str, asked: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Keys only for `sas`; those not given stay as they were, or are made, as the service does."""
    if kind != "sas":
        return dict.fromkeys(_KEYS)
    kept = before.get("symmetricKey") or {}
    keys = {name: asked.get(name) or kept.get(name) or _new_key() for name in _KEYS}
    for name, key in keys.items():
        if not _is_key(key):
            raise HubError(400, "ArgumentInvalid", f"symmetricKey.{name} must be base64 of 16 to 64 bytes")
    return keys


def _is_key(text: object) -> bool:
    """16 to 64 bytes: "Create or update device identity", symmetricKey."""
    try:
        return isinstance(text, str) and 16 <= len(base64.b64decode(text, validate=True)) <= 64
    except ValueError:
        return False


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _thumbprints(kind: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Upper-case hex of SHA-1 (40) or SHA-256 (64); a `selfSigned` device needs the primary one."""
    found: dict[str, Any] = {}
    for name in ("primaryThumbprint", "secondaryThumbprint"):
        text = str(asked.get(name) or "").upper()
        if text and not _THUMBPRINT.fullmatch(text):
            raise HubError(400, "ArgumentInvalid", f"{name} must be 40 or 64 hexadecimal digits")
        found[name] = text or None
    if kind == "selfSigned" and not found["primaryThumbprint"]:
        raise HubError(
            400, "ArgumentInvalid", "selfSigned authentication needs x509Thumbprint.primaryThumbprint"
        )
    return found
