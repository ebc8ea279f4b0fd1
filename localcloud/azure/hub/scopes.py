"""Parents and children: who may be reached through which gateway.

"How an IoT Edge device can be used as a gateway", "Parent and child relationships"
(learn.microsoft.com/azure/ iot-edge/iot-edge-as-gateway): only IoT Edge devices can be parents; a child has
one parent; Edge devices can be children, too. A device that is no Edge device may name its parent in
`deviceScope` or in `parentScopes`: the service copies one to the other. Left out, a parent stays; an empty
value takes it away (what a PUT without it does is not published; keeping it does not cut a child off).
"""

from typing import Any

from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.identities import Identity, is_edge, own_scope, parent_id
from localcloud.store import Store


class Scopes:
    """Checks and writes the scopes of devices; reads other devices from the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def apply(self, host: str, device: Identity, body: dict[str, Any]) -> None:
        """Put `deviceScope` and `parentScopes` into `device`. HubError 400 InvalidDeviceScope."""
        asked = _asked(device, body)
        if asked is not None:
            self._set_parent(host, device, asked)
        if is_edge(device):
            device["deviceScope"] = own_scope(device)
        elif device.get("parentScopes"):
            device["deviceScope"] = device["parentScopes"][0]
        else:
            device.pop("deviceScope", None)

    def forget_parent(self, device: Identity) -> None:
        """The device is in another hub now: its parent is not."""
        for name in ("deviceScope", "parentScopes"):
            device.pop(name, None)
        if is_edge(device):
            device["deviceScope"] = own_scope(device)

    def ancestors(self, host: str, device_id: str) -> list[str]:
        """Ids of the gateways above a device, the nearest first; those that are gone or made anew are
        none.
        """
        found: list[str] = []
        device = self._device(host, device_id)
        while device is not None and device.get("parentScopes"):
            device = self._holder(host, device["parentScopes"][0])
            if device is None or device["deviceId"] in found:
                break
            found.append(device["deviceId"])
        return found

    def _set_parent(self, host: str, device: Identity, scope: str) -> None:
        device.pop("parentScopes", None)
        if not scope:
            return
        parent = self._holder(host, scope)
        if parent is None or not is_edge(parent):
            raise _invalid(f"'{scope}' is the scope of no IoT Edge device in hub {host}")
        above = [parent["deviceId"], *self.ancestors(host, parent["deviceId"])]
        if device["deviceId"] in above:
            raise _invalid(f"device '{device['deviceId']}' cannot be its own parent, however far up")
        device["parentScopes"] = [scope]

    def _holder(self, host: str, scope: str) -> Identity | None:
        device = self._device(host, parent_id(scope))
        return device if device is not None and own_scope(device) == scope else None

    def _device(self, host: str, device_id: str) -> Identity | None:
        return self._store.get("device", f"{host.lower()}/{device_id}")


def _asked(device: Identity, body: dict[str, Any]) -> str | None:
    """The parent's scope that a body asks for: None leaves it, "" takes it away."""
    scopes = body.get("parentScopes")
    if scopes is not None and (not isinstance(scopes, list) or len(scopes) > 1):
        raise _invalid("parentScopes holds one scope at most: a child has one parent")
    parent = None if scopes is None else str(scopes[0]) if scopes else ""
    own = body.get("deviceScope")
    if own is None:
        return parent
    if is_edge(device):
        if own not in ("", own_scope(device)):
            raise _invalid("the deviceScope of an IoT Edge device is made by the hub and cannot be changed")
        return parent
    if parent and own and parent != own:
        raise _invalid(f"deviceScope '{own}' and parentScopes '{parent}' name two parents")
    return parent or str(own)


def _invalid(message: str) -> HubError:
    return HubError(400, "InvalidDeviceScope", message)
