"""A hub's identities and twins: the one place that changes them. No IO but the store.

An identity, the `subject`, is named by its device id, or by `{device id}/{module id}`: a device id has no
slash. Documents: kinds "device" and "twin", key "{hub host}/{device id}"; kinds "module" and "module-twin",
key "{hub host}/{device id}/{module id}". Who is connected is kept in memory and laid over the stored
document: after a restart all are Disconnected.
"""

from collections.abc import Callable, Iterator
from typing import Any

from localcloud.azure.directory import Directory
from localcloud.azure.hub import identities, twins
from localcloud.azure.hub.automatic import Configurations
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.identities import Identity, check_etag, new_etag
from localcloud.azure.hub.messages import Messages
from localcloud.azure.hub.methods import Methods
from localcloud.azure.hub.quotas import MODULES_PER_DEVICE, UNLIMITED, quotas
from localcloud.azure.hub.scopes import Scopes
from localcloud.azure.hub.twins import Twin
from localcloud.azure.hub.views import service_twin
from localcloud.clock import Clock
from localcloud.store import Store

Device = Identity


class HubRegistry:
    """Identities and twins of all hubs, by hub host (lower case) and id (case-sensitive).

    Listeners: `on_desired(host, subject, patch, version)` after desired properties changed; `on_removed(host,
    subject)` after an identity was deleted or may no longer connect as it did. `messages`, `methods` and
    `configurations` are the hub's other halves.
    """

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._store = store
        self.clock = clock or Clock()
        self._directory = Directory(store)
        self._connected: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._scopes = Scopes(store)
        self.on_desired: list[Callable[[str, str, Twin, int], None]] = []
        self.on_removed: list[Callable[[str, str], None]] = []
        self.methods = Methods()
        self.messages = Messages(store, self.clock, self)
        self.configurations = Configurations(store, self.clock, self)

    def hub(self, host: str) -> dict[str, Any] | None:
        """The hub's ARM document."""
        return self._directory.hub_by_host(host)

    def forget_hub(self, host: str) -> None:
        """The hub is deleted: all that it holds goes."""
        with self._store.transaction():
            self.configurations.forget(host)
            for device in self.list_devices(host):
                self.delete_device(host, device["deviceId"])
        self._counts.pop(host.lower(), None)

    # devices

    def create_device(self, host: str, body: Device, initial_twin: Twin | None = None) -> Device:
        """Add a device with a fresh twin; an IoT Edge device gets its scope and its system modules.

        HubError 409 when the id is taken, 400 for a bad body, 413 when the hub is full.
        """
        device_id = identities.checked_id("deviceId", body.get("deviceId"))
        if self._store.get("device", _key(host, device_id)) is not None:
            text = f"A device with ID '{device_id}' is already registered."
            raise HubError(409, "DeviceAlreadyExists", text)
        device = identities.new_device(device_id, body)
        self._scopes.apply(host, device, body)
        twin = twins.new_twin(device_id, initial_twin, self.clock.text())
        self._make_room(host, 3 if identities.is_edge(device) else 1)
        with self._store.transaction():
            self._put(host, device_id, device, twin)
            self._add_system_modules(host, device)
        self._changed(host, device_id)
        return device

    def update_device(self, host: str, device_id: str, body: Device, if_match: str | None = None) -> Device:
        """Replace what a service may set: status, statusReason, authentication, capabilities, scopes."""
        device = self._stored("device", host, device_id)
        check_etag(device["etag"], if_match)
        status, authentication, edge = device["status"], device["authentication"], identities.is_edge(device)
        identities.change_device(device, body)
        self._scopes.apply(host, device, body)
        device["etag"] = new_etag()
        if device["status"] != status:
            device["statusUpdatedTime"] = self.clock.text()
        with self._store.transaction():
            self._store.put("device", _key(host, device_id), device)
            if identities.is_edge(device) and not edge:
                self._add_system_modules(host, device)
        if device["status"] != "enabled" or device["authentication"] != authentication:
            self._announce_removed(host, device_id)
        self._changed(host, device_id)
        return self._with_state(host, device_id, device)

    def get_device(self, host: str, device_id: str) -> Device:
        """The identity with its connection state. HubError 404 when there is none."""
        return self._with_state(host, device_id, self._stored("device", host, device_id))

    def delete_device(self, host: str, device_id: str, if_match: str | None = None) -> None:
        """Remove a device with its twin, modules, sessions and messages; live connections are closed."""
        device = self._stored("device", host, device_id)
        check_etag(device["etag"], if_match)
        with self._store.transaction():
            for module in self.list_modules(host, device_id):
                self._remove(host, f"{device_id}/{module['moduleId']}")
            self.messages.forget(host, device_id)
            self._remove(host, device_id)

    def list_devices(self, host: str, top: int | None = None) -> list[Device]:
        """Devices of a hub by id, at most `top`."""
        devices = [device for _, device in self._store.list("device", _key(host, ""))]
        return [self._with_state(host, it["deviceId"], it) for it in devices[:top]]

    def children(self, host: str, device_id: str) -> list[Device]:
        """The devices whose parent this one is."""
        scope = identities.own_scope(self._stored("device", host, device_id))
        return [it for it in self.list_devices(host) if scope in it.get("parentScopes", ())]

    def is_above(self, host: str, gateway_id: str, device_id: str) -> bool:
        """Whether a gateway is the parent of a device, or the parent's parent, and so on."""
        return gateway_id in self._scopes.ancestors(host, device_id)

    # modules

    def create_module(self, host: str, device_id: str, module_id: str, body: Identity) -> Identity:
        """Add a module to a device. HubError 404, 409, 400, 413 for the 51st."""
        self._stored("device", host, device_id)
        subject = f"{device_id}/{module_id}"
        if self._store.get("module", _key(host, subject)) is not None:
            text = f"Module '{module_id}' is already registered on device '{device_id}'."
            raise HubError(409, "ModuleAlreadyExistsOnDevice", text)
        module = identities.new_module(device_id, module_id, body)
        if len(self._store.list("module", _key(host, f"{device_id}/"))) >= MODULES_PER_DEVICE:
            text = f"A device has at most {MODULES_PER_DEVICE} modules."
            raise HubError(413, "TooManyModulesOnDevice", text)
        self._make_room(host, 1)
        twin = {**twins.new_twin(device_id, None, self.clock.text()), "moduleId": module_id}
        with self._store.transaction():
            self._put(host, subject, module, twin)
        self._changed(host, subject)
        return module

    def update_module(
        self, host: str, device_id: str, module_id: str, body: Identity, if_match: str | None = None
    ) -> Identity:
        """Replace what a service may set: managedBy, authentication."""
        subject = f"{device_id}/{module_id}"
        module = self._stored("module", host, subject)
        check_etag(module["etag"], if_match)
        authentication = module["authentication"]
        identities.change_module(module, body)
        module["etag"] = new_etag()
        self._store.put("module", _key(host, subject), module)
        if module["authentication"] != authentication:
            self._announce_removed(host, subject)
        return self._with_state(host, subject, module)

    def get_module(self, host: str, device_id: str, module_id: str) -> Identity:
        """The identity with its connection state. HubError 404 when there is none."""
        subject = f"{device_id}/{module_id}"
        return self._with_state(host, subject, self._stored("module", host, subject))

    def delete_module(self, host: str, device_id: str, module_id: str, if_match: str | None = None) -> None:
        """Remove a module with its twin; a live connection is closed."""
        subject = f"{device_id}/{module_id}"
        check_etag(self._stored("module", host, subject)["etag"], if_match)
        self._remove(host, subject)

    def list_modules(self, host: str, device_id: str) -> list[Identity]:
        """Modules of a device by id. HubError 404 when there is no such device."""
        self._stored("device", host, device_id)
        found = self._store.list("module", _key(host, f"{device_id}/"))
        return [self._with_state(host, f"{device_id}/{it['moduleId']}", it) for _, it in found]

    def module_subjects(self, host: str, device_id: str) -> list[str]:
        """The modules of a device as subjects; none for an unknown device."""
        found = self._store.list("module", _key(host, f"{device_id}/"))
        return [key.partition("/")[2] for key, _ in found]

    # twins

    def get_twin(self, host: str, subject: str) -> Twin:
        """The twin as the service API shows it. HubError 404 when there is no such identity."""
        twin = self._stored(_kinds(subject)[1], host, subject)
        identity = self._with_state(host, subject, self._stored(_kinds(subject)[0], host, subject))
        return service_twin(identity, self._owner(host, subject, identity), twin)

    def all_twins(self, host: str, collection: str = "devices") -> Iterator[Twin]:
        """The twins of "devices" or "devices.modules", by id."""
        kind, twin_kind = ("device", "twin") if collection == "devices" else ("module", "module-twin")
        found = dict(self._store.list(twin_kind, _key(host, "")))
        for key, identity in self._store.list(kind, _key(host, "")):
            subject = key.partition("/")[2]
            identity = self._with_state(host, subject, identity)
            yield service_twin(identity, self._owner(host, subject, identity), found[key])

    def patch_twin(self, host: str, subject: str, patch: Twin, if_match: str | None = None) -> Twin:
        """Merge tags and desired properties; the device hears of the desired patch."""
        return self._change_twin(twins.patch_twin, host, subject, patch, if_match)

    def replace_twin(self, host: str, subject: str, body: Twin, if_match: str | None = None) -> Twin:
        """Replace tags and desired properties; the device hears of the whole desired."""
        return self._change_twin(twins.replace_twin, host, subject, body, if_match)

    def patch_reported(self, host: str, subject: str, patch: object) -> int:
        """Merge a device's reported patch; gives the new `$version`. HubError 400 or 404."""
        kind = _kinds(subject)[1]
        twin = self._stored(kind, host, subject)
        version = twins.patch_reported(twin, patch, self.clock.text())
        self._store.put(kind, _key(host, subject), twin)
        self._changed(host, subject)
        return version

    def device_view(self, host: str, subject: str) -> Twin:
        """What the device or module itself sees of its twin."""
        return twins.device_view(self._stored(_kinds(subject)[1], host, subject))

    def reset_twin(self, host: str, device_id: str, initial: Twin | None) -> None:
        """Put a twin back to an enrollment's initial twin; its counters go on."""
        old = self._stored("twin", host, device_id)
        fresh = twins.new_twin(device_id, initial, self.clock.text())
        fresh["version"] = old["version"] + 1
        fresh["etag"] = twins.twin_etag(fresh["version"])
        for part in ("desired", "reported"):
            fresh["properties"][part]["$version"] = old["properties"][part]["$version"] + 1
        self._store.put("twin", _key(host, device_id), fresh)
        self._announce_desired(host, device_id, twins.device_view(fresh)["desired"])
        self._changed(host, device_id)

    def move_device(self, source: str, target: str, device_id: str) -> None:
        """Take a device with its twin from one hub to another; a device of that id at `target` gives way.

        What becomes of modules and parents is not published: they stay behind, as they name the old hub.
        """
        device, twin = self._stored("device", source, device_id), self._stored("twin", source, device_id)
        identities.renew(device)
        device["cloudToDeviceMessageCount"] = 0
        self._scopes.forget_parent(device)
        with self._store.transaction():
            self.delete_device(source, device_id)
            if self._store.get("device", _key(target, device_id)) is not None:
                self.delete_device(target, device_id)
            self._make_room(target, 3 if identities.is_edge(device) else 1)
            self._put(target, device_id, device, twins.without_configurations(twin))
            self._add_system_modules(target, device)
        self._changed(target, device_id)

    def write_managed(self, host: str, subject: str, twin: Twin, desired: Twin | None) -> None:
        """Keep a twin that a configuration has changed; for `configurations` alone."""
        self._store.put(_kinds(subject)[1], _key(host, subject), twin)
        if desired is not None:
            version = twin["properties"]["desired"]["$version"]
            self._announce_desired(host, subject, {**desired, "$version": version})

    def stored_twin(self, host: str, subject: str) -> Twin | None:
        """The twin as it is kept; for `configurations` alone."""
        return self._store.get(_kinds(subject)[1], _key(host, subject))

    # states

    def set_connection_state(self, host: str, subject: str, connected: bool) -> None:
        """Note that a device or module came or went; unknown ones (deleted while connected) are let be."""
        key = _key(host, subject)
        if connected:
            self._connected[key] = self.clock.text()
            return
        self._connected.pop(key, None)
        kind = _kinds(subject)[0]
        identity = self._store.get(kind, key)
        if identity is not None:
            identity["lastActivityTime"] = identity["connectionStateUpdatedTime"] = self.clock.text()
            self._store.put(kind, key, identity)

    def set_message_count(self, host: str, device_id: str, count: int) -> None:
        """How many cloud-to-device messages wait."""
        device = self._store.get("device", _key(host, device_id))
        if device is not None:
            device["cloudToDeviceMessageCount"] = count
            self._store.put("device", _key(host, device_id), device)

    def _change_twin(
        self,
        change: Callable[[Twin, Twin, str], Twin | None],
        host: str,
        subject: str,
        body: Twin,
        if_match: str | None,
    ) -> Twin:
        kind = _kinds(subject)[1]
        twin = self._stored(kind, host, subject)
        check_etag(twin["etag"], if_match)
        desired = change(twin, body, self.clock.text())
        self._store.put(kind, _key(host, subject), twin)
        if desired is not None:
            version = twin["properties"]["desired"]["$version"]
            self._announce_desired(host, subject, {**desired, "$version": version})
        self._changed(host, subject)
        return self.get_twin(host, subject)

    def _add_system_modules(self, host: str, device: Device) -> None:
        """The Edge runtime's modules; they cannot connect until the runtime gives them keys."""
        if not identities.is_edge(device):
            return
        body = {"managedBy": "IotEdge", "authentication": {"type": "none"}}
        for module_id in identities.SYSTEM_MODULES:
            module = identities.new_module(device["deviceId"], module_id, body)
            twin = {**twins.new_twin(device["deviceId"], None, self.clock.text()), "moduleId": module_id}
            self._put(host, f"{device['deviceId']}/{module_id}", module, twin)

    def _put(self, host: str, subject: str, identity: Identity, twin: Twin) -> None:
        kind, twin_kind = _kinds(subject)
        self._store.put(kind, _key(host, subject), identity)
        self._store.put(twin_kind, _key(host, subject), twin)
        if host.lower() in self._counts:
            self._counts[host.lower()] += 1

    def _remove(self, host: str, subject: str) -> None:
        for kind in (*_kinds(subject), "session"):
            self._store.delete(kind, _key(host, subject))
        if host.lower() in self._counts:
            self._counts[host.lower()] -= 1
        self._announce_removed(host, subject)

    def _make_room(self, host: str, wanted: int) -> None:
        most = quotas(self.hub(host)).identities
        key = host.lower()
        if most == UNLIMITED:
            return
        if key not in self._counts:
            lists = (self._store.list(kind, _key(host, "")) for kind in ("device", "module"))
            self._counts[key] = sum(len(it) for it in lists)
        if self._counts[key] + wanted > most:
            text = f"Hub {host} holds at most {most} devices and modules."
            raise HubError(413, "TooManyDevices", text)

    def _stored(self, kind: str, host: str, subject: str) -> dict[str, Any]:
        document = self._store.get(kind, _key(host, subject))
        if document is not None:
            return document
        device_id, _, module_id = subject.partition("/")
        if module_id and self._store.get("device", _key(host, device_id)) is not None:
            text = f"There is no module '{module_id}' on device '{device_id}' in hub {host}."
            raise HubError(404, "ModuleNotFound", text)
        raise HubError(404, "DeviceNotFound", f"There is no device '{device_id}' in hub {host}.")

    def _owner(self, host: str, subject: str, identity: Identity) -> Device:
        """The device that an identity is or belongs to."""
        return self._stored("device", host, subject.partition("/")[0]) if "/" in subject else identity

    def _with_state(self, host: str, subject: str, identity: Identity) -> Identity:
        since = self._connected.get(_key(host, subject))
        if since is not None:
            identity["connectionState"] = "Connected"
            identity["connectionStateUpdatedTime"] = identity["lastActivityTime"] = since
        return identity

    def _changed(self, host: str, subject: str) -> None:
        self.configurations.twin_changed(host, subject)

    def _announce_desired(self, host: str, subject: str, desired: Twin) -> None:
        patch = dict(desired)
        version = patch.pop("$version")
        for listener in self.on_desired:
            listener(host, subject, patch, version)

    def _announce_removed(self, host: str, subject: str) -> None:
        for listener in self.on_removed:
            listener(host, subject)


def _key(host: str, subject: str) -> str:
    return f"{host.lower()}/{subject}"


def _kinds(subject: str) -> tuple[str, str]:
    return ("module", "module-twin") if "/" in subject else ("device", "twin")
