"""Everything wrong with a device's options is told at once, on stderr, before the SDK is loaded."""

import base64
import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent.credentials import Certificate, SymmetricKey
from agent.errors import OptionError
from agent.option_checks import Address
from agent.options import PROVISIONING_HOST, GatewayOptions, Issuance, Options, Parent, parse


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


# a key instead of a certificate


def _base(**changed: str) -> list[str]:
    given = {"registration-id": "reefer-1", "id-scope": "0ne00AB12CD"} | changed
    return [part for name, value in given.items() for part in (f"--{name}", value)]


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    path = tmp_path / "device.key"
    path.touch(0o600)
    path.write_bytes(base64.b64encode(b"k" * 32) + b"\n")
    return path


def test_a_symmetric_key_is_named_and_not_read_into_the_options(key_path: Path) -> None:
    options = parse([*_base(), "--symmetric-key-file", str(key_path), "--websockets"], {})
    assert options.credential == SymmetricKey(key_path)
    assert options.websockets
    assert key_path.read_text().strip() not in repr(options)


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (base64.b64encode(b"k" * 32), 0o640, "chmod 0600"),
        (base64.b64encode(b"k" * 15), 0o600, "15 bytes"),
        (base64.b64encode(b"k" * 65), 0o600, "65 bytes"),
        (b"secret words", 0o600, "no key in base64"),
        (b"", 0o600, "0 bytes"),
    ],
)
def test_a_symmetric_key_that_is_none(key_path: Path, content: bytes, mode: int, words: str) -> None:
    key_path.write_bytes(content)
    key_path.chmod(mode)
    (fault,) = _faults([*_base(), "--symmetric-key-file", str(key_path)])
    assert words in fault
    assert "secret" not in fault


def test_a_symmetric_key_that_is_not_there(tmp_path: Path) -> None:
    (fault,) = _faults([*_base(), "--symmetric-key-file", str(tmp_path / "missing")])
    assert "cannot be read" in fault


def test_certificates_from_dps(key_path: Path, tmp_path: Path) -> None:
    asking = ["--request-certificate", "--identity", str(tmp_path / "own"), "--renew-before-days", "1.5"]
    options = parse([*_base(), "--symmetric-key-file", str(key_path), *asking], {})
    assert options.issuance == Issuance(tmp_path / "own", timedelta(days=1.5))
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700
    (tmp_path / "own").chmod(0o750)
    (fault,) = _faults([*_base(), "--symmetric-key-file", str(key_path), *asking])
    assert "chmod 0700" in fault


def test_no_folder_is_made_when_something_is_wrong(key_path: Path, tmp_path: Path) -> None:
    asking = ["--request-certificate", "--identity", str(tmp_path / "own"), "--attempts", "-1"]
    assert len(_faults([*_base(), "--symmetric-key-file", str(key_path), *asking])) == 1
    assert not (tmp_path / "own").exists()


def test_a_child_of_a_gateway(identity: Path, pki: Path) -> None:
    way = [
        "--hub",
        "HUB-A.azure-devices.net",
        "--gateway-host",
        "gateway-1.local",
        "--trust",
        str(pki / "root.pem"),
    ]
    options = parse([*_arguments(identity)[:2], *_arguments(identity)[4:], *way], {})
    assert options.hub == "hub-a.azure-devices.net"
    assert options.parent == Parent("gateway-1.local", (pki / "root.pem").read_text())


def test_a_gateway(identity: Path, pki: Path) -> None:
    files = [str(identity / "leaf.pem"), "--server-key", str(identity / "key.pem")]
    own = ["--gateway", "--server-certificate", *files, "--children-ca", str(pki / "root.pem")]
    options = parse([*_arguments(identity), *own], {})
    server = Certificate(identity / "leaf.pem", identity / "key.pem")
    assert options.gateway == GatewayOptions(
        Address("127.0.0.1", 8883), server, (pki / "root.pem").read_text()
    )
    assert parse([*_arguments(identity), *own, "--listen", "[::1]:0"], {}).gateway == GatewayOptions(
        Address("::1", 0), server, (pki / "root.pem").read_text()
    )


COMBINATIONS = {
    "no credential": (["--id-scope", "s"], "are needed"),
    "half a certificate": (["--id-scope", "s", "--key", "k.pem"], "go together"),
    "two credentials": (
        ["--id-scope", "s", "CERTIFICATE", "--symmetric-key-file", "KEY"],
        "give one of them",
    ),
    "scope and hub": (["--id-scope", "s", "--hub", "h", "CERTIFICATE"], "asks no DPS"),
    "neither": (["CERTIFICATE"], "--id-scope is empty"),
    "a hub with a port": (["--hub", "h:8883", "CERTIFICATE"], "without a port"),
    "an identity alone": (["--id-scope", "s", "CERTIFICATE", "--identity", "d"], "go together"),
    "a request alone": (["--id-scope", "s", "CERTIFICATE", "--request-certificate"], "go together"),
    "a request of a hub": (
        ["--hub", "h", "CERTIFICATE", "--request-certificate", "--identity", "d"],
        "certificates come from DPS",
    ),
    "days alone": (["--id-scope", "s", "CERTIFICATE", "--renew-before-days", "3"], "--renew-before-days"),
    "trust alone": (["--id-scope", "s", "CERTIFICATE", "--trust", "KEY"], "goes with --gateway-host"),
    "a gateway without its own": (
        ["--id-scope", "s", "CERTIFICATE", "--gateway"],
        "needs --server-certificate",
    ),
    "listening as no gateway": (
        ["--id-scope", "s", "CERTIFICATE", "--listen", "127.0.0.1:1"],
        "go with --gateway",
    ),
    "a gateway below another": (
        ["--id-scope", "s", "CERTIFICATE", "SERVER", "--gateway", "--gateway-host", "g"],
        "gateways below gateways",
    ),
    "a gateway over websockets": (
        ["--id-scope", "s", "CERTIFICATE", "SERVER", "--gateway", "--websockets"],
        "need port 8883",
    ),
    "listening at a name": (
        ["--id-scope", "s", "CERTIFICATE", "SERVER", "--gateway", "--listen", "gateway:8883"],
        "127.0.0.1:8883",
    ),
    "negative days": (
        [
            "--id-scope",
            "s",
            "CERTIFICATE",
            "--request-certificate",
            "--identity",
            "d",
            "--renew-before-days",
            "-1",
        ],
        "more than 0",
    ),
}


@pytest.mark.parametrize(("arguments", "words"), COMBINATIONS.values(), ids=COMBINATIONS.keys())
def test_combinations(identity: Path, key_path: Path, arguments: list[str], words: str) -> None:
    leaf, key = str(identity / "leaf.pem"), str(identity / "key.pem")
    stands_for = {
        "CERTIFICATE": ["--certificate", leaf, "--key", key],
        "SERVER": ["--server-certificate", leaf, "--server-key", key],
        "KEY": [str(key_path)],
    }
    given = [part for it in arguments for part in stands_for.get(it, [it])]
    faults = _faults(["--registration-id", "reefer-1", *given])
    assert [words in it for it in faults] == [True], faults


def test_a_name_that_fits_no_certificate(key_path: Path, tmp_path: Path) -> None:
    asking = [
        "--request-certificate",
        "--identity",
        str(tmp_path / "own"),
        "--symmetric-key-file",
        str(key_path),
    ]
    (fault,) = _faults([*_base(**{"registration-id": "r" * 65}), *asking])
    assert "at most 64" in fault


def test_an_address_that_is_taken_is_wrong_use(identity: Path) -> None:
    leaf, key = str(identity / "leaf.pem"), str(identity / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        server = ["--gateway", "--listen", address, "--server-certificate", leaf, "--server-key", key]
        result = subprocess.run(
            [sys.executable, "-m", "agent", *_arguments(identity), *server],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "MUSTER_PROXY": "", "MUSTER_CA_FILE": ""},
            check=False,
        )
    assert result.returncode == 2
    assert result.stderr == f"--listen {address}: cannot be used (Address already in use)\n"
