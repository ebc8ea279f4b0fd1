"""The HTTPS side of the local cloud: one aiohttp application, told apart by the Host header.

    login.microsoftonline.com                  entra
    management.azure.com                       arm
    {name}.azure-devices-provisioning.net      dps.service
    {name}.azure-devices.net                   hub.service
    127.0.0.1, localhost                       /_local/…, for the CLI and tests; no such thing exists in Azure

The log gets one line a request: method, host, path, api-version, status, milliseconds. Query strings and
headers stay out of it, since they may carry secrets.
"""

import asyncio
import ipaddress
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from aiohttp import web
from cryptography import x509

from localcloud.azure.calls import Answer, Call, Service
from localcloud.azure.control.faults import Fault
from localcloud.azure.control.switches import Switches
from localcloud.secure import reset

LARGEST_BODY_BYTES = 4 * 1024 * 1024
DEVICE_ZONES = (".azure-devices.net", ".azure-devices-provisioning.net")
WEBSOCKET_PATH = "/$iothub/websocket"
WebSockets = Callable[[web.Request, tuple[x509.Certificate, ...]], Awaitable[web.StreamResponse]]
LOOPBACK_HOSTS = ("127.0.0.1", "localhost")
DROPPED_SECONDS = 120.0
PEER = "peer certificates"
_LOG = logging.getLogger(__name__)


def make_app(
    services: Mapping[str, Service], switches: Switches, websockets: WebSockets | None = None
) -> web.Application:
    """The application over services by host, or by zone ("*.azure-devices.net").

    `websockets` takes upgrades to MQTT, for the hosts of devices.
    """
    app = web.Application(client_max_size=LARGEST_BODY_BYTES)
    if websockets:
        app.router.add_get(WEBSOCKET_PATH, _Upgrades(websockets).handle, allow_head=False)
    app.router.add_route("*", "/{path:.*}", _Front(services, switches).handle)
    return app


class _Front:
    """Finds the service of a request's host, and turns its answer into a response."""

    def __init__(self, services: Mapping[str, Service], switches: Switches) -> None:
        self._services = services
        self._switches = switches
        self._unknown = _NoService()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Any request."""
        began = time.perf_counter()
        host = _host(request)
        service = self._service(host, request)
        try:
            call = _call(request, host, await request.read())
            answer = await (self._disturbed if self._switches.active else _answered)(service, call)
        except web.HTTPRequestEntityTooLarge:
            answer = service.fault(413, f"The body is larger than {LARGEST_BODY_BYTES} bytes.")
        except Lost as lost:
            _log(request, host, 0, time.perf_counter() - began)
            return await _lose(request, lost.action)
        except Exception:  # noqa: BLE001 - the boundary: a defect becomes a 500 and a log line, never a dead loop
            _LOG.exception("defect", extra={"fields": {"host": host, "path": request.path}})
            answer = service.fault(500, "The local cloud has a defect here; its log (cloud.log) tells where.")
        _log(request, host, answer.status, time.perf_counter() - began)
        return _response(answer)

    async def _disturbed(self, service: Service, call: Call) -> Answer:
        """The answer with the faults and limits that are switched on."""
        instead = await self._suffered("request", service, call)
        seconds = 0 if instead else self._switches.call_waits(call)
        if seconds:
            return _with(service.fault(429, "Too many requests: a published limit is reached."), seconds)
        answer = instead or await _answered(service, call)
        return await self._suffered("answer", service, call) or answer

    async def _suffered(self, stage: str, service: Service, call: Call) -> Answer | None:
        """What a fault puts in place of the answer. Raises Lost."""
        fault = self._fault(stage, call)
        if fault is None:
            return None
        if fault.action == "delay":
            await asyncio.sleep(fault.delay_seconds)
            return None
        if fault.action == "status":
            answer = service.fault(fault.status, "A fault that was switched on at /_local/faults.")
            return _with(answer, 1) if fault.status in (429, 503) else answer
        raise Lost(fault.action)

    def _fault(self, stage: str, call: Call) -> Fault | None:
        if call.path.startswith("/_local/"):
            return None
        return self._switches.faults.hit("https", stage, call.host, f"{call.method} {call.path}")

    def _service(self, host: str, request: web.Request) -> Service:
        if host in LOOPBACK_HOSTS and not _is_own(request):
            return self._unknown
        zone = "*." + host.partition(".")[2]
        return self._services.get(host) or self._services.get(zone) or self._unknown


class _Upgrades:
    """Upgrades of hosts that are devices' to MQTT over WebSockets."""

    def __init__(self, websockets: WebSockets) -> None:
        self._websockets = websockets

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Any request to the address."""
        host = _host(request)
        if not host.endswith(DEVICE_ZONES):
            return _response(_NoService().fault(404, f"The local cloud serves no WebSockets at '{host}'."))
        return await self._websockets(request, _peer(request))


class Lost(Exception):  # noqa: N818 - what happens, not a fault of this program
    """The answer is not to be sent; `action` says how it gets lost."""

    def __init__(self, action: str) -> None:
        super().__init__(action)
        self.action = action


class _NoService:
    """A host that is none of the local cloud's; the shape of the error is ARM's."""

    def answer(self, call: Call) -> Answer:
        """404."""
        return self.fault(404, f"The local cloud serves no host '{call.host}'.")

    def fault(self, status: int, message: str) -> Answer:
        """An error."""
        return Answer(status, {"error": {"code": "HostNotFound", "message": message}})


async def _answered(service: Service, call: Call) -> Answer:
    given = service.answer(call)
    return given if isinstance(given, Answer) else await given


async def _lose(request: web.Request, action: str) -> web.StreamResponse:
    """Reset the connection; or, dropped, say nothing for as long as the client listens."""
    transport = request.transport
    left = DROPPED_SECONDS if action == "drop" else 0
    while transport is not None and not transport.is_closing() and left > 0:
        await asyncio.sleep(0.2)
        left -= 0.2
    if transport is not None:
        reset(transport)
    return web.Response()


def _is_own(request: web.Request) -> bool:
    """Whether a request to loopback's own names came from loopback, and not from a page in a browser."""
    address = request.transport.get_extra_info("peername") if request.transport else None
    from_here = address is not None and ipaddress.ip_address(address[0]).is_loopback
    return from_here and "Origin" not in request.headers


def _with(answer: Answer, retry_after_seconds: int) -> Answer:
    return replace(answer, headers={**answer.headers, "Retry-After": str(retry_after_seconds)})


def _call(request: web.Request, host: str, raw: bytes) -> Call:
    return Call(
        method=request.method,
        host=host,
        path=request.rel_url.raw_path,
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
        raw=raw,
        peer=_peer(request),
    )


def _host(request: web.Request) -> str:
    """The Host header without its port, in lower case."""
    given = request.host
    return (given.rpartition(":")[0] if given.count(":") == 1 else given).lower()


def _peer(request: web.Request) -> tuple[x509.Certificate, ...]:
    found: tuple[x509.Certificate, ...] = (
        request.transport.get_extra_info(PEER, ()) if request.transport else ()
    )
    return found


def _response(answer: Answer) -> web.Response:
    headers = {**answer.headers, "x-ms-request-id": str(uuid.uuid4())}
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    if isinstance(answer.body, bytes):
        return web.Response(status=answer.status, body=answer.body, headers=headers)
    body = json.dumps(answer.body, ensure_ascii=False).encode()
    return web.Response(status=answer.status, body=body, headers=headers, content_type="application/json")


def _log(request: web.Request, host: str, status: int, seconds: float) -> None:
    fields = {
        "method": request.method,
        "host": host,
        "path": request.path,
        "apiVersion": request.query.get("api-version", "")[:30],
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
    }
    _LOG.info("request", extra={"fields": fields})
