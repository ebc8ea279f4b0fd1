"""Devices and modules: one by one, in bulk, and how many there are."""

from collections.abc import Callable
from typing import Any

from localcloud.azure.hub.api.bodies import DEVICE, IMPORTED, MODULE
from localcloud.azure.hub.api.entry import Entry, checked, required_match, whole_number, with_etag
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.identities import SYSTEM_MODULES
from localcloud.azure.hub.registry import HubRegistry
from localcloud.calls import Answer, Call, route

MOST_DEVICES = 1000
MOST_IN_BULK = 100


class Identities:
    """`by_device(call)` tells whether a device calls, by its own credential."""

    def __init__(self, hubs: HubRegistry, by_device: Callable[[Call], bool]) -> None:
        self._hubs = hubs
        self._by_device = by_device

    def entries(self) -> list[Entry]:
        """The operations."""
        device, module = "/devices/{device}", "/devices/{device}/modules/{module}"
        return [
            Entry(route("GET", "/devices", self._list_devices), "RegistryRead"),
            Entry(route("POST", "/devices", self._bulk), "RegistryWrite"),
            Entry(route("GET", device, self._get_device), "RegistryRead"),
            Entry(route("PUT", device, self._put_device), "RegistryWrite"),
            Entry(route("DELETE", device, self._delete_device), "RegistryWrite"),
            Entry(route("GET", "/devices/{device}/modules", self._list_modules), "RegistryRead", "both"),
            Entry(route("GET", module, self._get_module), "RegistryRead", "both"),
            Entry(route("PUT", module, self._put_module), "RegistryWrite", "both"),
            Entry(route("DELETE", module, self._delete_module), "RegistryWrite", "both"),
            Entry(route("GET", "/statistics/devices", self._device_statistics), "RegistryRead"),
            Entry(route("GET", "/statistics/service", self._service_statistics), "RegistryRead"),
        ]

    def _list_devices(self, call: Call) -> Answer:
        return Answer(body=self._hubs.list_devices(call.host, whole_number(call, "top", MOST_DEVICES)))

    def _get_device(self, call: Call, device: str) -> Answer:
        return with_etag(self._hubs.get_device(call.host, device))

    def _put_device(self, call: Call, device: str) -> Answer:
        """Without If-Match it creates, with it it updates ("Create or update device identity")."""
        document = call.document()
        body = checked(DEVICE, {"deviceId": device, **document}, deviceId=device)
        if_match = call.header("if-match")
        if if_match is None:
            return with_etag(self._hubs.create_device(call.host, body))
        return with_etag(self._hubs.update_device(call.host, device, body, if_match))

    def _delete_device(self, call: Call, device: str) -> Answer:
        self._hubs.delete_device(call.host, device, required_match(call, "device"))
        return Answer(204)

    def _list_modules(self, call: Call, device: str) -> Answer:
        return Answer(body=self._hubs.list_modules(call.host, device))

    def _get_module(self, call: Call, device: str, module: str) -> Answer:
        return with_etag(self._hubs.get_module(call.host, device, module))

    def _put_module(self, call: Call, device: str, module: str) -> Answer:
        self._spare_system_modules(call, module)
        document = {"moduleId": module, **call.document()}
        body = checked(MODULE, document, deviceId=device, moduleId=module)
        if_match = call.header("if-match")
        if if_match is None:
            return with_etag(self._hubs.create_module(call.host, device, module, body))
        return with_etag(self._hubs.update_module(call.host, device, module, body, if_match))

    def _delete_module(self, call: Call, device: str, module: str) -> Answer:
        self._spare_system_modules(call, module)
        self._hubs.delete_module(call.host, device, module, required_match(call, "module"))
        return Answer(204)

    def _spare_system_modules(self, call: Call, module: str) -> None:
        """$edgeAgent and $edgeHub are the hub's and the device's runtime's, no service's."""
        if module in SYSTEM_MODULES and not self._by_device(call):
            text = f"{module} may be changed by its own IoT Edge device only."
            raise HubError(401, "SystemModuleModifyUnauthorizedAccess", text)

    def _device_statistics(self, call: Call) -> Answer:
        states = [it["status"] for it in self._hubs.list_devices(call.host)]
        enabled = states.count("enabled")
        counts = {"totalDeviceCount": len(states), "enabledDeviceCount": enabled}
        return Answer(body={**counts, "disabledDeviceCount": len(states) - enabled})

    def _service_statistics(self, call: Call) -> Answer:
        states = [it["connectionState"] for it in self._hubs.list_devices(call.host)]
        return Answer(body={"connectedDeviceCount": states.count("Connected")})

    def _bulk(self, call: Call) -> Answer:
        """At most 100, each identity once; what is refused is named, the rest is done.

        azure-iot-hub reads a BulkRegistryOperationResult from 200 and from 400: 400 is for partial failure.
        """
        given = call.json()
        if not isinstance(given, list) or not 1 <= len(given) <= MOST_IN_BULK:
            text = f"The body must be a list of 1 to {MOST_IN_BULK} devices."
            raise HubError(400, "ArgumentInvalid", text)
        _check_once(given)
        errors = [error for it in given if (error := self._imported(call.host, it)) is not None]
        body = {"isSuccessful": not errors, "errors": errors, "warnings": []}
        return Answer(400 if errors else 200, body)

    def _imported(self, host: str, item: object) -> dict[str, Any] | None:
        named = item if isinstance(item, dict) else {}
        mode = str(named.get("importMode") or "create")
        try:
            self._import(host, mode, checked(IMPORTED, item))
        except HubError as refused:
            return {
                "deviceId": str(named.get("id", "")),
                "moduleId": str(named.get("moduleId") or ""),
                "errorCode": refused.code,
                "errorStatus": refused.message,
                "operation": mode,
            }
        return None

    def _import(self, host: str, mode: str, item: dict[str, Any]) -> None:
        device_id, module_id = item["id"], item.get("moduleId") or ""
        subject = f"{device_id}/{module_id}" if module_id else device_id
        if module_id in SYSTEM_MODULES and not mode.startswith("updateTwin"):
            text = f"{module_id} may be changed by its own IoT Edge device only."
            raise HubError(401, "SystemModuleModifyUnauthorizedAccess", text)
        twin: dict[str, Any] = {name: item[name] for name in ("tags", "properties") if name in item}
        if mode == "create":
            self._import_new(host, device_id, module_id, item, twin)
        elif mode.startswith("updateTwin"):
            match = _etag(item, "twinETag") if mode.endswith("ETag") else None
            self._hubs.patch_twin(host, subject, twin, match)
        elif mode.startswith("update"):
            match = _etag(item, "eTag") if mode.endswith("ETag") else None
            if module_id:
                self._hubs.update_module(host, device_id, module_id, item, match)
            else:
                self._hubs.update_device(host, device_id, item, match)
        else:
            match = _etag(item, "eTag") if mode.endswith("ETag") else None
            if module_id:
                self._hubs.delete_module(host, device_id, module_id, match)
            else:
                self._hubs.delete_device(host, device_id, match)

    def _import_new(
        self, host: str, device_id: str, module_id: str, item: dict[str, Any], twin: dict[str, Any]
    ) -> None:
        if not module_id:
            self._hubs.create_device(host, {**item, "deviceId": device_id}, twin)
            return
        self._hubs.create_module(host, device_id, module_id, item)
        if twin:
            self._hubs.patch_twin(host, f"{device_id}/{module_id}", twin)


def _etag(item: dict[str, Any], name: str) -> str:
    if not item.get(name):
        raise HubError(400, "ArgumentInvalid", f"{name}: is required with importMode {item['importMode']}")
    return str(item[name])


def _check_once(given: list[Any]) -> None:
    names = [(it.get("id"), it.get("moduleId") or "") for it in given if isinstance(it, dict)]
    twice = sorted({str(it[0]) for it in names if names.count(it) > 1})
    if twice:
        text = f"Each identity may be in the list once; more than once are {', '.join(twice)[:500]}."
        raise HubError(400, "DeviceDefinedMultipleTimes", text)
