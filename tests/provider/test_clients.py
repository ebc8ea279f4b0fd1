"""The clients: retries on a clock that does not wait, long operations, readable errors, and nothing secret
told.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx
import pytest

from provider.clients import transport
from provider.clients.arm import Arm
from provider.clients.credentials import Entra, connection_signature, dps_authentication
from provider.clients.errors import (
    AuthenticationError,
    CancelledError,
    ConfigurationError,
    DeadlineError,
    ForbiddenError,
    ForeignHostError,
    OperationFailedError,
    ServiceError,
    UnreachableError,
)
from provider.clients.rest import Rest
from provider.clients.retry import Clock, Policy, deadline

URL = "https://service.example/things/one"
Answer = httpx.Response | Exception


@contextmanager
def rest_of(answers: list[Answer], clock: Clock, seen: list[httpx.Request] | None = None) -> Iterator[Rest]:
    def handle(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with httpx.Client(transport=httpx.MockTransport(handle)) as http:
        yield Rest(http, "https://service.example", httpx.BasicAuth("u", "hunter2"), clock)


def call(answers: list[Answer], clock: Clock, method: str = "GET", **options: Any) -> httpx.Response:
    with rest_of(answers, clock) as rest:
        return rest.call(method, "/things/one", params={"sig": "hunter2"}, **options)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("Sun, 22 Nov 2026 12:00:09 GMT", 9.0), ("Sun, 22 Nov 2020 12:00:09 GMT", 0.0)],
)
def test_retry_after_is_obeyed(clock: Any, header: str, seconds: float) -> None:
    response = call([httpx.Response(429, headers={"retry-after": header}), httpx.Response(200)], clock)
    assert response.status_code == 200
    assert clock.slept == [seconds]


def test_backoff_doubles_with_jitter(clock: Any) -> None:
    with pytest.raises(ServiceError, match="answered 503"):
        call([httpx.Response(503, headers={"retry-after": "soon"}) for _ in range(6)], clock)
    assert len(clock.slept) == 5
    for number, slept in enumerate(clock.slept):
        assert 0.25 * 2**number <= slept <= 0.5 * 2**number
    assert Policy().wait_seconds(30, lambda: 1.0) == 20.0


def test_lost_connections_are_retried_only_when_that_is_safe(clock: Any) -> None:
    lost: Callable[[], Answer] = lambda: httpx.ReadTimeout("")  # noqa: E731
    assert call([lost(), httpx.Response(200)], clock).status_code == 200
    assert call([lost(), httpx.Response(200)], clock, "POST", repeatable=True).status_code == 200
    with pytest.raises(UnreachableError, match="ReadTimeout"):
        call([lost(), httpx.Response(200)], clock, "POST")
    with pytest.raises(ServiceError, match="500"):
        call([httpx.Response(500), httpx.Response(200)], clock, "POST")


def test_client_errors_are_not_retried(clock: Any) -> None:
    with pytest.raises(ForbiddenError, match="lacks a role"):
        call([httpx.Response(403)], clock)
    assert clock.slept == []


def test_a_deadline_holds_over_many_calls(clock: Any) -> None:
    with deadline(10, clock), pytest.raises(DeadlineError, match="another 60 s, and only 10 s are left"):
        call([httpx.Response(429, headers={"retry-after": "60"})], clock)
    assert clock.slept == []


def test_cancelling_wakes_a_sleeper() -> None:
    clock = Clock()
    clock.cancel()
    with pytest.raises(CancelledError):
        call([httpx.Response(429, headers={"retry-after": "60"}), httpx.Response(200)], clock)


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (
            {"error": {"code": "C", "message": "m"}},
            {"x-ms-correlation-request-id": "t"},
            "400 C: m (tracking id t)",
        ),
        ({"errorCode": 400004, "trackingId": "t", "message": "m"}, {}, "400 400004: m (tracking id t)"),
        ({"Message": "ErrorCode:X;m"}, {"x-ms-error-code": "X"}, "400 X: ErrorCode:X;m"),
        (["odd"], {}, "400: Bad Request"),
    ],
)
def test_errors_of_every_service_read_alike(
    clock: Any, body: Any, headers: dict[str, str], said: str
) -> None:
    with pytest.raises(ServiceError) as raised:
        call([httpx.Response(400, json=body, headers=headers)], clock)
    assert str(raised.value) == f"GET service.example/things/one answered {said}"


def test_an_error_page_is_no_riddle(clock: Any) -> None:
    with pytest.raises(ServiceError, match="502: Bad Gateway"):
        call([httpx.Response(502, content=b"<html>\xff") for _ in range(6)], clock)


def test_no_secret_is_told(clock: Any) -> None:
    failures: list[list[Answer]] = [[httpx.ConnectError("refused") for _ in range(6)], [httpx.Response(401)]]
    for answers in failures:
        with pytest.raises((UnreachableError, ForbiddenError)) as raised:
            call(answers, clock)
        assert "hunter2" not in str(raised.value)


# ARM's long-running operations


def succeeded(**properties: Any) -> httpx.Response:
    return httpx.Response(
        200, json={"id": "/x", "properties": {"provisioningState": "Succeeded", **properties}}
    )


def put(answers: list[Answer], clock: Clock) -> dict[str, Any]:
    with rest_of(answers, clock) as rest:
        return Arm(rest, clock).put("/x", "2026-11-01", {})


@pytest.mark.parametrize(
    "answers",
    [
        [
            httpx.Response(201, headers={"azure-asyncoperation": URL, "retry-after": "4"}, json={}),
            httpx.Response(200, json={"status": "InProgress"}),
            httpx.Response(200, json={"status": "Succeeded"}),
            succeeded(done=True),
        ],
        [
            httpx.Response(202, headers={"location": URL, "retry-after": "4"}),
            httpx.Response(202),
            httpx.Response(200),
            succeeded(done=True),
        ],
        [
            httpx.Response(
                201, json={"properties": {"provisioningState": "Creating"}}, headers={"retry-after": "4"}
            ),
            httpx.Response(200, json={"properties": {"provisioningState": "Creating"}}),
            succeeded(),
            succeeded(done=True),
        ],
    ],
    ids=["Azure-AsyncOperation", "Location", "provisioningState"],
)
def test_operations_are_waited_for(clock: Any, answers: list[Answer]) -> None:
    assert put(answers, clock)["properties"]["done"]
    assert clock.slept == [4, 2]


def test_an_operation_that_fails_says_why(clock: Any) -> None:
    failed = {"status": "Failed", "error": {"code": "NoQuota", "message": "no room"}}
    answers: list[Answer] = [
        httpx.Response(202, headers={"azure-asyncoperation": URL}),
        httpx.Response(200, json=failed),
    ]
    with pytest.raises(OperationFailedError, match=r"failed\): NoQuota: no room"):
        put(answers, clock)


def test_an_operation_that_never_ends_is_given_up(clock: Any) -> None:
    answers: list[Answer] = [httpx.Response(202, headers={"azure-asyncoperation": URL})]
    answers += [httpx.Response(200, json={"status": "InProgress"}) for _ in range(10)]
    with deadline(9, clock), pytest.raises(DeadlineError, match="waiting for Azure to finish"):
        put(answers, clock)


def test_a_monitor_elsewhere_gets_no_token(clock: Any) -> None:
    seen: list[httpx.Request] = []
    answers: list[Answer] = [
        httpx.Response(202, headers={"azure-asyncoperation": "https://evil.example/x?t=1"})
    ]
    with rest_of(answers, clock, seen) as rest, pytest.raises(ForeignHostError, match=r"evil\.example"):
        Arm(rest, clock).put("/x", "2026-11-01", {})
    assert len(seen) == 1


def test_deleting_what_is_gone(clock: Any) -> None:
    with rest_of([httpx.Response(404)], clock) as rest:
        Arm(rest, clock).delete("/x", "2026-11-01")


# Who we are

KEY = base64.b64encode(b"a key of a policy").decode()
CONNECTION = (
    f"HostName=Contoso.azure-devices-provisioning.net;SharedAccessKeyName=owner;SharedAccessKey={KEY}"
)


def test_a_signature_is_what_the_service_expects() -> None:
    host, signer = connection_signature(CONNECTION)
    header = signer.header()
    scheme, _, query = header.partition(" ")
    fields = {key: values[0] for key, values in parse_qs(query).items()}
    raw = dict(part.split("=", 1) for part in query.split("&"))
    digest = hmac.digest(b"a key of a policy", f"{raw['sr']}\n{raw['se']}".encode(), hashlib.sha256)
    assert (scheme, host, unquote(raw["sr"])) == (
        "SharedAccessSignature",
        host,
        "contoso.azure-devices-provisioning.net",
    )
    assert fields["sig"] == base64.b64encode(digest).decode()
    assert fields["skn"] == "owner"
    assert KEY not in repr(signer)


def test_a_signature_is_for_its_host_alone(credential: Any, token: str) -> None:
    environment = {"MUSTER_DPS_CONNECTION_STRING": CONNECTION}
    entra = Entra({}, credential)
    sent = {}
    for host in ("contoso.azure-devices-provisioning.net", "other.azure-devices-provisioning.net"):
        request = httpx.Request("GET", f"https://{host}")
        next(dps_authentication(host, environment, entra).auth_flow(request))
        sent[host.split(".")[0]] = request.headers["authorization"]
    assert sent["contoso"].startswith("SharedAccessSignature sr=contoso")
    assert sent["other"] == f"Bearer {token}"


@pytest.mark.parametrize("text", ["nonsense", CONNECTION.replace("HostName", "Host"), CONNECTION + "!"])
def test_a_bad_connection_string_is_not_quoted(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no connection string") as raised:
        connection_signature(text)
    assert KEY not in str(raised.value)
    assert raised.value.__cause__ is None


def test_no_credential_says_how_to_log_in() -> None:
    class Broken:
        def get_token(self, *_scopes: str, **_options: Any) -> Any:
            raise ValueError("first line\n\n  second line")

        def close(self) -> None:
            """Nothing to close."""

    request = httpx.Request("GET", URL)
    with pytest.raises(AuthenticationError, match=r"first line second line\. Log in with `az login`"):
        next(Entra({}, Broken()).authentication("scope").auth_flow(request))


# The way to the cloud


def test_the_extra_anchor_comes_beside_the_usual_ones(tmp_path: Path, oslo: Any) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(oslo.pem)
    environment = {"MUSTER_CA_FILE": str(file), "MUSTER_PROXY": "http://127.0.0.1:1"}
    usual = len(transport.ssl_context({}).get_ca_certs())
    context = transport.ssl_context(environment)
    assert len(context.get_ca_certs()) == usual + 1
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    bundle = transport.trust_bundle(environment)
    assert bundle is not None
    assert oslo.pem.strip() in Path(bundle).read_text()
    Path(bundle).unlink()
    assert transport.trust_bundle({}) is None
    transport.http_client(environment).close()


@pytest.mark.parametrize("content", [None, "", "nonsense"])
def test_an_anchor_that_is_none_is_told(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"MUSTER_CA_FILE is .*ca\.pem"):
        transport.http_client({"MUSTER_CA_FILE": str(file)})


def test_a_proxy_that_is_none_is_told_but_not_quoted() -> None:
    with pytest.raises(ConfigurationError, match="MUSTER_PROXY is no URL") as raised:
        transport.http_client({"MUSTER_PROXY": "user:hunter2@proxy"})
    assert "hunter2" not in str(raised.value)
