"""IoT Hub over HTTPS ({hub}.azure-devices.net): the service API 2021-04-12, and what devices call.

The operations are in `api`. Published as azure-iot-hub 2.7.0 and learn.microsoft.com/rest/api/iothub. Not
served: jobs, digital twins, import and export.
"""

import uuid
from collections.abc import Awaitable
from urllib.parse import unquote

from cryptography import x509

from localcloud.azure.directory import Directory
from localcloud.azure.entra import HUB
from localcloud.azure.gate import Gate, UnauthorizedError, read_signature
from localcloud.azure.hub.admission import NotAdmitted
from localcloud.azure.hub.api.configurations import ConfigurationRoutes
from localcloud.azure.hub.api.devices import DeviceRoutes
from localcloud.azure.hub.api.entry import Caller, Entry, Reply
from localcloud.azure.hub.api.files import FileRoutes
from localcloud.azure.hub.api.identities import Identities
from localcloud.azure.hub.api.messages import MessageRoutes
from localcloud.azure.hub.api.twins import Twins
from localcloud.azure.hub.device import HubDevices
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.registry import HubRegistry
from localcloud.azure.pages import BadPageError
from localcloud.azure.versions import version_fault
from localcloud.calls import Answer, BadBodyError, Call, NoRouteError, dispatch

API_VERSION = "2021-04-12"
_CODES = {
    404: "NotFound",
    405: "MethodNotAllowed",
    413: "RequestEntityTooLarge",
    429: "ThrottlingException",
    500: "ServerError",
    503: "ServiceUnavailable",
}


class Presented:
    """The TLS client of an HTTPS call, as admission asks about it."""

    def __init__(self, certificates: tuple[x509.Certificate, ...]) -> None:
        self._certificates = certificates

    def leaf(self) -> x509.Certificate | None:
        """The client certificate."""
        return self._certificates[0] if self._certificates else None

    def chain(self) -> tuple[x509.Certificate, ...]:
        """Leaf first."""
        return self._certificates

    def server_name(self) -> str:
        """Nobody asks: the Host header has told it."""
        return ""


class HubService:
    """Answers for all hubs. Without `devices` nobody can call as a device."""

    def __init__(
        self, directory: Directory, hubs: HubRegistry, gate: Gate, devices: HubDevices | None = None
    ) -> None:
        self._directory = directory
        self._clock = hubs.clock
        self._gate = gate
        self._devices = devices
        self._entries: list[Entry] = [
            *Twins(hubs).entries(),
            *ConfigurationRoutes(hubs).entries(),
            *MessageRoutes(hubs).entries(),
            *Identities(hubs, is_device_call).entries(),
        ]
        if devices is not None:
            self._entries += DeviceRoutes(hubs, devices.meter, devices.counters).entries()
            self._entries += FileRoutes(hubs, devices.store).entries()
        self._routes = [it.route for it in self._entries]

    def answer(self, call: Call) -> Reply:
        """The response, or what to wait for; refusals are answers too."""
        try:
            self._admit(call)
            reply = dispatch(self._routes, call)
            return reply if isinstance(reply, Answer) else self._later(reply)
        except HubError as refused:
            return self._refused(refused)
        except UnauthorizedError as refused:
            return self._refused(HubError(401, "IotHubUnauthorizedAccess", f"Unauthorized: {refused}."))
        except (BadBodyError, BadPageError) as bad:
            return self._refused(HubError(400, "ArgumentInvalid", str(bad)))
        except NoRouteError as missing:
            return self.fault(missing.status, str(missing))

    def fault(self, status: int, message: str) -> Answer:
        """An error outside the API."""
        return self._refused(HubError(status, _CODES.get(status, "ArgumentInvalid"), message))

    async def _later(self, reply: Awaitable[Answer]) -> Answer:
        try:
            return await reply
        except HubError as refused:
            return self._refused(refused)
        except (BadBodyError, BadPageError) as bad:
            return self._refused(HubError(400, "ArgumentInvalid", str(bad)))

    def _admit(self, call: Call) -> None:
        hub = self._directory.hub_by_host(call.host)
        if hub is None:
            raise HubError(404, "IotHubNotFound", f"There is no IoT hub {call.host}.")
        entry = self._entry(call)
        caller: Caller = entry.caller if entry else "service"
        if caller in ("device", "module") or (caller == "both" and is_device_call(call)):
            self._admit_device(call, entry, caller)
        else:
            self._gate.admit(call, HUB, hub, entry.right if entry else "ServiceConnect")
        fault = version_fault(call.query.get("api-version"), API_VERSION)
        if fault:
            raise HubError(400, "InvalidProtocolVersion", fault)

    def _admit_device(self, call: Call, entry: Entry | None, caller: Caller) -> None:
        """As the device, or its module, that the path names."""
        found = entry.route.pattern.fullmatch(call.path) if entry else None
        if self._devices is None or found is None:
            raise UnauthorizedError("no device may call here")
        names = {key: unquote(it) for key, it in found.groupdict().items()}
        subject = f"{names['device']}/{names['module']}" if caller == "module" else names["device"]
        try:
            token, peer = call.header("authorization") or "", Presented(call.peer)
            self._devices.admission.admit(call.host, subject, token, peer)
        except NotAdmitted as refused:
            self._devices.refuse(call.host, subject, refused.reason)
            raise UnauthorizedError(refused.reason) from refused

    def _entry(self, call: Call) -> Entry | None:
        for it in self._entries:
            if it.route.method == call.method and it.route.pattern.fullmatch(call.path):
                return it
        return None

    def _refused(self, refused: HubError) -> Answer:
        body = {
            "Message": f"ErrorCode:{refused.code};{refused.message}",
            "ExceptionMessage": f"Tracking ID:{uuid.uuid4().hex}-TimeStamp:{self._clock.text()}",
        }
        return Answer(refused.status, body, {"iothub-errorcode": refused.code})


def is_device_call(call: Call) -> bool:
    """Whether a device calls: with a token that names no policy, or with nothing but its certificate."""
    header = call.header("authorization")
    if not header:
        return bool(call.peer)
    if not header.lower().startswith("sharedaccesssignature "):
        return False
    try:
        return not read_signature(header).policy
    except UnauthorizedError:
        return False
