"""Device processes with every credential and transport: keys, thumbprints, CA certificates, WebSockets."""

import base64
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from .processes import Start

KeyFile = Callable[[str], Path]


def test_a_device_of_a_group_with_its_derived_key(cloud: Any, start: Start, key_file: KeyFile) -> None:
    key = cloud.key_of("sensor-1")
    device = start("sensor-1", "--log-level", "debug", key=key_file(key))
    device.wait("reported")
    assert cloud.twin("sensor-1")["properties"]["reported"]["desiredVersion"] == 1
    assert device.stop() == 0
    assert key not in device.text()
    assert "SharedAccessSignature" not in device.text()


def test_a_token_is_renewed_before_its_end(
    cloud: Any, start: Start, key_file: KeyFile, tmp_path: Path
) -> None:
    (tmp_path / "moved").write_text("0")
    device = start("sensor-1", key=key_file(cloud.key_of("sensor-1")), moved=tmp_path / "moved")
    device.wait("reported")
    before = cloud.connected_since("sensor-1")
    deadline = time.monotonic() + 30
    while cloud.connected_since("sensor-1") in (before, None):
        assert time.monotonic() < deadline, device.text()
        time.sleep(0.2)
    cloud.twin("sensor-1", {"properties": {"desired": {"intervalSeconds": 5}}})
    device.wait("desired-changed")
    assert "refused" not in device.events()
    assert device.stop() == 0


def test_a_wrong_key_is_a_refusal(start: Start, key_file: KeyFile) -> None:
    wrong = base64.b64encode(secrets.token_bytes(32)).decode()
    device = start("sensor-1", "--attempts", "1", key=key_file(wrong))
    assert device.ended() == 3
    assert device.events() == ["starting", "refused"]


def test_enrolment_and_hub_over_websockets(cloud: Any, start: Start) -> None:
    device = start("reefer-1", "--websockets")
    device.wait("reported")
    cloud.twin("reefer-1", {"properties": {"desired": {"intervalSeconds": 5}}})
    device.wait("reported", 2)
    assert device.stop() == 0


def test_a_device_that_its_hub_knows_asks_no_dps(
    cloud: Any, start: Start, key_file: KeyFile, issue: Callable[[str], Path]
) -> None:
    key = cloud.put_device("pump-1", {"type": "sas"})["authentication"]["symmetricKey"]["primaryKey"]
    folder = issue("pump-2")
    leaf = x509.load_pem_x509_certificate((folder / "leaf.pem").read_bytes())
    thumbprint = {"primaryThumbprint": leaf.fingerprint(hashes.SHA256()).hex()}
    cloud.put_device("pump-2", {"type": "selfSigned", "x509Thumbprint": thumbprint})
    cloud.put_device("pump-3", {"type": "certificateAuthority"})
    hub = ("--hub", cloud.hub)
    devices = [
        start("pump-1", *hub, key=key_file(key)),
        start("pump-2", *hub, folder=folder),
        start("pump-3", *hub),
    ]
    for device in devices:
        device.wait("reported")
        assert device.stop() == 0


def test_a_hub_that_refuses_for_good(start: Start, cloud: Any) -> None:
    device = start("pump-9", "--hub", cloud.hub, "--attempts", "1")
    assert device.ended() == 3
    assert device.events() == ["starting", "assigned", "refused"]
