"""HTTPS with nothing but the standard library: what servers answer, and what happens when they do not."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from agent import https
from agent.credentials import Certificate
from agent.errors import CloudError, RefusedError, UnavailableError
from agent.https import Answer, Request, Way
from agent.option_checks import Address

from .gateway.conftest import authority, self_signed, write_server

Serve = Callable[..., int]


class _Handler(BaseHTTPRequestHandler):
    """Answers with what the test laid down; POST tells what came."""

    status, body, more = 200, b"{}", ""

    def do_GET(self) -> None:
        self._answer(self.body)

    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(json.dumps({"said": said, "token": self.headers["Authorization"]}).encode())

    def do_CONNECT(self) -> None:
        self.send_error(403)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
        """Quiet."""

    def _answer(self, body: bytes) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        if self.more:
            self.send_header("Retry-After", self.more)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """root.pem, and server.pem with server.key for localhost."""
    root, key = authority("root")
    write_server(tmp_path, root, key)
    return tmp_path


@pytest.fixture
def serve(files: Path) -> Iterator[Serve]:
    servers: list[HTTPServer] = []

    def run(*, tls: bool = True, clients: bool = False, **answer: Any) -> int:
        server = HTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), answer))
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(files / "server.pem", files / "server.key")
            context.maximum_version = ssl.TLSVersion.TLSv1_2  # a refused client hears of it in the handshake
            if clients:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(files / "root.pem")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return int(server.server_address[1])

    yield run
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def way(files: Path) -> Way:
    return Way(None, (files / "root.pem").read_text())


def _get(port: int, **more: Any) -> Request:
    return Request("GET", f"localhost:{port}", "/x", **more)


def test_a_question_and_its_answer(serve: Serve, way: Way) -> None:
    request = Request("POST", f"localhost:{serve()}", "/x", {"a": 1}, token="t")
    assert https.send(way, request) == Answer(200, {"said": '{"a": 1}', "token": "t"})


@pytest.mark.parametrize(
    ("body", "read"), [(b"", {}), (b"[]", {}), (b"<html>", {}), (b"\xff", {}), (b'{"a": 1}', {"a": 1})]
)
def test_a_body_that_is_no_object_is_an_empty_one(serve: Serve, way: Way, body: bytes, read: Any) -> None:
    assert https.send(way, _get(serve(status=503, body=body))) == Answer(503, read)


@pytest.mark.parametrize(("more", "seconds"), [("7", 7.0), ("soon", None), ("-1", None)])
def test_retry_after(serve: Serve, way: Way, more: str, seconds: float | None) -> None:
    assert https.send(way, _get(serve(status=202, more=more))).retry_after == seconds


def test_an_answer_without_an_end_is_not_read(
    serve: Serve, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "_MOST_BYTES", 10)
    with pytest.raises(UnavailableError, match="more than 10 bytes"):
        https.send(way, _get(serve(body=b"x" * 11)))


def test_a_server_that_is_not_trusted(serve: Serve) -> None:
    root, _ = authority("root")
    way = Way(None, root.public_bytes(Encoding.PEM).decode())
    with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        https.send(way, _get(serve()))


def test_why_a_server_is_not_trusted(serve: Serve, way: Way) -> None:
    root, _ = authority("root")
    other = Way(None, root.public_bytes(Encoding.PEM).decode())
    assert "CERTIFICATE_VERIFY_FAILED" in https.distrust(other, "localhost", serve())
    assert https.distrust(way, "localhost", serve()) == ""
    assert https.distrust(way, "localhost", serve(tls=False)) == ""
    assert https.distrust(way, "localhost", 1) == ""


def test_a_server_that_speaks_no_tls(serve: Serve, way: Way) -> None:
    with pytest.raises(UnavailableError):
        https.send(way, _get(serve(tls=False)))


def test_nobody_there(way: Way) -> None:
    with pytest.raises(UnavailableError, match="Connection refused"):
        https.send(way, _get(1))


def test_a_proxy_that_refuses(serve: Serve, way: Way) -> None:
    through = Way(Address("127.0.0.1", serve(tls=False)), way.trust_pem)
    with pytest.raises(UnavailableError, match="403"):
        https.send(through, Request("GET", "hub-a", "/x"))


def test_a_certificate_that_the_server_refuses(serve: Serve, way: Way, tmp_path: Path) -> None:
    self_signed("stranger", tmp_path / "stranger")
    shown = Certificate(tmp_path / "stranger" / "leaf.pem", tmp_path / "stranger" / "key.pem")
    with pytest.raises(CloudError) as caught:
        https.send(way, _get(serve(clients=True), certificate=shown))
    assert isinstance(caught.value, RefusedError)
