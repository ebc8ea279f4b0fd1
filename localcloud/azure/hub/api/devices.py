"""What devices and gateways call themselves, over HTTPS, with their own credentials.

"Device" in the REST reference (learn.microsoft.com/rest/api/iothub/device): sending, receiving and settling
messages. The scope listing is what the IoT Edge hub reads its children from (Azure/iotedge,
DeviceScopeApiClient; api-version 2018-08-30-preview): the devices below the gateway and their modules, with
what they authenticate with.
"""

from typing import Any

from localcloud.azure.hub.api.entry import Entry, whole_number
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.identities import EDGE_HUB, Identity
from localcloud.azure.hub.messages import Message
from localcloud.azure.hub.meter import Meter
from localcloud.azure.hub.registry import HubRegistry
from localcloud.calls import Answer, Call, route
from localcloud.counters import Counters

LARGEST_EVENT_BYTES = 256 * 1024
MOST_IN_SCOPE = 1000
_SYSTEM = {
    "messageId": "iothub-messageid",
    "correlationId": "iothub-correlationid",
    "userId": "iothub-userid",
    "expiryTimeUtc": "iothub-expiry",
    "ack": "iothub-ack",
    "contentType": "iothub-contenttype",
    "contentEncoding": "iothub-contentencoding",
}


class DeviceRoutes:
    """The operations of devices."""

    def __init__(self, hubs: HubRegistry, meter: Meter, counters: Counters) -> None:
        self._hubs = hubs
        self._meter = meter
        self._counters = counters

    def entries(self) -> list[Entry]:
        """The operations."""
        bound, right = "/devices/{device}/messages/devicebound", "DeviceConnect"
        scope = "/devices/{device}/modules/{module}/devicesAndModulesInDeviceScope"
        return [
            Entry(route("POST", "/devices/{device}/messages/events", self._event), right, "device"),
            Entry(route("GET", bound, self._receive), right, "device"),
            Entry(route("DELETE", f"{bound}/{{lock}}", self._complete), right, "device"),
            Entry(route("POST", f"{bound}/{{lock}}/abandon", self._abandon), right, "device"),
            Entry(route("GET", scope, self._scope), right, "module"),
        ]

    def _event(self, call: Call, device: str) -> Answer:
        if len(call.raw) > LARGEST_EVENT_BYTES:
            text = f"{len(call.raw)} bytes; at most {LARGEST_EVENT_BYTES} are allowed"
            raise HubError(413, "MessageTooLarge", text)
        if not self._meter.take(call.host, len(call.raw)):
            raise HubError(403, "IotHubQuotaExceeded", "The hub's daily quota of messages is used up.")
        self._counters.add(f"{call.host}/telemetry/{device}")
        return Answer(204)

    def _receive(self, call: Call, device: str) -> Answer:
        message = self._hubs.messages.receive(call.host, device)
        return Answer(204) if message is None else Answer(200, message.body, _headers(device, message))

    def _complete(self, call: Call, device: str, lock: str) -> Answer:
        """`reject` in the query, with any value or none, rejects it."""
        how = "reject" if "reject" in call.query else "complete"
        self._hubs.messages.settle(call.host, device, lock, how)
        return Answer(204)

    def _abandon(self, call: Call, device: str, lock: str) -> Answer:
        self._hubs.messages.settle(call.host, device, lock, "abandon")
        return Answer(204)

    def _scope(self, call: Call, device: str, module: str) -> Answer:
        """All that a gateway may connect, in pages of `deviceCount` devices by id."""
        if module != EDGE_HUB:
            raise HubError(401, "IotHubUnauthorizedAccess", f"Only {EDGE_HUB} may list what is in scope.")
        count, after = (
            whole_number(call, "deviceCount", MOST_IN_SCOPE),
            call.query.get("continuationToken", ""),
        )
        below = [it for it in self._below(call.host, device) if it["deviceId"] > after]
        page = below[:count]
        modules = [it for one in page for it in self._hubs.list_modules(call.host, one["deviceId"])]
        body: dict[str, Any] = {"devices": page, "modules": modules, "continuationLink": None}
        if len(below) > count:
            body["continuationLink"] = _link(call, device, count, page[-1]["deviceId"])
        return Answer(body=body)

    def _below(self, host: str, device_id: str) -> list[Identity]:
        """The gateway itself, its children, and their children, by id."""
        found = {device_id: self._hubs.get_device(host, device_id)}
        todo = [device_id]
        while todo:
            for child in self._hubs.children(host, todo.pop()):
                if child["deviceId"] not in found:
                    found[child["deviceId"]] = child
                    todo.append(child["deviceId"])
        return [found[it] for it in sorted(found)]


def _link(call: Call, device: str, count: int, after: str) -> str:
    version = call.query.get("api-version", "")
    path = f"/devices/{device}/modules/%24edgeHub/devicesAndModulesInDeviceScope"
    return f"{path}?deviceCount={count}&continuationToken={after}&api-version={version}"


def _headers(device: str, message: Message) -> dict[str, str]:
    """A message's properties as headers; the lock token is its ETag."""
    system = {_SYSTEM[name]: value for name, value in message.system.items() if name in _SYSTEM}
    return {
        **system,
        **{f"iothub-app-{name}": value for name, value in message.properties.items()},
        "iothub-to": f"/devices/{device}/messages/deviceBound",
        "iothub-sequencenumber": str(message.sequence),
        "iothub-deliverycount": str(message.deliveries),
        "ETag": f'"{message.lock}"',
    }
