"""A gateway process and its children's processes: every credential, both directions, losses, refusals."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from .conftest import HOST, Network, Site, self_signed


def test_two_children_of_either_kind(cloud: Any, at: Site, pki: Path) -> None:
    gateway = at.gateway("--children-ca", str(pki / "root.pem"))
    at.register("child-1", {"type": "certificateAuthority"})
    by_certificate, by_key = at.child("child-1"), at.key_child("child-2")
    for child in (by_certificate, by_key):
        child.wait("reported")
    admitted = {it["child"]: it["credential"] for it in gateway.lines() if it["event"] == "child-connected"}
    assert admitted == {"child-1": "x509", "child-2": "sas"}

    for name, child in (("child-1", by_certificate), ("child-2", by_key)):
        cloud.twin(name, {"properties": {"desired": {"intervalSeconds": 1}}})
        child.wait("reported", 2)
        assert cloud.twin(name)["properties"]["reported"]["intervalSeconds"] == 1
        assert cloud.twin(name)["connectionState"] == "Connected"
    counted = f"{cloud.hub}/telemetry/child-2"
    deadline = time.monotonic() + 20
    while counted not in cloud.counters():
        assert time.monotonic() < deadline, "no telemetry came through"
        time.sleep(0.1)

    by_key.kill()  # without a DISCONNECT, which would let the hub be the first to close
    assert gateway.wait("child-disconnected") | {"time": ""} == {
        "time": "",
        "level": "info",
        "event": "child-disconnected",
        "registrationId": "gateway-1",
        "child": "child-2",
        "reason": "the child ended the connection",
    }
    assert gateway.stop() == 0
    by_certificate.wait("disconnected")


METHODS = r"""
import sys
import socks
from azure.iot.device import IoTHubDeviceClient, MethodResponse, ProxyOptions

hub, gateway, trust, port = sys.argv[1:]
device = IoTHubDeviceClient.create_from_symmetric_key(
    sys.stdin.readline().strip(), hub, "child-2", gateway_hostname=gateway,
    server_verification_cert=open(trust).read(),
    proxy_options=ProxyOptions(socks.HTTP, "127.0.0.1", int(port)),
)


def answer(request):
    body = {"got": request.name}
    device.send_method_response(MethodResponse.create_from_method_request(request, 201, body))


device.connect()
device.on_method_request_received = answer
print("ready", flush=True)
sys.stdin.read()
"""


def test_direct_methods_of_a_child_that_is_any_sdk_client(
    cloud: Any, at: Site, site: Path, network: Network
) -> None:
    at.gateway()
    key = at.register("child-2", {"type": "sas"})["authentication"]["symmetricKey"]["primaryKey"]
    way = [cloud.hub, HOST, str(site / "root.pem"), network.proxy.rpartition(":")[2]]
    with subprocess.Popen(
        [sys.executable, "-c", METHODS, *way], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(f"{key}\n")
        child.stdin.flush()
        assert child.stdout.readline() == "ready\n"
        assert cloud.method("child-2", "reboot") == {"status": 201, "payload": {"got": "reboot"}}
        child.kill()


def test_a_child_with_a_certificate_of_its_own(at: Site, tmp_path: Path) -> None:
    certificate = self_signed("child-3", tmp_path / "child-3")
    thumbprint = {"primaryThumbprint": certificate.fingerprint(hashes.SHA256()).hex()}
    at.register("child-3", {"type": "selfSigned", "x509Thumbprint": thumbprint})
    (tmp_path / "trusted.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    at.gateway("--children-ca", str(tmp_path / "trusted.pem"))
    child = at.child("child-3", folder=tmp_path / "child-3")
    child.wait("reported")
    assert child.stop() == 0


def test_who_is_no_child_is_refused_and_named(at: Site, pki: Path, tmp_path: Path) -> None:
    gateway = at.gateway("--children-ca", str(pki / "root.pem"))
    stranger = at.key_child("stranger", "--attempts", "1", parent=False)
    at.register("child-1", {"type": "certificateAuthority"})
    self_signed("child-1", tmp_path / "forged")
    forger = at.child("child-1", "--attempts", "1", folder=tmp_path / "forged")
    assert stranger.ended() == 3
    assert forger.ended() == 3
    refusals = [it for it in gateway.lines() if it["event"] == "child-refused"]
    assert {it.get("child"): it["reason"] for it in refusals}["stranger"] == "it is no child of this gateway"
    assert any("certificate verify failed" in it["reason"] for it in refusals)


def test_a_child_that_is_taken_away_is_refused_by_the_hub(cloud: Any, at: Site, network: Network) -> None:
    gateway = at.gateway()
    child = at.key_child("child-2")
    child.wait("reported")
    cloud.put_device("child-2", {"type": "sas"}, is_new=False, parentScopes=[], deviceScope="")
    network.cut()
    child.wait("refused")
    assert gateway.wait("child-refused")["reason"] == "the hub does not take it from this gateway"


def test_the_hub_goes_and_comes_back(cloud: Any, at: Site) -> None:
    gateway = at.gateway()
    child = at.key_child("child-2")
    child.wait("reported")
    cloud.end(signal.SIGKILL)
    child.wait("disconnected")
    assert gateway.wait("child-disconnected")["reason"] == "the hub ended the connection"
    gateway.wait("child-unserved")
    cloud.start()
    child.wait("reported", 2)
    gateway.wait("child-connected", 2)
    assert "refused" not in child.events()


def test_no_key_is_logged(at: Site) -> None:
    gateway = at.gateway("--log-level", "debug")
    child = at.key_child("child-2", "--log-level", "debug")
    child.wait("reported")
    for device in (gateway, child):
        device.stop()
        assert "SharedAccessSignature" not in device.text()
        assert len(at.secrets) == 2
        assert not any(it in device.text() for it in at.secrets)
