"""The HTTPS side of the local cloud: one aiohttp application, told apart by the Host header.

    login.microsoftonline.com                  entra
    management.azure.com                       arm
    {name}.azure-devices-provisioning.net      dps.service
    {name}.azure-devices.net                   hub.service
    127.0.0.1, localhost                       /_local/…, for the CLI and tests; no such thing exists in Azure

The log gets one line a request: method, host, path, api-version, status, milliseconds. Query strings and
headers stay out of it, since they may carry secrets.
"""

import json
import logging
import time
import uuid
from collections.abc import Mapping

from aiohttp import web

from localcloud.azure.calls import Answer, Call, NoRouteError, Service, dispatch, route
from localcloud.azure.store import Store

LARGEST_BODY_BYTES = 4 * 1024 * 1024
PEER = "peer certificates"
_LOG = logging.getLogger(__name__)


def make_app(services: Mapping[str, Service]) -> web.Application:
    """The application over services by host, or by zone ("*.azure-devices.net")."""
    app = web.Application(client_max_size=LARGEST_BODY_BYTES)
    app.router.add_route("*", "/{path:.*}", _Front(services).handle)
    return app


class LocalService:
    """What only the local cloud has: GET /_local/counters, the counted refusals and messages."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._routes = [route("GET", "/_local/counters", self._counters)]

    def answer(self, call: Call) -> Answer:
        """The response; refusals are answers too."""
        try:
            return dispatch(self._routes, call)
        except NoRouteError as missing:
            return self.fault(missing.status, str(missing))

    def fault(self, status: int, message: str) -> Answer:
        """An error in plain words."""
        return Answer(status, {"message": message})

    def _counters(self, _call: Call) -> Answer:
        """{"{dps}/{reason}" or "{hub host}/{device id}": count}, written once a second by the server."""
        return Answer(body={key: it["count"] for key, it in self._store.list("counter")})


class _Front:
    """Finds the service of a request's host, and turns its answer into a response."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = services
        self._unknown = _NoService()

    async def handle(self, request: web.Request) -> web.Response:
        """Any request."""
        began = time.perf_counter()
        host = request.host.rpartition(":")[0] if request.host.count(":") == 1 else request.host
        service = self._service(host.lower())
        try:
            given = service.answer(_call(request, host.lower(), await request.read()))
            answer = given if isinstance(given, Answer) else await given
        except web.HTTPRequestEntityTooLarge:
            answer = service.fault(413, f"The body is larger than {LARGEST_BODY_BYTES} bytes.")
        except Exception:  # noqa: BLE001 - the boundary: a defect becomes a 500 and a log line, never a dead loop
            _LOG.exception("defect", extra={"fields": {"host": host, "path": request.path}})
            answer = service.fault(500, "The local cloud has a defect here; its log (cloud.log) tells where.")
        _log(request, host, answer, time.perf_counter() - began)
        return _response(answer)

    def _service(self, host: str) -> Service:
        zone = "*." + host.partition(".")[2]
        return self._services.get(host) or self._services.get(zone) or self._unknown


class _NoService:
    """A host that is none of the local cloud's; the shape of the error is ARM's."""

    def answer(self, call: Call) -> Answer:
        """404."""
        return self.fault(404, f"The local cloud serves no host '{call.host}'.")

    def fault(self, status: int, message: str) -> Answer:
        """An error."""
        return Answer(status, {"error": {"code": "HostNotFound", "message": message}})


def _call(request: web.Request, host: str, raw: bytes) -> Call:
    return Call(
        method=request.method,
        host=host,
        path=request.rel_url.raw_path,
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
        raw=raw,
        peer=request.transport.get_extra_info(PEER, ()) if request.transport else (),
    )


def _response(answer: Answer) -> web.Response:
    headers = {**answer.headers, "x-ms-request-id": str(uuid.uuid4())}
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    if isinstance(answer.body, bytes):
        return web.Response(status=answer.status, body=answer.body, headers=headers)
    body = json.dumps(answer.body, ensure_ascii=False).encode()
    return web.Response(status=answer.status, body=body, headers=headers, content_type="application/json")


def _log(request: web.Request, host: str, answer: Answer, seconds: float) -> None:
    fields = {
        "method": request.method,
        "host": host,
        "path": request.path,
        "apiVersion": request.query.get("api-version", "")[:30],
        "status": answer.status,
        "milliseconds": round(seconds * 1000, 1),
    }
    _LOG.info("request", extra={"fields": fields})
