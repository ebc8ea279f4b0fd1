"""AWS' names through the proxy: which are served, with which certificate, and what speaks behind them."""

import json
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ProxyConnectionError

from localcloud.proxy import Refusal, route
from tests.localcloud.aws.core.conftest import Cloud

DATA = "a1-ats.iot.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("authority", "target"),
    [
        ("iot.eu-west-1.amazonaws.com:443", "https"),
        (f"{DATA}:8883", "mqtt"),
        (f"{DATA}:8443", "https"),
        (f"{DATA}:443", "https"),
        ("data-ats.iot.eu-west-1.amazonaws.com:443", "https"),
        ("a1.credentials.iot.eu-west-1.amazonaws.com:443", "https"),
        ("a1.jobs.iot.eu-west-1.amazonaws.com:443", "https"),
        ("api.tunneling.iot.eu-west-1.amazonaws.com:443", "https"),
        ("STS.amazonaws.com.:443", "https"),
        ("iam.amazonaws.com:443", "https"),
        ("bucket.s3.eu-west-1.amazonaws.com:443", "https"),
        ("bucket.s3.amazonaws.com:443", "https"),
    ],
)
def test_let_through(authority: str, target: str) -> None:
    assert route(f"CONNECT {authority} HTTP/1.1\r\nHost: x".encode()) == target


@pytest.mark.parametrize(
    "authority",
    [
        "iot.us-east-1.amazonaws.com:443",
        "a1-ats.iot.us-east-1.amazonaws.com:8883",
        "a1.iot.eu-west-1.amazonaws.com:8883",
        "iot.eu-west-1.amazonaws.com:8883",
        "sts.amazonaws.com:8443",
        "amazonaws.com:443",
        ".amazonaws.com:443",
        "evilamazonaws.com:443",
        "sts.amazonaws.com.evil.com:443",
        f"{DATA}:22",
    ],
)
def test_refused(authority: str) -> None:
    with pytest.raises(Refusal) as refusal:
        route(f"CONNECT {authority} HTTP/1.1".encode())
    assert refusal.value.status == 403


def shaken(cloud: Cloud, host: str, port: int, protocols: list[str]) -> ssl.SSLSocket:
    """TLS through the proxy."""
    plain = socket.create_connection(("127.0.0.1", cloud.proxy_port), timeout=10)
    plain.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
    assert plain.recv(1024).startswith(b"HTTP/1.1 200")
    context = ssl.create_default_context(cafile=str(cloud.trust))
    if protocols:
        context.set_alpn_protocols(protocols)
    return context.wrap_socket(plain, server_hostname=host)


def test_each_name_is_in_the_certificate_that_it_gets(cloud: Cloud) -> None:
    aws = [DATA, "iot.eu-west-1.amazonaws.com", "iam.amazonaws.com", "b.s3.eu-west-1.amazonaws.com"]
    for host in [*aws, "hub.azure-devices.net"]:
        with shaken(cloud, host, 443, []) as secure:
            names = str(secure.getpeercert())
            assert ("'*.amazonaws.com'" in names) == (host in aws)


def connack(secure: ssl.SSLSocket) -> bytes:
    """The answer to a CONNECT without a client certificate."""
    packet = bytes.fromhex("100d00044d5154540402003c000161")
    secure.sendall(packet)
    return secure.recv(16)


@pytest.mark.parametrize(("port", "protocols"), [(443, ["x-amzn-mqtt-ca"]), (8883, [])])
def test_mqtt(cloud: Cloud, port: int, protocols: list[str]) -> None:
    host = cloud.client("iot").describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    with shaken(cloud, host, port, protocols) as secure:
        assert secure.selected_alpn_protocol() == (protocols[0] if protocols else None)
        answer = connack(secure)
        assert answer == b"" or (answer[0], answer[3]) == (0x20, 5)  # closed, or not authorized


@pytest.mark.parametrize(("port", "protocols"), [(443, []), (443, ["x-amzn-http-ca"]), (8443, ["http/1.1"])])
def test_https(cloud: Cloud, port: int, protocols: list[str]) -> None:
    with shaken(cloud, DATA, port, protocols) as secure:
        secure.sendall(f"GET /nothing HTTP/1.1\r\nHost: {DATA}\r\n\r\n".encode())
        assert secure.recv(64).startswith(b"HTTP/1.1 40")


def test_an_unknown_protocol_is_http(cloud: Cloud) -> None:
    with shaken(cloud, DATA, 443, ["h2"]) as secure:
        assert secure.selected_alpn_protocol() is None


def test_the_same_client_as_in_production(cloud: Cloud) -> None:
    iot = cloud.client("iot")
    assert iot.meta.endpoint_url == "https://iot.eu-west-1.amazonaws.com"
    iot.create_thing(thingName="a")
    told = iot.describe_thing(thingName="a")
    assert told["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    assert "x-ms-request-id" not in told["ResponseMetadata"]["HTTPHeaders"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        iot.describe_thing(thingName="b")
    with pytest.raises(ProxyConnectionError):
        cloud.client("iot", region="us-east-1").list_things()


def test_wrong_credentials(cloud: Cloud) -> None:
    held = cloud.environment()
    wrong: list[tuple[tuple[str, ...], str]] = [
        ((held["AWS_ACCESS_KEY_ID"], "x" * 40), "InvalidSignatureException"),
        (("test", "test"), "UnrecognizedClientException"),
        ((held["AWS_ACCESS_KEY_ID"], held["AWS_SECRET_ACCESS_KEY"], "t"), "UnrecognizedClientException"),
    ]
    calls: list[tuple[str, str]] = [
        ("iot", "list_things"),
        ("sts", "get_caller_identity"),
        ("sqs", "list_queues"),
        ("s3", "list_buckets"),
        ("lambda", "list_functions"),
    ]
    for keys, code in wrong:
        for service, operation in calls:
            with pytest.raises(ClientError) as refused:
                getattr(cloud.client(service, keys), operation)()
            assert refused.value.response["Error"]["Code"] == code, (service, keys)


def test_secrets_stay_out_of_the_log(cloud: Cloud) -> None:
    cloud.client("iot").list_things()
    held = cloud.environment()
    log = (cloud.state / "cloud.log").read_text()
    assert held["AWS_SECRET_ACCESS_KEY"] not in log
    made: dict[str, Any] = json.loads((cloud.state / "endpoints.json").read_text())
    assert held["AWS_ACCESS_KEY_ID"] not in str(made)


def test_what_holds_the_secret_is_for_this_user_only(tmp_path: Path) -> None:
    cloud = Cloud(tmp_path / "new" / "state").start()
    cloud.client("sts").get_caller_identity()
    secret = cloud.environment()["AWS_SECRET_ACCESS_KEY"].encode()
    try:
        holding = [it for it in cloud.state.rglob("*") if it.is_file() and secret in it.read_bytes()]
        assert {"aws.env", "aws.sqlite-wal"} <= {it.name for it in holding}
        assert {it.stat().st_mode & 0o777 for it in (*holding, cloud.state / "aws.sqlite")} == {0o600}
        assert {it.stat().st_mode & 0o777 for it in (cloud.state, cloud.state / "aws")} == {0o700}
    finally:
        cloud.stop()
    assert secret in (cloud.state / "aws.sqlite").read_bytes()
    assert (cloud.state / "aws.sqlite").stat().st_mode & 0o777 == 0o600
