"""Everything wrong with a device's options is told at once, on stderr, before the SDK is loaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent.credentials import Certificate
from agent.errors import OptionError
from agent.option_checks import Address
from agent.options import PROVISIONING_HOST, Options, parse


def _arguments(identity: Path, **changed: str) -> list[str]:
    given = {
        "registration-id": "reefer-1",
        "id-scope": "0ne00AB12CD",
        "certificate": str(identity / "leaf.pem"),
        "key": str(identity / "key.pem"),
    } | {key.replace("_", "-"): value for key, value in changed.items()}
    return [part for name, value in given.items() for part in (f"--{name}", value)]


def _faults(arguments: list[str], environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(OptionError) as caught:
        parse(arguments, environment or {})
    return caught.value.faults


def test_defaults(identity: Path) -> None:
    assert parse(_arguments(identity), {}) == Options(
        registration_id="reefer-1",
        credential=Certificate(identity / "leaf.pem", identity / "key.pem"),
        id_scope="0ne00AB12CD",
        hub="",
        provisioning_host=PROVISIONING_HOST,
        attempts=0,
        log_level="info",
        websockets=False,
        proxy=None,
        trust_pem=None,
        issuance=None,
        parent=None,
        gateway=None,
    )


def test_proxy_and_trust_come_from_the_environment(identity: Path, pki: Path) -> None:
    options = parse(
        _arguments(identity),
        {"MUSTER_PROXY": "http://127.0.0.1:18443", "MUSTER_CA_FILE": str(pki / "root.pem")},
    )
    assert options.proxy == Address("127.0.0.1", 18443)
    assert options.trust_pem == (pki / "root.pem").read_text()


@pytest.mark.parametrize("name", ["-reefer", "reefer 1", "reefer/1", "r" * 129, "réefer", ""])
def test_a_registration_id_that_dps_would_not_take(identity: Path, name: str) -> None:
    assert len(_faults([*_arguments(identity)[2:], f"--registration-id={name}"])) == 1


@pytest.mark.parametrize("name", ["r", "reefer-1", "a.b_c:d", "R" * 128])
def test_registration_ids_that_dps_takes(identity: Path, name: str) -> None:
    assert parse(_arguments(identity, registration_id=name), {}).registration_id == name


@pytest.mark.parametrize(
    "proxy", ["127.0.0.1:1", "https://p:1", "http://p", "http://p:port", "http://[::1", "x"]
)
def test_a_proxy_that_is_none(identity: Path, proxy: str) -> None:
    (fault,) = _faults(_arguments(identity), {"MUSTER_PROXY": proxy})
    assert "http://host:port" in fault


def test_trust_that_is_none(identity: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for file in ("missing.pem", "empty.pem"):
        assert len(_faults(_arguments(identity), {"MUSTER_CA_FILE": str(tmp_path / file)})) == 1


def test_every_fault_at_once(tmp_path: Path) -> None:
    faults = _faults(
        _arguments(tmp_path, registration_id="reefer 1", id_scope=" ", attempts="-1"),
        {"MUSTER_PROXY": "nowhere", "MUSTER_CA_FILE": "missing.pem"},
    )
    assert len(faults) == 7


def test_a_key_of_another_certificate(identity: Path, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "key.pem").write_bytes(_pem(key, serialization.NoEncryption()))
    (fault,) = _faults(_arguments(identity, key=str(tmp_path / "key.pem")))
    assert "different pairs" in fault


def test_an_encrypted_key_asks_nobody(identity: Path, tmp_path: Path) -> None:
    key = serialization.load_pem_private_key((identity / "key.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    (tmp_path / "key.pem").write_bytes(_pem(key, serialization.BestAvailableEncryption(b"secret")))
    (fault,) = _faults(_arguments(identity, key=str(tmp_path / "key.pem")))
    assert "is encrypted" in fault


def test_a_certificate_that_is_none(identity: Path, tmp_path: Path) -> None:
    (tmp_path / "leaf.pem").write_text("words")
    (fault,) = _faults(_arguments(identity, certificate=str(tmp_path / "leaf.pem")))
    assert "no PEM certificate" in fault


def _pem(key: ec.EllipticCurvePrivateKey, encryption: serialization.KeySerializationEncryption) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def test_wrong_use_is_exit_code_2_without_a_traceback(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "agent", *_arguments(tmp_path, attempts="-1")],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "MUSTER_PROXY": "", "MUSTER_CA_FILE": ""},
        check=False,
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 3
    assert "Traceback" not in result.stderr
