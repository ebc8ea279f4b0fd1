"""The CONNECT proxy: what it lets through, what it refuses, and that the rest of the world is not there."""

import http.client
import json
import socket
import ssl
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.proxy import Refusal, route


@pytest.mark.parametrize(
    ("authority", "target"),
    [
        ("hub-a.azure-devices.net:8883", "mqtt"),
        ("global.azure-devices-provisioning.net:8883", "mqtt"),
        ("HUB-A.Azure-Devices.NET.:8883", "mqtt"),
        ("fleet.azure-devices-provisioning.net:443", "https"),
        ("hub-a.azure-devices.net:443", "https"),
        ("management.azure.com:443", "https"),
        ("login.microsoftonline.com:443", "https"),
        ("choose.azurewebsites.net:443", "https"),
        ("packages.blob.core.windows.net:443", "https"),
    ],
)
def test_let_through(authority: str, target: str) -> None:
    assert route(f"CONNECT {authority} HTTP/1.1\r\nHost: x".encode()) == target


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("CONNECT example.com:443 HTTP/1.1", 403),
        ("CONNECT management.azure.com:8883 HTTP/1.1", 403),
        ("CONNECT evil-azure-devices.net:8883 HTTP/1.1", 403),
        ("CONNECT .azure-devices.net:8883 HTTP/1.1", 403),
        ("CONNECT hub.azure-devices.net.evil.com:443 HTTP/1.1", 403),
        ("CONNECT choose.azurewebsites.net:8883 HTTP/1.1", 403),
        ("CONNECT blob.core.windows.net:443 HTTP/1.1", 403),
        ("CONNECT 127.0.0.1:22 HTTP/1.1", 403),
        ("CONNECT hub.azure-devices.net:22 HTTP/1.1", 403),
        ("CONNECT hub.azure-devices.net HTTP/1.1", 400),
        ("CONNECT :443 HTTP/1.1", 400),
        ("CONNECT hub.azure-devices.net:-1 HTTP/1.1", 400),
        ("CONNECT hub.azure-devices.net:443 HTTP/2", 400),
        ("GET http://management.azure.com/ HTTP/1.1", 405),
        ("\x16\x03\x01", 400),
        ("", 400),
    ],
)
def test_refused(line: str, status: int) -> None:
    with pytest.raises(Refusal) as refusal:
        route(line.encode())
    assert refusal.value.status == status


@given(st.binary(max_size=100))
def test_any_bytes_are_refused(head: bytes) -> None:
    with pytest.raises(Refusal):
        route(head)


def _ask(cloud: Any, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", cloud.proxy_port), timeout=10) as plain:
        plain.sendall(data)
        answer = b""
        while part := plain.recv(65536):
            answer += part
        return answer


def test_refusals_end_the_connection(cloud: Any) -> None:
    cloud.start()
    hub = b"CONNECT hub-a.azure-devices.net:8883 HTTP/1.1\r\n"
    cases = [
        (b"CONNECT example.com:443 HTTP/1.1\r\n\r\n", b"403 Forbidden"),
        (b"\0\1\2\r\n\r\n", b"400 Bad Request"),
        (hub + b"\r\nhello", b"400 Bad Request"),
        (hub + b"X: " + b"x" * 9000, b"431 Request"),
    ]
    for data, words in cases:
        assert _ask(cloud, data).startswith(b"HTTP/1.1 " + words), data
    assert [it["status"] for it in cloud.log() if it["event"] == "refused"] == [403, 400, 400, 431]


def test_request_in_pieces(cloud: Any) -> None:
    cloud.start()
    with socket.create_connection(("127.0.0.1", cloud.proxy_port), timeout=10) as plain:
        for piece in (b"CONNECT hub-a.azure-devices", b".net:8883 HTTP/1.1\r\nHost: x\r", b"\n\r\n"):
            plain.sendall(piece)
            time.sleep(0.05)
        assert plain.recv(100) == b"HTTP/1.1 200 Connection established\r\n\r\n"
        context = ssl.create_default_context(cafile=str(cloud.trust))
        with context.wrap_socket(plain, server_hostname="hub-a.azure-devices.net") as secure:
            assert secure.version() == "TLSv1.3"


def test_https_is_spliced_and_verified(cloud: Any) -> None:
    cloud.start()
    context = ssl.create_default_context(cafile=str(cloud.trust))
    for host in ("management.azure.com", "login.microsoftonline.com", "fleet.azure-devices-provisioning.net"):
        client = http.client.HTTPSConnection("127.0.0.1", cloud.proxy_port, timeout=10, context=context)
        client.set_tunnel(host, 443)
        client.request("GET", "/nothing?api-version=1")
        answer = client.getresponse()
        assert 400 <= answer.status < 500
        assert isinstance(json.loads(answer.read()), dict)
        client.close()
