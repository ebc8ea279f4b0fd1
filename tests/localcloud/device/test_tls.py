"""The local cloud's own TLS identity: made once, kept, renewed in time, good for its names only."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from localcloud.errors import StateError
from localcloud.tls import identity


def test_made_once_and_kept(tmp_path: Path) -> None:
    first = identity(tmp_path)
    again = identity(tmp_path)
    assert (again.authority, again.certificate) == (first.authority, first.certificate)
    first.certificate.verify_directly_issued_by(first.authority)
    modes = {it.name: it.stat().st_mode & 0o777 for it in tmp_path.iterdir()}
    assert modes == {
        "tls-ca.pem": 0o644,
        "tls-server.pem": 0o644,
        "tls-ca.key": 0o600,
        "tls-server.key": 0o600,
        "tls-server-aws.pem": 0o644,
        "tls-server-aws.key": 0o600,
    }


def test_server_certificate_is_renewed_under_the_same_authority(tmp_path: Path) -> None:
    first = identity(tmp_path)
    later = identity(tmp_path, datetime.now(UTC) + timedelta(days=340))
    assert later.authority == first.authority
    assert later.certificate != first.certificate
    much_later = identity(tmp_path, datetime.now(UTC) + timedelta(days=3640))
    assert much_later.authority != first.authority


@pytest.mark.parametrize("lost", ["tls-ca.key", "tls-ca.pem", "tls-server.key", "tls-server.pem"])
def test_lost_files_are_made_again(tmp_path: Path, lost: str) -> None:
    identity(tmp_path)
    (tmp_path / lost).unlink()
    whole = identity(tmp_path)
    whole.certificate.verify_directly_issued_by(whole.authority)


def test_files_of_two_starts_do_not_mix(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        identity(tmp_path / name)
    for file in ("tls-ca.pem", "tls-ca.key"):
        (tmp_path / "b" / file).replace(tmp_path / "a" / file)
    mixed = identity(tmp_path / "a")
    mixed.certificate.verify_directly_issued_by(mixed.authority)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    identity(tmp_path)
    (tmp_path / "tls-ca.pem").write_text("rubbish")
    with pytest.raises(StateError, match=r"tls-ca\.pem"):
        identity(tmp_path)


def test_authority_is_good_for_its_names_only(tmp_path: Path) -> None:
    constraints = identity(tmp_path).authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    names = {str(it.value) for it in constraints.value.permitted_subtrees or []}
    assert "azure-devices.net" in names
    assert "127.0.0.1/32" in names


def test_tls_versions_and_names(cloud: Any) -> None:
    cloud.start()
    port = cloud.endpoints["mqtt_port"]
    for name, version in (("x.azure-devices.net", "1.2"), ("localhost", "1.3"), ("127.0.0.1", "1.2")):
        context = ssl.create_default_context(cafile=str(cloud.trust))
        context.maximum_version = ssl.TLSVersion[f"TLSv{version.replace('.', '_')}"]
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            assert secure.version() == f"TLSv{version}"
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(cloud.trust)
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        pytest.raises(ssl.SSLError, match=r"PROTOCOL|VERSION|ALERT"),
    ):
        old.wrap_socket(plain, server_hostname="localhost")
