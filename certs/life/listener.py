"""The OCSP responder over HTTP (RFC 6960 appendix A.1): POST and GET, on this machine alone.

It speaks plain HTTP, as OCSP does (answers are signed), with one client at a time. Put a web server before
it, which takes TLS, many clients and the outside.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import unquote

from certs.errors import CertsError
from certs.life.ocsp import MAX_REQUEST_BYTES, Responder

REQUEST_TYPE, RESPONSE_TYPE = "application/ocsp-request", "application/ocsp-response"
CLIENT_SECONDS = 5
"""So long may one client take: a slow one keeps the others waiting."""

_WAKE_SECONDS = 0.25


class ListenError(CertsError):
    """It cannot listen there."""


def serve(
    responder: Responder,
    host: str,
    port: int,
    stopped: Callable[[], bool],
    ready: Callable[[int], None],
) -> None:
    """Answer until `stopped`, which is asked four times a second; `ready` gets the port.

    Raises ListenError when the address is not a loopback one, or taken.
    """
    _refuse_outside(host)
    try:
        server = HTTPServer((host, port), _handler(responder))
    except OSError as error:
        raise ListenError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    with server:
        server.timeout = _WAKE_SECONDS
        ready(server.server_address[1])
        while not stopped():
            server.handle_request()


def _refuse_outside(host: str) -> None:
    try:
        inside = ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        inside = host == "localhost"
    if not inside:
        raise ListenError(
            f"{host!r} is not on this machine alone: listen on 127.0.0.1, and let a web server pass calls on"
        )


def _handler(responder: Responder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = CLIENT_SECONDS

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdigit()):
                self._refuse(HTTPStatus.LENGTH_REQUIRED)
            elif len(length) > 9 or int(length) > MAX_REQUEST_BYTES:
                self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            elif self.headers.get_content_type() != REQUEST_TYPE:
                self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
            else:
                self._answer(self.rfile.read(int(length)))

        def do_GET(self) -> None:
            try:
                request = base64.b64decode(unquote(self.path.removeprefix("/")), validate=True)
            except (binascii.Error, ValueError):
                request = b""  # which is no request, and is answered so
            self._answer(request)

        def _answer(self, request: bytes) -> None:
            answer = responder.answer(request)
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", RESPONSE_TYPE)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _refuse(self, status: HTTPStatus) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet: who asks about which device is nobody's business."""

    return Handler
