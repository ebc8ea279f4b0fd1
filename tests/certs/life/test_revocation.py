"""Revocation lists as OpenSSL, pkilint and our own verifier see them; what a kill or a wrong hand leaves."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certs import assemble, durable, intermediates, paths, revoked
from certs.errors import InventoryError, IssueError, SignerError, StorageError, UnreadableError
from certs.keys import ALGORITHMS
from certs.life import revocation
from certs.life.revocation import Partitions, Publisher, Revoked, build
from certs.reading import pem
from certs.signers.file import FileSigner
from tests.certs.life.conftest import PARTITIONS, Life

LINT_CRL = Path(sys.executable).with_name("lint_crl")


def openssl(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [shutil.which("openssl") or "openssl", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def of(life: Life, certificate: x509.Certificate) -> Path:
    return life.directory / PARTITIONS.file(PARTITIONS.of(certificate.serial_number))


def written(path: Path, *certificates: x509.Certificate) -> Path:
    path.write_text("".join(map(pem, certificates)))
    return path


def test_openssl_verifies_a_list_and_a_leaf_against_it(pki: Any, life: Life, tmp_path: Path) -> None:
    good, bad = life.issue("good"), life.issue("bad")
    life.publisher.publish(life.inventory)
    trust = written(tmp_path / "trust.pem", pki.chain.root, pki.oslo)
    for certificate in (good, bad):
        assert _checked(life, trust, certificate, tmp_path).returncode == 0
    _, path = life.publisher.revoke(life.inventory, bad.serial_number, "keyCompromise")
    done = openssl("crl", "-inform", "DER", "-in", path, "-CAfile", trust, "-noout")
    assert (done.returncode, done.stderr) == (0, "verify OK\n")
    assert _checked(life, trust, good, tmp_path).returncode == 0
    refused = _checked(life, trust, bad, tmp_path)
    assert refused.returncode == 2
    assert "certificate revoked" in refused.stderr


def _checked(
    life: Life, trust: Path, certificate: x509.Certificate, scratch: Path
) -> subprocess.CompletedProcess[str]:
    leaf = written(scratch / "leaf.pem", certificate)
    crl = scratch / "list.pem"
    openssl("crl", "-inform", "DER", "-in", of(life, certificate), "-out", crl)
    return openssl(
        "verify", "-x509_strict", "-extended_crl", "-crl_check", "-CRLfile", crl, "-CAfile", trust, leaf
    )


@pytest.mark.parametrize("algorithm", ["ec-p256", "ec-p384", "rsa-2048", "ed25519"])
def test_pkilint_finds_nothing(algorithm: str, tmp_path: Path) -> None:
    issuer, signer = authority(algorithm)
    entries = [
        Revoked(number, datetime.now(UTC), reason) for number, reason in enumerate(revocation.REASONS, 9)
    ]
    now = datetime.now(UTC).replace(microsecond=0)
    made = build(issuer, signer, [*entries, Revoked(7, now, "")], now, 3, PARTITIONS.url(0))
    path = tmp_path / "list.crl"
    path.write_bytes(made.public_bytes(Encoding.DER))
    done = subprocess.run(
        [str(LINT_CRL), "lint", "-t", "CRL", "-p", "PKIX", "-s", "NOTICE", str(path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr


def authority(algorithm: str) -> tuple[x509.Certificate, FileSigner]:
    signer = FileSigner(ALGORITHMS[algorithm].generate())
    order = intermediates.root_order("coldchain", "root", signer.public_key(), 30)
    return assemble.self_signed(order, signer), signer


def test_our_verifier_reads_the_partition_of_a_leaf(pki: Any, life: Life) -> None:
    leaf = life.issue("reefer")
    life.publisher.publish(life.inventory)
    path = paths.path_of(leaf, [pki.oslo], pki.chain.root)
    now = datetime.now(UTC)
    lists = [revoked.load(file) for file in sorted(life.directory.iterdir())]
    assert len(lists) == PARTITIONS.count
    own = revoked.load(of(life, leaf))
    assert list(revoked.faults(path, [own], now)) == []
    others = [each for each in lists if each != own]
    assert "not known" in str(next(revoked.faults(path, others, now)))
    _, file = life.publisher.revoke(life.inventory, leaf.serial_number, "superseded")
    (fault,) = revoked.faults(path, [revoked.load(file), *others], datetime.now(UTC))
    assert "revoked since" in fault.wrong
    assert "(superseded)" in fault.wrong
    old, _ = revoked.faults(path, [own], now + timedelta(days=revocation.LIST_DAYS + 1))
    assert old.wrong.endswith("is out of date")


def test_to_revoke_twice_mends_the_list(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    leaf = life.issue("reefer")
    with monkeypatch.context() as patch:
        patch.setattr(durable, "write", _full_disk)
        with pytest.raises(StorageError, match="No space left"):
            life.publisher.revoke(life.inventory, leaf.serial_number, "keyCompromise")
    name = leaf.issuer.rfc4514_string()
    first = life.inventory.by_serial(leaf.serial_number, name)
    assert first.fate == "revoked"
    assert not of(life, leaf).exists()
    again, path = life.publisher.revoke(life.inventory, leaf.serial_number, "keyCompromise")
    assert again == first
    (entry,) = revoked.load(path)
    assert (entry.serial_number, entry.revocation_date_utc) == (leaf.serial_number, first.since)


def _full_disk(path: Path, *_: object) -> None:
    raise StorageError(path, OSError(28, "No space left on device"))


def test_a_list_keeps_what_it_has_and_counts_on(life: Life) -> None:
    certificates = [life.issue(f"reefer-{number}") for number in range(12)]
    for each in certificates:
        life.publisher.revoke(life.inventory, each.serial_number, "cessationOfOperation")
    before = [revoked.load(path) for path in sorted(life.directory.iterdir())]
    assert {entry.serial_number for each in before for entry in each} == {
        each.serial_number for each in certificates
    }
    for path in life.directory.iterdir():
        path.unlink()
    assert life.publisher.publish(life.inventory) == 12
    assert life.publisher.publish(life.inventory) == 12
    after = [revoked.load(path) for path in sorted(life.directory.iterdir())]
    assert sum(len(each) for each in after) == 12
    for now, earlier in zip(after, before, strict=True):
        assert _number(now) > _number(earlier)
        assert now.next_update_utc is not None
        assert now.next_update_utc - now.last_update_utc == timedelta(days=revocation.LIST_DAYS)


def _number(found: x509.CertificateRevocationList) -> int:
    return found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def test_what_has_expired_is_left_out(life: Life) -> None:
    short, long = life.issue("short", 2), life.issue("long", 30)
    for each in (short, long):
        life.publisher.revoke(life.inventory, each.serial_number, "affiliationChanged")
    assert life.publisher.publish(life.inventory, datetime.now(UTC) + timedelta(days=3)) == 1
    found = {entry.serial_number for path in life.directory.iterdir() for entry in revoked.load(path)}
    assert found == {long.serial_number}


def test_a_wrong_signer_and_an_issuer_that_may_not_are_refused(pki: Any, forge: Any, tmp_path: Path) -> None:
    with pytest.raises(SignerError, match="does not hold the key of 'CN=coldchain bergen"):
        Publisher(tmp_path, pki.bergen, pki.oslo_signer, PARTITIONS)
    usage = x509.KeyUsage(False, False, False, False, False, True, False, False, False)
    mute = forge("mute", ca=True, extra=[usage])
    with pytest.raises(IssueError, match="lacks key usage cRLSign"):
        Publisher(tmp_path, mute.certificate, FileSigner(mute.key), PARTITIONS)


def test_a_signer_that_signs_wrong_writes_nothing(pki: Any, life: Life) -> None:
    class Liar:
        def public_key(self) -> Any:
            return pki.oslo_signer.public_key()

        def sign(self, data: bytes) -> bytes:
            return bytes(pki.oslo_signer.sign(data + b"!"))

    leaf = life.issue("reefer")
    lying = Publisher(life.directory, pki.oslo, Liar(), PARTITIONS)
    with pytest.raises(SignerError, match="does not verify; no list was written"):
        lying.revoke(life.inventory, leaf.serial_number, "keyCompromise")
    assert not life.directory.exists()


def test_bad_orders_change_nothing(life: Life) -> None:
    leaf = life.issue("reefer")
    for reason in ("", "unspecified", "removeFromCRL", "stolen"):
        with pytest.raises(IssueError, match="is no reason to revoke; it must be one of keyCompromise"):
            life.publisher.revoke(life.inventory, leaf.serial_number, reason)
    with pytest.raises(InventoryError, match=r"no certificate 7 of .* is in the inventory"):
        life.publisher.revoke(life.inventory, 7, "keyCompromise")
    assert life.inventory.by_serial(leaf.serial_number, leaf.issuer.rfc4514_string()).fate == "active"
    assert not life.directory.exists()


def test_a_damaged_list_is_told_and_published_anew(life: Life) -> None:
    leaf = life.issue("reefer")
    path = of(life, leaf)
    path.parent.mkdir()
    path.write_bytes(b"no list")
    with pytest.raises(UnreadableError, match=path.name):
        life.publisher.revoke(life.inventory, leaf.serial_number, "keyCompromise")
    assert life.publisher.publish(life.inventory) == 1
    assert len(revoked.load(path)) == 1


def test_entries_are_packed_and_unpacked() -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    entries = [Revoked(2**159 - 1, at, "keyCompromise"), Revoked(1, at, "")]
    assert list(Revoked.unpack(b"".join(each.pack() for each in entries))) == entries


def test_addresses() -> None:
    partitions = Partitions("https://crl.example/", 300)
    assert partitions.url(partitions.of(299)).value == "https://crl.example/00299.crl"
