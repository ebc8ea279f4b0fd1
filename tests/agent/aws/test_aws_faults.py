"""What goes wrong for a device on AWS that is up, or has been: each is told, and followed as on Azure."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from agent.aws.connection import Connection
from agent.aws.doubt import NOT_NEGOTIATED, Doubt
from agent.credentials import Certificate
from agent.errors import CloudError, RefusedError, UnavailableError
from agent.options import parse
from tests.agent.aws.conftest import StartAws
from tests.agent.aws.endpoint import HOST, Endpoint

GET, DOCUMENTS = "$aws/things/van-1/shadow/get/accepted", "$aws/things/van-1/shadow/update/documents"
CLAIM = ("--claim-template", "coldchain-vans", "--identity")


def test_a_device_that_is_shut_out_while_it_is_connected(endpoint: Endpoint, start: StartAws) -> None:
    """Its certificate was revoked: AWS ends the connection, and every one after it."""
    device = start("--attempts", "1")
    device.wait("reported")
    endpoint.turned_away = -1
    endpoint.end_connections()
    assert device.ended() == 3
    assert device.events()[5:] == ["disconnected", "retrying", "retrying", "retrying", "refused"]
    assert "not active" in device.wait("refused")["reason"]


def test_a_shadow_that_is_no_json_ends_the_connection_with_the_reason(
    endpoint: Endpoint, start: StartAws
) -> None:
    endpoint.garbled.add(GET)
    device = start()
    assert "no JSON" in device.wait("disconnected")["reason"]
    endpoint.garbled.clear()
    device.wait("reported")
    assert device.stop() == 0


def test_a_change_that_is_no_json_has_the_shadow_read_again(endpoint: Endpoint, start: StartAws) -> None:
    device = start()
    device.wait("reported")
    endpoint.garbled.add(DOCUMENTS)
    endpoint.change({"intervalSeconds": 7})
    device.wait("twin", 2)
    device.wait_until(lambda: endpoint.reported.get("intervalSeconds") == 7)
    assert "disconnected" not in device.events()
    assert device.stop() == 0


def test_a_certificate_that_was_kept_for_another_device_is_not_used(
    endpoint: Endpoint, start: StartAws, tmp_path: Path
) -> None:
    own = (*CLAIM, str(tmp_path / "own"))
    first = start(*own)
    first.wait("reported")
    first.stop()
    device = start(*own, "--attempts", "1", name="van-2")
    assert device.ended() == 3
    assert device.events() == ["starting", "refused"]
    assert "another device's" in device.wait("refused")["reason"]
    assert endpoint.subjects == ["CN=van-1,O=coldchain", "own"]


def test_a_first_start_with_a_claim_over_a_network_that_breaks(
    endpoint: Endpoint, start: StartAws, tmp_path: Path
) -> None:
    endpoint.turned_away = 2
    device = start(*CLAIM, str(tmp_path / "own"))
    device.wait("reported")
    assert device.events()[:4] == ["starting", "retrying", "retrying", "assigned"]
    assert endpoint.asked["$aws/certificates/create-from-csr/json"] == 1


def test_stopped_while_it_waits_to_be_let_in(endpoint: Endpoint, start: StartAws) -> None:
    endpoint.is_deaf = True
    device = start()
    device.wait_until(lambda: bool(endpoint.subjects))
    assert device.stop() == 0
    assert device.events() == ["starting", "assigned", "stopped"]


class Failed:
    """An MQTT client whose CONNECT fails."""

    def __init__(self, name: str) -> None:
        self._name = name

    def connect(self) -> "Future[Any]":
        """Fail."""
        error = type("Failure", (Exception,), {"name": self._name})("TLS (SSL) negotiation failed")
        future: Future[Any] = Future()
        future.set_exception(error)
        return future


@pytest.mark.parametrize(("trusted", "kind"), [(True, RefusedError), (False, UnavailableError)])
def test_a_handshake_that_fails_is_no_refusal_when_we_do_not_trust_the_endpoint(
    endpoint: Endpoint, issue: Callable[[str], Path], pki: Path, trusted: bool, kind: type[CloudError]
) -> None:
    """The SDK has one error for both; a clock that is not set yet looks like this."""
    folder = issue("van-1")
    files = ["--certificate", str(folder / "leaf.pem"), "--key", str(folder / "key.pem")]
    trust = endpoint.ca_file if trusted else pki / "root.pem"
    environment = {"MUSTER_PROXY": endpoint.proxy, "MUSTER_CA_FILE": str(trust)}
    options = parse(["--registration-id", "van-1", "--endpoint", HOST, *files], environment)
    assert options.aws is not None
    assert isinstance(options.credential, Certificate)
    connection = Connection(options, options.aws, options.credential, "van-1", Doubt(refused_after=1))
    connection.mqtt = Failed(NOT_NEGOTIATED)
    with pytest.raises(kind) as caught:
        connection.open(lambda _: None)
    assert type(caught.value) is kind
    assert ("CERTIFICATE_VERIFY_FAILED" in str(caught.value)) is not trusted
