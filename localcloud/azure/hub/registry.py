"""A hub's devices and twins: the one place that changes them. No IO but the store.

Documents have the shape of the service API 2021-04-12 (Azure/azure-rest-api-specs, iothub data plane). Who is
connected is kept in memory and laid over the stored document: after a restart every device is Disconnected.
"""

import base64
import re
import secrets
import uuid
from collections.abc import Callable
from typing import Any

from localcloud.azure.hub import twins
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.twins import Twin, now_text
from localcloud.azure.store import Store

Device = dict[str, Any]

DEVICE_ID = re.compile(r"[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}")
_NEVER = "0001-01-01T00:00:00Z"
_AUTHENTICATION_TYPES = ("sas", "selfSigned", "certificateAuthority", "none")
_THUMBPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


class HubRegistry:
    """Devices and twins of all hubs, by hub host (lower case) and device id (case-sensitive).

    Listeners: `on_desired(host, device_id, patch, version)` after desired properties changed;
    `on_removed(host, device_id)` after a device was deleted or may no longer connect as it did.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connected: dict[str, str] = {}
        self.on_desired: list[Callable[[str, str, Twin, int], None]] = []
        self.on_removed: list[Callable[[str, str], None]] = []

    def create_device(self, host: str, body: Device, initial_twin: Twin | None = None) -> Device:
        """Add a device with a fresh twin. HubError 409 when the id is taken, 400 for a bad body."""
        device_id = body.get("deviceId")
        if not isinstance(device_id, str) or not DEVICE_ID.fullmatch(device_id):
            raise HubError(400, "ArgumentInvalid", f"deviceId {device_id!r} must match {DEVICE_ID.pattern}")
        key = _key(host, device_id)
        if self._store.get("device", key) is not None:
            raise HubError(
                409, "DeviceAlreadyExists", f"A device with ID '{device_id}' is already registered."
            )
        device = _new_device(device_id, body)
        twin = twins.new_twin(device_id, initial_twin)
        with self._store.transaction():
            self._store.put("device", key, device)
            self._store.put("twin", key, twin)
        return device

    def update_device(self, host: str, device_id: str, body: Device, if_match: str | None = None) -> Device:
        """Replace what a service may set: status, statusReason, authentication, capabilities."""
        device = self._stored("device", host, device_id)
        _check_etag(device["etag"], if_match)
        before = (device["status"], device["authentication"])
        _apply(device, body)
        device["etag"] = _new_etag()
        if device["status"] != before[0]:
            device["statusUpdatedTime"] = now_text()
        self._store.put("device", _key(host, device_id), device)
        if device["status"] != "enabled" or device["authentication"] != before[1]:
            self._announce_removed(host, device_id)
        return self._with_state(host, device)

    def get_device(self, host: str, device_id: str) -> Device:
        """The identity with its connection state. HubError 404 when there is none."""
        return self._with_state(host, self._stored("device", host, device_id))

    def delete_device(self, host: str, device_id: str, if_match: str | None = None) -> None:
        """Remove a device, its twin and its sessions; a live connection is closed."""
        device = self._stored("device", host, device_id)
        _check_etag(device["etag"], if_match)
        key = _key(host, device_id)
        with self._store.transaction():
            for kind in ("device", "twin", "session"):
                self._store.delete(kind, key)
        self._announce_removed(host, device_id)

    def list_devices(self, host: str, top: int | None = None) -> list[Device]:
        """Devices of a hub by id, at most `top`."""
        devices = [device for _, device in self._store.list("device", _key(host, ""))]
        return [self._with_state(host, device) for device in devices[:top]]

    def get_twin(self, host: str, device_id: str) -> Twin:
        """The twin as the service API shows it. HubError 404 when there is no such device."""
        device = self.get_device(host, device_id)
        return _service_twin(device, self._stored("twin", host, device_id))

    def patch_twin(self, host: str, device_id: str, patch: Twin, if_match: str | None = None) -> Twin:
        """Merge tags and desired properties; the device hears of the desired patch."""
        return self._change_twin(twins.patch_twin, host, device_id, patch, if_match)

    def replace_twin(self, host: str, device_id: str, body: Twin, if_match: str | None = None) -> Twin:
        """Replace tags and desired properties; the device hears of the whole desired."""
        return self._change_twin(twins.replace_twin, host, device_id, body, if_match)

    def patch_reported(self, host: str, device_id: str, patch: object) -> int:
        """Merge a device's reported patch; gives the new `$version`. HubError 400 or 404."""
        twin = self._stored("twin", host, device_id)
        version = twins.patch_reported(twin, patch)
        self._store.put("twin", _key(host, device_id), twin)
        return version

    def device_view(self, host: str, device_id: str) -> Twin:
        """What the device itself sees of its twin."""
        return twins.device_view(self._stored("twin", host, device_id))

    def reset_twin(self, host: str, device_id: str, initial: Twin | None) -> None:
        """Put a twin back to an enrollment's initial twin; its counters go on."""
        old = self._stored("twin", host, device_id)
        fresh = twins.new_twin(device_id, initial)
        fresh["version"] = old["version"] + 1
        fresh["etag"] = twins.twin_etag(fresh["version"])
        for part in ("desired", "reported"):
            fresh["properties"][part]["$version"] = old["properties"][part]["$version"] + 1
        self._store.put("twin", _key(host, device_id), fresh)
        self._announce_desired(host, device_id, twins.device_view(fresh)["desired"])

    def move_device(self, source: str, target: str, device_id: str) -> None:
        """Take a device with its twin from one hub to another; a device of that id at `target` gives way."""
        device, twin = self._stored("device", source, device_id), self._stored("twin", source, device_id)
        device["generationId"], device["etag"] = _new_generation(), _new_etag()
        with self._store.transaction():
            self.delete_device(source, device_id)
            self._store.put("device", _key(target, device_id), device)
            self._store.put("twin", _key(target, device_id), twin)
            self._store.delete("session", _key(target, device_id))

    def set_connection_state(self, host: str, device_id: str, connected: bool) -> None:
        """Note that a device came or went; unknown devices (deleted while connected) are let be."""
        key = _key(host, device_id)
        if connected:
            self._connected[key] = now_text()
            return
        self._connected.pop(key, None)
        device = self._store.get("device", key)
        if device is not None:
            device["lastActivityTime"] = device["connectionStateUpdatedTime"] = now_text()
            self._store.put("device", key, device)

    def _change_twin(
        self,
        change: Callable[[Twin, Twin], Twin | None],
        host: str,
        device_id: str,
        body: Twin,
        if_match: str | None,
    ) -> Twin:
        twin = self._stored("twin", host, device_id)
        _check_etag(twin["etag"], if_match)
        desired = change(twin, body)
        self._store.put("twin", _key(host, device_id), twin)
        if desired is not None:
            version = twin["properties"]["desired"]["$version"]
            self._announce_desired(host, device_id, {**desired, "$version": version})
        return self.get_twin(host, device_id)

    def _stored(self, kind: str, host: str, device_id: str) -> dict[str, Any]:
        document = self._store.get(kind, _key(host, device_id))
        if document is None:
            raise HubError(404, "DeviceNotFound", f"There is no device '{device_id}' in hub {host}.")
        return document

    def _with_state(self, host: str, device: Device) -> Device:
        since = self._connected.get(_key(host, device["deviceId"]))
        if since is not None:
            device["connectionState"] = "Connected"
            device["connectionStateUpdatedTime"] = device["lastActivityTime"] = since
        return device

    def _announce_desired(self, host: str, device_id: str, desired: Twin) -> None:
        patch = dict(desired)
        version = patch.pop("$version")
        for listener in self.on_desired:
            listener(host, device_id, patch, version)

    def _announce_removed(self, host: str, device_id: str) -> None:
        for listener in self.on_removed:
            listener(host, device_id)


def _key(host: str, device_id: str) -> str:
    return f"{host.lower()}/{device_id}"


def _new_generation() -> str:
    return str(uuid.uuid4().int % 10**18)


def _new_etag() -> str:
    return base64.b64encode(secrets.token_hex(4).encode()).decode()


def _check_etag(current: str, if_match: str | None) -> None:
    """RFC 9110 If-Match: absent and `*` match anything; quotes are optional, as clients differ."""
    wanted = None if if_match is None else if_match.strip().strip('"')
    if wanted not in (None, "*", current):
        raise HubError(412, "PreconditionFailed", f"If-Match is {wanted}, but the etag is now {current}.")


def _new_device(device_id: str, body: Device) -> Device:
    device: Device = {
        "deviceId": device_id,
        "generationId": _new_generation(),
        "etag": _new_etag(),
        "connectionState": "Disconnected",
        "status": "enabled",
        "statusReason": None,
        "connectionStateUpdatedTime": _NEVER,
        "statusUpdatedTime": _NEVER,
        "lastActivityTime": _NEVER,
        "cloudToDeviceMessageCount": 0,
        "authentication": {},
        "capabilities": {"iotEdge": False},
    }
    _apply(device, body)
    return device


def _apply(device: Device, body: Device) -> None:
    status = body.get("status", device["status"])
    if status not in ("enabled", "disabled"):
        raise HubError(400, "ArgumentInvalid", f"status {status!r} must be enabled or disabled")
    device["status"] = status
    device["statusReason"] = body.get("statusReason", device["statusReason"])
    device["capabilities"] = body.get("capabilities") or device["capabilities"]
    if body.get("authentication") or not device["authentication"]:
        device["authentication"] = _authentication(body.get("authentication") or {})


def _authentication(asked: dict[str, Any]) -> dict[str, Any]:
    kind = asked.get("type") or ("selfSigned" if asked.get("x509Thumbprint") else "sas")
    if kind not in _AUTHENTICATION_TYPES:
        known = ", ".join(_AUTHENTICATION_TYPES)
        raise HubError(400, "ArgumentInvalid", f"authentication.type {kind!r} must be one of {known}")
    return {
        "symmetricKey": _symmetric_key(kind, asked.get("symmetricKey") or {}),
        "x509Thumbprint": _thumbprints(kind, asked.get("x509Thumbprint") or {}),
        "type": kind,
    }


def _symmetric_key(kind: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Keys only for `sas` devices; missing ones are made, as the service does."""
    if kind != "sas":
        return {"primaryKey": None, "secondaryKey": None}
    return {
        name: asked.get(name) or base64.b64encode(secrets.token_bytes(32)).decode()
        for name in ("primaryKey", "secondaryKey")
    }


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


def _service_twin(device: Device, twin: Twin) -> Twin:
    return {
        "deviceId": device["deviceId"],
        "etag": twin["etag"],
        "deviceEtag": device["etag"],
        "status": device["status"],
        "statusUpdateTime": device["statusUpdatedTime"],
        "connectionState": device["connectionState"],
        "lastActivityTime": device["lastActivityTime"],
        "cloudToDeviceMessageCount": device["cloudToDeviceMessageCount"],
        "authenticationType": device["authentication"]["type"],
        "x509Thumbprint": device["authentication"]["x509Thumbprint"],
        "version": twin["version"],
        "properties": twin["properties"],
        "capabilities": device["capabilities"],
        "tags": twin["tags"],
    }
