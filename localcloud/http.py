"""The HTTPS side of the local cloud: one aiohttp application, told apart by the Host header.

    login.microsoftonline.com                  entra
    management.azure.com                       arm
    global.azure-devices-provisioning.net      dps.device_https
    {name}.azure-devices-provisioning.net      dps.service
    {name}.azure-devices.net                   hub.service
    {name}.azurewebsites.net                   functions
    {account}.blob.core.windows.net            blobs
    *.amazonaws.com                            aws.cloud
    127.0.0.1, localhost                       control.service; no such thing exists in a cloud

The log gets one line a request: method, host, path, api-version, status, milliseconds. Query strings and
headers stay out of it, since they may carry secrets.
"""

import asyncio
import ipaddress
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable

from aiohttp import web
from cryptography import x509

from localcloud.calls import Answer, Call, Service
from localcloud.routing import LOOPBACK_HOSTS, Lost, NoService, Routing
from localcloud.secure import reset

LARGEST_BODY_BYTES = 4 * 1024 * 1024
LARGEST_BLOB_BYTES = 128 * 1024 * 1024
BLOB_ZONES = (".blob.core.windows.net", ".amazonaws.com")
DEVICE_ZONES = (".azure-devices.net", ".azure-devices-provisioning.net")
WEBSOCKET_PATH = "/$iothub/websocket"
WebSockets = Callable[[web.Request, tuple[x509.Certificate, ...]], Awaitable[web.StreamResponse]]
DROPPED_SECONDS = 120.0
PEER = "peer certificates"
_LOG = logging.getLogger(__name__)


def make_app(routing: Routing, websockets: WebSockets | None = None) -> web.Application:
    """The application over all services; `websockets` takes upgrades to MQTT, for the hosts of devices."""
    app = web.Application()
    if websockets:
        app.router.add_get(WEBSOCKET_PATH, _Upgrades(websockets).handle, allow_head=False)
    app.router.add_route("*", "/{path:.*}", _Front(routing).handle)
    return app


class _Front:
    """Finds the service of a request's host, and turns its answer into a response."""

    def __init__(self, routing: Routing) -> None:
        self._routing = routing

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Any request."""
        began = time.perf_counter()
        host = _host(request)
        service = self._service(host, request)
        try:
            call = _call(request, host, await _body(request, host))
            answer = await self._routing.ask(service, call)
        except BodyTooLargeError as large:
            answer = service.fault(413, str(large))
        except Lost as lost:
            _log(request, host, 0, time.perf_counter() - began)
            return await _lose(request, lost.action)
        except Exception:  # noqa: BLE001 - the boundary: a defect becomes a 500 and a log line, never a dead loop
            _LOG.exception("defect", extra={"fields": {"host": host, "path": request.path}})
            answer = service.fault(500, "The local cloud has a defect here; its log (cloud.log) tells where.")
        _log(request, host, answer.status, time.perf_counter() - began)
        return _response(answer)

    def _service(self, host: str, request: web.Request) -> Service:
        return NoService() if host in LOOPBACK_HOSTS and not _is_own(request) else self._routing.service(host)


class BodyTooLargeError(Exception):
    """The body is larger than the host takes."""


class _Upgrades:
    """Upgrades of hosts that are devices' to MQTT over WebSockets."""

    def __init__(self, websockets: WebSockets) -> None:
        self._websockets = websockets

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Any request to the address."""
        host = _host(request)
        if not host.endswith(DEVICE_ZONES):
            return _response(NoService().fault(404, f"The local cloud serves no WebSockets at '{host}'."))
        return await self._websockets(request, _peer(request))


async def _body(request: web.Request, host: str) -> bytes:
    """The whole body. Raises BodyTooLargeError."""
    limit = LARGEST_BLOB_BYTES if host.endswith(BLOB_ZONES) else LARGEST_BODY_BYTES
    parts: list[bytes] = []
    size = 0
    async for part in request.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > limit:
            raise BodyTooLargeError(f"The body is larger than {limit} bytes.")
    return b"".join(parts)


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


def _call(request: web.Request, host: str, raw: bytes) -> Call:
    return Call(
        method=request.method,
        host=host,
        path=request.rel_url.raw_path,
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
        raw=raw,
        peer=_peer(request),
        raw_query=request.raw_path.partition("?")[2],
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
    headers = dict(answer.headers)
    if "x-amzn-requestid" not in headers:
        headers["x-ms-request-id"] = str(uuid.uuid4())
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    if isinstance(answer.body, bytes):
        return web.Response(status=answer.status, body=answer.body, headers=headers)
    body = json.dumps(answer.body, ensure_ascii=False).encode()
    headers.setdefault("content-type", "application/json")
    return web.Response(status=answer.status, body=body, headers=headers)


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
