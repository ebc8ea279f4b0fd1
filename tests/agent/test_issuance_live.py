"""A device that makes its key itself: issued, kept, renewed when time goes on, retired, killed, refused."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from .conftest import POLICY_DAYS
from .processes import Device, Start

KeyFile = Callable[[str], Path]


@pytest.fixture
def onboarding(cloud: Any, key_file: KeyFile) -> Path:
    return key_file(cloud.key_of("sensor-1"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "identity"


def _asking(folder: Path) -> tuple[str, ...]:
    return ("--request-certificate", "--identity", str(folder))


def _leaf(folder: Path) -> x509.Certificate:
    newest = max(folder.glob("[0-9]*"))
    return x509.load_pem_x509_certificate((newest / "chain.pem").read_bytes())


def _names(folder: Path) -> list[str]:
    return sorted(it.name for it in folder.iterdir())


def test_issued_kept_and_used_again(cloud: Any, start: Start, onboarding: Path, folder: Path) -> None:
    device = start("sensor-1", *_asking(folder), key=onboarding)
    reported = device.wait("reported")
    assert reported["seconds"] > 0
    assert device.events() == ["starting", "assigned", "certificate-issued", "connected", "twin", "reported"]
    leaf = _leaf(folder)
    told = cloud.twin("sensor-1")["properties"]["reported"]["certificate"]
    assert told["validUntil"] == device.wait("certificate-issued")["until"]
    assert told["validUntil"] == leaf.not_valid_after_utc.isoformat().replace("+00:00", "Z")
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    modes = {it.name: it.stat().st_mode & 0o777 for it in (folder, *folder.rglob("*"))}
    assert modes == dict.fromkeys(["identity", "0000000001"], 0o700) | dict.fromkeys(
        ["key.pem", "chain.pem", "assignment.json"], 0o600
    )
    device.stop(signal.SIGKILL)

    onboarding.write_bytes(b"MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=")  # no longer the device's: it is not needed now
    again = start("sensor-1", *_asking(folder), key=onboarding)
    again.wait("reported")
    assert again.events() == ["starting", "resuming", "connected", "twin", "reported"]
    assert _leaf(folder) == leaf
    assert again.stop() == 0


def test_renewed_before_its_end_and_the_old_one_retired(
    cloud: Any, start: Start, onboarding: Path, folder: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    moved.write_text("0")
    device = start("sensor-1", *_asking(folder), key=onboarding, moved=moved)
    device.wait("reported")
    onboarding.unlink()  # for the first contact alone: nothing after it may open the file
    first = _leaf(folder)
    days = 0.81 * POLICY_DAYS
    cloud.move_clock(days)
    moved.write_text(str(days * 86_400))
    device.wait("reported", 2)
    second = _leaf(folder)
    after = device.events()[device.events().index("reported") + 1 :]
    assert after == ["renewing", "certificate-issued", "connected", "twin", "reported"]
    assert (second.not_valid_after_utc - first.not_valid_after_utc).days >= int(days) - 1
    assert second.public_key() != first.public_key()
    assert second.issuer == first.issuer
    assert _names(folder) == ["0000000002"]
    assert device.stop() == 0
    again = start("sensor-1", *_asking(folder), key=onboarding, moved=moved)
    again.wait("reported")
    assert again.events() == ["starting", "resuming", "connected", "twin", "reported"]
    assert again.stop() == 0


def test_renewed_over_port_443_alone(cloud: Any, start: Start, folder: Path, tmp_path: Path) -> None:
    """A certificate for onboarding, its folder gone before the renewal."""
    moved = tmp_path / "moved"
    moved.write_text("0")
    device = start("van-1", *_asking(folder), "--websockets", moved=moved)
    device.wait("reported")
    days = 0.81 * POLICY_DAYS
    cloud.move_clock(days)
    moved.write_text(str(days * 86_400))
    device.wait("reported", 2)
    assert device.events().count("renewing") == 1
    assert _names(folder) == ["0000000002"]
    assert device.stop() == 0


def test_a_renewal_that_the_hub_refuses(cloud: Any, start: Start, folder: Path, tmp_path: Path) -> None:
    """The device is disabled meanwhile: no certificate, and the one in use is not taken either."""
    moved = tmp_path / "moved"
    moved.write_text("0")
    device = start("van-1", *_asking(folder), moved=moved)
    device.wait("reported")
    cloud.put_device("van-1", {"type": "certificateAuthority"}, status="disabled", is_new=False)
    moved.write_text(str(0.81 * POLICY_DAYS * 86_400))
    failed = device.wait("renewal-failed")
    assert failed["refused"]
    assert "refuses the connection" in failed["reason"]
    assert "certificate-issued" not in device.events()[device.events().index("renewing") :]
    assert device.stop() == 0


def test_a_certificate_that_ended_while_the_device_slept(
    cloud: Any, start: Start, onboarding: Path, folder: Path, tmp_path: Path
) -> None:
    device = start("sensor-1", *_asking(folder), key=onboarding)
    device.wait("reported")
    device.stop()
    cloud.move_clock(POLICY_DAYS + 1)
    moved = tmp_path / "moved"
    moved.write_text(str((POLICY_DAYS + 1) * 86_400))
    again = start("sensor-1", *_asking(folder), key=onboarding, moved=moved)
    again.wait("reported")
    assert again.events()[:4] == ["starting", "assigned", "certificate-issued", "connected"]
    assert _names(folder) == ["0000000002"]
    assert again.stop() == 0


def test_a_certificate_that_only_the_hub_takes_for_ended(cloud: Any, start: Start, folder: Path) -> None:
    """The device's clock is behind: the hub's refusals send it to DPS."""
    device = start("van-1", *_asking(folder))
    device.wait("reported")
    device.stop()
    cloud.move_clock(POLICY_DAYS + 1)
    again = start("van-1", *_asking(folder))
    again.wait("reported")
    told = [it for it in again.events() if it != "retrying"]
    assert told[:5] == ["starting", "resuming", "assigned", "certificate-issued", "connected"]
    assert cloud.counters()[f"{cloud.hub}/refused/expired"] == 2
    assert _names(folder) == ["0000000002"]
    assert again.stop() == 0


def test_with_a_certificate_for_onboarding_that_its_enrollment_does_not_take(
    start: Start, folder: Path
) -> None:
    """Group reefers names no policy: DPS says so, the log too, and nothing is left behind."""
    device = start("reefer-1", *_asking(folder), "--attempts", "1")
    assert device.ended() == 3
    assert "names no certificate policy" in device.wait("refused")["reason"]
    assert _names(folder) == []


def test_killed_at_any_moment_it_never_uses_a_half_made_identity(
    start: Start, onboarding: Path, folder: Path
) -> None:
    device = start("sensor-1", *_asking(folder), key=onboarding)
    device.wait("assigned")
    device.kill()
    newest = max(folder.glob("[0-9]*"))
    newest.rename(folder / "unfinished")
    (folder / "unfinished" / "chain.pem").unlink()
    (folder / "0000000007").mkdir()
    os.link(folder / "unfinished" / "key.pem", folder / "0000000007" / "key.pem")
    again = start("sensor-1", *_asking(folder), key=onboarding)
    again.wait("reported")
    assert again.events()[1:3] == ["assigned", "certificate-issued"]
    assert _names(folder) == ["0000000008"]
    assert again.stop() == 0


def test_no_key_is_logged(start: Start, onboarding: Path, folder: Path) -> None:
    device: Device = start("sensor-1", "--log-level", "debug", *_asking(folder), key=onboarding)
    device.wait("reported")
    device.stop()
    secrets = [
        onboarding.read_text().strip(),
        (folder / "0000000001" / "key.pem").read_text().splitlines()[1],
    ]
    assert not any(it in device.text() for it in [*secrets, "SharedAccessSignature"])
    assert json.loads((folder / "0000000001" / "assignment.json").read_text())["deviceId"] == "sensor-1"
