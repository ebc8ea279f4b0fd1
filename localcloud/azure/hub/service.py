"""IoT Hub service API 2021-04-12: device identities, twins, queries, statistics ({hub}.azure-devices.net).

Published in Azure/azure-rest-api-specs, iothub data plane. Not served: modules, configurations, jobs,
direct methods, cloud-to-device messages, digital twins, bulk import.
"""

import re
import uuid
from typing import Any

from localcloud.azure.calls import Answer, BadBodyError, Call, NoRouteError, dispatch, route
from localcloud.azure.directory import Directory
from localcloud.azure.entra import HUB
from localcloud.azure.gate import Gate, UnauthorizedError
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.registry import HubRegistry
from localcloud.azure.hub.twins import now_text
from localcloud.azure.pages import BadPageError, page
from localcloud.azure.shapes import Choice, Fault, Member, Scalar, Shape
from localcloud.azure.versions import version_fault

API_VERSION = "2021-04-12"
MOST_DEVICES = 1000
_EVERY_DEVICE = re.compile(r"\s*select\s+\*\s+from\s+devices\s*;?\s*", re.IGNORECASE)
_TEXT = Scalar("str")
_READ_ONLY = (
    "generationId",
    "etag",
    "connectionState",
    "connectionStateUpdatedTime",
    "statusUpdatedTime",
    "lastActivityTime",
    "cloudToDeviceMessageCount",
    "deviceScope",
    "parentScopes",
)


def _texts(name: str, *keys: str) -> Shape:
    return Shape(name, {key: Member(_TEXT) for key in keys})


_DEVICE = Shape(
    "Device",
    {
        "deviceId": Member(_TEXT, required=True),
        "status": Member(Choice(("enabled", "disabled"))),
        "statusReason": Member(_TEXT, limits={"max_length": 128}),
        "authentication": Member(
            Shape(
                "AuthenticationMechanism",
                {
                    "type": Member(Choice(("sas", "selfSigned", "certificateAuthority", "none"))),
                    "symmetricKey": Member(_texts("SymmetricKey", "primaryKey", "secondaryKey")),
                    "x509Thumbprint": Member(
                        _texts("X509Thumbprint", "primaryThumbprint", "secondaryThumbprint")
                    ),
                },
            )
        ),
        "capabilities": Member(Shape("DeviceCapabilities", {"iotEdge": Member(Scalar("bool"))})),
        **{key: Member(Scalar("any"), read_only=True) for key in _READ_ONLY},
    },
)


class HubService:
    """The service API of every hub, told apart by host."""

    def __init__(self, directory: Directory, hubs: HubRegistry, gate: Gate) -> None:
        self._directory = directory
        self._hubs = hubs
        self._gate = gate
        device, twin = "/devices/{device}", "/twins/{device}"
        self._routes = [
            (route("GET", "/devices", self._list_devices), "RegistryRead"),
            (route("POST", "/devices/query", self._query), "RegistryRead"),
            (route("GET", device, self._get_device), "RegistryRead"),
            (route("PUT", device, self._put_device), "RegistryWrite"),
            (route("DELETE", device, self._delete_device), "RegistryWrite"),
            (route("GET", twin, self._get_twin), "ServiceConnect"),
            (route("PATCH", twin, self._patch_twin), "ServiceConnect"),
            (route("PUT", twin, self._replace_twin), "ServiceConnect"),
            (route("GET", "/statistics/devices", self._device_statistics), "RegistryRead"),
            (route("GET", "/statistics/service", self._service_statistics), "RegistryRead"),
        ]

    def answer(self, call: Call) -> Answer:
        """The response; refusals are answers too."""
        try:
            self._admit(call)
            return dispatch([it for it, _ in self._routes], call)
        except HubError as refused:
            return _refused(refused)
        except UnauthorizedError as refused:
            return _refused(HubError(401, "IotHubUnauthorizedAccess", f"Unauthorized: {refused}."))
        except (BadBodyError, BadPageError) as bad:
            return _refused(HubError(400, "ArgumentInvalid", str(bad)))
        except NoRouteError as missing:
            return self.fault(missing.status, str(missing))

    def fault(self, status: int, message: str) -> Answer:
        """An error outside the API."""
        codes = {404: "NotFound", 405: "MethodNotAllowed", 413: "RequestEntityTooLarge", 500: "ServerError"}
        return _refused(HubError(status, codes.get(status, "ArgumentInvalid"), message))

    def _admit(self, call: Call) -> None:
        hub = self._directory.hub_by_host(call.host)
        if hub is None:
            raise HubError(404, "IotHubNotFound", f"There is no IoT hub {call.host}.")
        self._gate.admit(call, HUB, hub, self._right(call))
        fault = version_fault(call.query.get("api-version"), API_VERSION)
        if fault:
            raise HubError(400, "InvalidProtocolVersion", fault)

    def _right(self, call: Call) -> str:
        for it, right in self._routes:
            if it.method == call.method and it.pattern.fullmatch(call.path):
                return right
        return "ServiceConnect"

    def _list_devices(self, call: Call) -> Answer:
        text = call.query.get("top", str(MOST_DEVICES))
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_DEVICES):
            raise HubError(400, "ArgumentInvalid", f"top must be 1 to {MOST_DEVICES}, not '{text[:20]}'")
        return Answer(body=self._hubs.list_devices(call.host, int(text)))

    def _get_device(self, call: Call, device: str) -> Answer:
        return _with_etag(self._hubs.get_device(call.host, device))

    def _put_device(self, call: Call, device: str) -> Answer:
        """Without If-Match it creates, with it it updates ("Create or update device identity")."""
        body = _checked(device, call.document())
        if_match = call.header("if-match")
        if if_match is None:
            return _with_etag(self._hubs.create_device(call.host, body))
        return _with_etag(self._hubs.update_device(call.host, device, body, if_match))

    def _delete_device(self, call: Call, device: str) -> Answer:
        if_match = call.header("if-match")
        if if_match is None:
            raise HubError(
                412, "PreconditionFailed", "If-Match is required to delete a device; * fits any etag."
            )
        self._hubs.delete_device(call.host, device, if_match)
        return Answer(204)

    def _get_twin(self, call: Call, device: str) -> Answer:
        return _with_etag(self._hubs.get_twin(call.host, device))

    def _patch_twin(self, call: Call, device: str) -> Answer:
        twin = self._hubs.patch_twin(call.host, device, call.document(), call.header("if-match"))
        return _with_etag(twin)

    def _replace_twin(self, call: Call, device: str) -> Answer:
        twin = self._hubs.replace_twin(call.host, device, call.document(), call.header("if-match"))
        return _with_etag(twin)

    def _query(self, call: Call) -> Answer:
        query = call.document().get("query")
        if not isinstance(query, str) or not _EVERY_DEVICE.fullmatch(query):
            served = "SELECT * FROM devices"
            message = f"query: the local cloud serves '{served}' only, not {str(query)[:200]!r}."
            raise HubError(400, "ArgumentInvalid", message)
        devices = page(call, self._hubs.list_devices(call.host), "deviceId", "Twin")
        twins = [self._hubs.get_twin(call.host, it["deviceId"]) for it in devices.body]
        return Answer(body=twins, headers=devices.headers)

    def _device_statistics(self, call: Call) -> Answer:
        states = [it["status"] for it in self._hubs.list_devices(call.host)]
        enabled = states.count("enabled")
        counts = {"totalDeviceCount": len(states), "enabledDeviceCount": enabled}
        return Answer(body={**counts, "disabledDeviceCount": len(states) - enabled})

    def _service_statistics(self, call: Call) -> Answer:
        states = [it["connectionState"] for it in self._hubs.list_devices(call.host)]
        return Answer(body={"connectedDeviceCount": states.count("Connected")})


def _checked(device_id: str, document: dict[str, Any]) -> dict[str, Any]:
    faults: list[Fault] = []
    body = _DEVICE.check(document, "", faults)
    if str(body.get("deviceId", device_id)) != device_id:
        faults.append(Fault("deviceId", f"'{body['deviceId']}' differs from '{device_id}' in the address"))
    if faults:
        raise HubError(400, "ArgumentInvalid", "; ".join(map(str, faults)))
    return dict(body)


def _with_etag(document: dict[str, Any]) -> Answer:
    return Answer(body=document, headers={"ETag": f'"{document["etag"]}"'})


def _refused(refused: HubError) -> Answer:
    body = {
        "Message": f"ErrorCode:{refused.code};{refused.message}",
        "ExceptionMessage": f"Tracking ID:{uuid.uuid4().hex}-TimeStamp:{now_text()}",
    }
    return Answer(refused.status, body, {"iothub-errorcode": refused.code})
