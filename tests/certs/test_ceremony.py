"""The offline root: four steps, what is refused at each, and the written record."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from certs import assemble, ceremony, csr, handover, intermediates, issue, pkcs8, record
from certs.authority import Authority
from certs.chain import verify_leaf
from certs.errors import (
    AuthorityError,
    ChainError,
    ClockError,
    ExistsError,
    InvalidNameError,
    PassphraseError,
    RequestError,
    UnreadableError,
)
from certs.intermediates import Choices
from certs.keys import ALGORITHMS
from certs.life.ledger import Ledger
from certs.reading import fingerprint
from certs.signers.file import FileSigner

SECRET = b"twelve or more"
PLAIN = Choices()
SERVERS = Choices(servers={"edge": ["plant.example"]})


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pkcs8, "COST", 16)


@pytest.fixture
def offline(tmp_path: Path) -> Authority:
    return ceremony.make_root(tmp_path / "offline", "coldchain", SECRET, 7300, PLAIN, "Ada Lovelace")


@pytest.fixture
def requests(tmp_path: Path) -> dict[str, Path]:
    return ceremony.request(tmp_path / "pki", "coldchain", ["oslo"], SECRET, SERVERS)


def loaded(requests: dict[str, Path]) -> dict[str, x509.CertificateSigningRequest]:
    return {str(path): csr.load(path) for path in requests.values()}


def sign(offline: Authority, requests: dict[str, Path], out: Path) -> Path:
    return ceremony.sign(offline, loaded(requests), out, SECRET, 3650, SERVERS, "Ada Lovelace")[1]


def sha256(offline: Authority) -> str:
    return fingerprint(offline.record.entries["root"].certificate)


def test_four_steps(offline: Authority, requests: dict[str, Path], tmp_path: Path) -> None:
    granted = tmp_path / "granted"
    sign(offline, requests, granted)
    typed = " ".join(f"{sha256(offline)[at : at + 4].upper()}:" for at in range(0, 64, 4))
    made = handover.install(tmp_path / "pki", granted, typed)
    assert list(made.record.entries) == ["root", "oslo", "edge"]
    oslo = made.record.entries["oslo"].certificate
    device = issue.issue_device(made.signer("oslo", SECRET), oslo, "unit-1", 9)
    verify_leaf(device.certificate, [oslo], made.chain().root)
    assert made.record.entries["edge"].kind == "server-issuer"


def test_the_roots_key_stays_offline_and_the_issuers_online(
    offline: Authority, requests: dict[str, Path], tmp_path: Path
) -> None:
    sign(offline, requests, tmp_path / "granted")
    made = handover.install(tmp_path / "pki", tmp_path / "granted", sha256(offline))
    assert len(list((tmp_path / "offline" / "keys").iterdir())) == 1
    assert len(list((tmp_path / "pki" / "keys").iterdir())) == 2
    assert not made.store(SECRET).holds(made.record.entries["root"].certificate)
    carried = [path.read_bytes() for path in (tmp_path / "granted").rglob("*") if path.is_file()]
    carried += [path.read_bytes() for path in requests.values()]
    assert carried
    assert not any(b"PRIVATE" in data for data in carried)


def test_the_written_record_says_who_when_which_key_and_what(
    offline: Authority, requests: dict[str, Path], tmp_path: Path
) -> None:
    text = sign(offline, requests, tmp_path / "granted")
    told = text.read_text()
    document = json.loads(text.with_suffix(".json").read_text())
    assert document["operator"] == "Ada Lovelace"
    assert document["signedBy"]["sha256"] == sha256(offline)
    for made in document["made"]:
        assert made["sha256"] in told.replace(" ", "")
        assert made["keyId"] in told.replace(" ", "")
    assert [made["name"] for made in document["made"]] == ["oslo", "edge"]
    assert "by       Ada Lovelace" in told
    assert (tmp_path / "granted" / "records" / text.name).read_text() == told
    lines = list(Ledger(offline.directory / "ledger.jsonl").lines())
    assert [line.facts["name"] for line in lines] == ["root", "oslo", "edge"]


@pytest.mark.parametrize("operator", ["", "  ", "a\nb", "x" * 201])
def test_an_operator_without_a_name_makes_nothing(tmp_path: Path, operator: str) -> None:
    with pytest.raises(InvalidNameError, match="say who does this"):
        ceremony.make_root(tmp_path / "offline", "coldchain", SECRET, 99, PLAIN, operator)
    assert list(tmp_path.iterdir()) == []


def test_an_issuer_may_be_added_later(offline: Authority, requests: dict[str, Path], tmp_path: Path) -> None:
    sign(offline, requests, tmp_path / "granted")
    handover.install(tmp_path / "pki", tmp_path / "granted", sha256(offline))
    more = ceremony.request(tmp_path / "pki", "coldchain", ["bergen"], SECRET, PLAIN)
    sign(Authority.open(offline.directory), more, tmp_path / "more")
    with pytest.raises(AuthorityError, match="which is not what was given"):
        handover.install(tmp_path / "pki", tmp_path / "more", "00" * 32)
    made = handover.install(tmp_path / "pki", tmp_path / "more")
    assert set(made.chain().issuers) == {"oslo", "edge", "bergen"}
    with pytest.raises(ExistsError):
        ceremony.request(tmp_path / "pki", "coldchain", ["oslo"], SECRET, PLAIN)
    with pytest.raises(ExistsError):
        handover.install(tmp_path / "pki", tmp_path / "more", sha256(offline))


def test_requests_that_are_refused_all_at_once(offline: Authority, tmp_path: Path) -> None:
    def made(fleet: str, part: str, key: str = "ec-p256") -> x509.CertificateSigningRequest:
        return csr.make(FileSigner(ALGORITHMS[key].generate()), intermediates.subject(fleet, part))

    plain = csr.make(FileSigner(ALGORITHMS["ec-p256"].generate()), assemble.subject("coldchain oslo"))
    forged = csr.parse(
        bytes([*made("coldchain", "forged").public_bytes(serialization.Encoding.DER)][:-1]) + b"\x00",
        "forged",
    )
    weak = x509.CertificateSigningRequestBuilder().subject_name(intermediates.subject("coldchain", "weak"))
    requests = {
        "other": made("warmchain", "oslo"),
        "nofleet": plain,
        "forged": forged,
        "root": made("coldchain", "root-2"),
        "one": made("coldchain", "one"),
        "two": made("coldchain", "one"),
        "weak": weak.sign(ec.generate_private_key(ec.SECP521R1()), hashes.SHA512()),
    }
    with pytest.raises(RequestError) as caught:
        ceremony.sign(offline, requests, tmp_path / "out", SECRET, 99, PLAIN, "Ada")
    assert {fault.which for fault in caught.value.faults} == set(requests)
    assert not (tmp_path / "out").exists()
    assert list(Authority.open(offline.directory).record.entries) == ["root"]


def test_a_second_signature_and_an_occupied_place_are_refused(
    offline: Authority, requests: dict[str, Path], tmp_path: Path
) -> None:
    sign(offline, requests, tmp_path / "granted")
    with pytest.raises(RequestError, match="'oslo' is certified already"):
        sign(Authority.open(offline.directory), requests, tmp_path / "again")
    with pytest.raises(ExistsError):
        ceremony.make_root(offline.directory, "coldchain", SECRET, 99, PLAIN, "Ada")


def test_what_install_refuses(offline: Authority, requests: dict[str, Path], tmp_path: Path) -> None:
    granted, pki = tmp_path / "granted", tmp_path / "pki"
    sign(offline, requests, granted)
    with pytest.raises(AuthorityError, match="which is not what was given"):
        handover.install(pki, granted, "00" * 32)
    with pytest.raises(AuthorityError, match="its root is new here: give the SHA-256"):
        handover.install(pki, granted)
    with pytest.raises(AuthorityError, match="has no key of oslo, edge"):
        handover.install(tmp_path / "elsewhere", granted, sha256(offline))
    (granted / "authority.json").write_text((granted / "authority.json").read_text().replace("sha256", "sha"))
    with pytest.raises(UnreadableError, match="damaged"):
        handover.install(pki, granted, sha256(offline))
    assert not (pki / "authority.json").exists()


def test_certificates_of_another_hand_are_refused(
    offline: Authority, requests: dict[str, Path], tmp_path: Path
) -> None:
    """Somebody on the way swaps an issuer's certificate for one that the root has not signed."""
    granted = tmp_path / "granted"
    sign(offline, requests, granted)
    thief = FileSigner(ALGORITHMS["ec-p256"].generate())
    found = record.read(granted)
    root = assemble.self_signed(intermediates.root_order("coldchain", "root", thief.public_key(), 99), thief)
    key = csr.load(requests["oslo"]).public_key()
    order = intermediates.wanted(["oslo"], PLAIN)[0].order("coldchain", key, 9)  # type: ignore[arg-type]  # one of ours
    swapped = record.Entry("oslo", "issuer", "root", assemble.issued(order, thief, root))
    entries = [swapped if each.name == "oslo" else each for each in found.entries.values()]
    shutil.rmtree(granted)
    granted.mkdir()
    record.write(granted, record.new("coldchain", entries, datetime.now(UTC)))
    with pytest.raises(ChainError, match="not signed by the key of root"):
        handover.install(tmp_path / "pki", granted, sha256(offline))


def test_a_clock_set_back_signs_nothing(
    offline: Authority, requests: dict[str, Path], tmp_path: Path
) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    ahead = Authority(offline.directory, offline.record.with_entries([], later))
    record.write(offline.directory, ahead.record)
    with pytest.raises(ClockError, match="set the clock right"):
        sign(ahead, requests, tmp_path / "granted")
    assert not (tmp_path / "granted").exists()


def test_another_fleet_and_a_short_passphrase(tmp_path: Path, requests: dict[str, Path]) -> None:
    with pytest.raises(PassphraseError):
        ceremony.request(tmp_path / "new", "coldchain", ["oslo"], b"short", PLAIN)
    with pytest.raises(InvalidNameError):
        ceremony.request(tmp_path / "new", "coldchain", ["root-2", "Oslo"], SECRET, PLAIN)
    assert not (tmp_path / "new").exists()
    with pytest.raises(ExistsError):
        ceremony.request(tmp_path / "pki", "coldchain", ["bergen"], SECRET, PLAIN)
