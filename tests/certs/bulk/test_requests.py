"""The no-store mode: only requests come in, and nothing private comes out."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certs import clouds, csr
from certs.bulk import requests
from certs.bulk.bundle import Bundle, job_of
from certs.bulk.commission import Commission
from certs.bulk.crew import Alone, Processes
from certs.bulk.errors import ListError, StoppedError
from certs.bulk.exports.devices import devices
from certs.bulk.job import CSR
from certs.bulk.lists import Row
from certs.bulk.requests import RequestFolder, RequestList
from certs.bulk.run import issue
from certs.bulk.work import KeyAccess
from certs.errors import CertsError, SignerUnavailableError
from certs.keys import ALGORITHMS
from certs.profiles import DEVICE


def request(name: str, key: Any = None, *extensions: x509.ExtensionType) -> x509.CertificateSigningRequest:
    signing = key or ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(signing, hashes.SHA256() if not _hashless(signing) else None)


def _hashless(key: Any) -> bool:
    return not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)


def pem(made: x509.CertificateSigningRequest) -> bytes:
    return made.public_bytes(serialization.Encoding.PEM)


def der(made: x509.CertificateSigningRequest) -> bytes:
    return made.public_bytes(serialization.Encoding.DER)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "requests"
    path.mkdir()
    for number in range(1, 6):
        made = request(f"reefer-{number}")
        if number % 2:
            (path / f"{number}.csr").write_bytes(pem(made))
        else:
            (path / f"{number}.der").write_bytes(der(made))
    (path / "notes.txt").write_text("not a request")
    return path


def test_a_folder_of_requests(folder: Path, tmp_path: Path, pki: Any) -> None:
    out = tmp_path / "a.bundle"
    report = issue(Commission(RequestFolder(folder), pki.oslo, batch=2), pki.oslo_signer, Alone(), out)
    assert report.count == 5
    assert (job_of(out).algorithm, job_of(out).recipient) == (CSR, "")
    assert [batch.sealed for batch in Bundle.batches(out)] == [b"", b"", b""]
    found = list(devices(out, None))
    assert [device.registration_id for device in found] == [f"reefer-{n}" for n in range(1, 6)]
    for device, name in zip(found, sorted(folder.glob("?.*")), strict=True):
        asked = csr.load(name)
        assert device.certificate.public_key() == asked.public_key()
        device.certificate.verify_directly_issued_by(pki.oslo)
        assert device.key is None


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_a_csv_of_requests_with_every_kind_of_key(algorithm: str, tmp_path: Path, pki: Any) -> None:
    keys = [ALGORITHMS[algorithm].generate(), ALGORITHMS["ec-p256"].generate()]
    made = [request(f"d-{number}", key) for number, key in enumerate(keys)]
    lines = ["registration_id,csr", f"d-0,{base64.b64encode(der(made[0])).decode()}"]
    lines.append(f'd-1,"{pem(made[1]).decode()}"')
    path = tmp_path / "requests.csv"
    path.write_text("\n".join(lines) + "\n")
    source = requests.of_path(path)
    assert isinstance(source, RequestList)
    issue(Commission(source, pki.oslo), pki.oslo_signer, Alone(), tmp_path / "a.bundle")
    found = list(devices(tmp_path / "a.bundle", None))
    assert [device.certificate.public_key() for device in found] == [key.public_key() for key in keys]


def test_workers_take_requests(folder: Path, tmp_path: Path, pki: Any) -> None:
    out = tmp_path / "a.sqlite"
    crew = Processes(2, KeyAccess(pki.directory / "keys", pki.passphrase))
    issue(Commission(RequestFolder(folder), pki.oslo, batch=1), pki.oslo_signer, crew, out)
    assert Bundle.open(out).records == 5


class Gone:
    """A signer that signs twice."""

    def __init__(self, inner: Any) -> None:
        self._inner, self._left = inner, 2

    def public_key(self) -> Any:
        return self._inner.public_key()

    def sign(self, data: bytes) -> bytes:
        self._left -= 1
        if self._left < 0:
            raise SignerUnavailableError("gone")
        return bytes(self._inner.sign(data))


def test_requests_go_on_where_they_ended(folder: Path, tmp_path: Path, pki: Any) -> None:
    out, asked = tmp_path / "a.bundle", Commission(RequestFolder(folder), pki.oslo, batch=2)
    with pytest.raises(StoppedError, match="2 of 5"):
        issue(asked, Gone(pki.oslo_signer), Alone(), out)
    asked = Commission(RequestFolder(folder), pki.oslo, batch=2)
    assert issue(asked, pki.oslo_signer, Alone(), out, resume=True).resumed == 2


def test_every_bad_request_is_named_and_nothing_is_issued(folder: Path, tmp_path: Path, pki: Any) -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505  weak on purpose
    shared = ec.generate_private_key(ec.SECP256R1())
    ca = x509.BasicConstraints(ca=True, path_length=None)
    broken = bytearray(der(request("a-broken")))
    broken[-1] ^= 1
    bad = {
        "b-broken.der": bytes(broken),
        "b-ca.csr": pem(request("wants-more", None, ca)),
        "b-curve.csr": pem(request("curve", ec.generate_private_key(ec.SECP521R1()))),
        "b-junk.csr": b"junk",
        "b-name.csr": pem(request("bad name")),
        "b-private.pem": ALGORITHMS["ec-p256"]
        .generate()
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        "b-weak.csr": pem(request("weak", weak)),
        "c-first.csr": pem(request("first", shared)),
        "c-second.csr": pem(request("second", shared)),
        "c-twice.csr": pem(request("REEFER-1")),
    }
    for name, data in bad.items():
        (folder / name).write_bytes(data)
    with pytest.raises(ListError) as caught:
        issue(Commission(RequestFolder(folder), pki.oslo), pki.oslo_signer, Alone(), tmp_path / "a.bundle")
    told = "\n".join(caught.value.faults)
    for name, word in (
        ("b-broken.der", "does not verify"),
        ("b-ca.csr", "authority"),
        ("b-curve.csr", "secp521r1"),
        ("b-junk.csr", "malformed"),
        ("b-name.csr", "common name"),
        ("b-private.pem", "private key"),
        ("b-weak.csr", "1024 bits"),
        ("c-second.csr", "its key is there already, at c-first.csr"),
        ("c-twice.csr", "'REEFER-1' is there already, at 1.csr"),
    ):
        assert any(fault.startswith(name) and word in fault for fault in caught.value.faults), (name, told)
    assert "c-first.csr:" not in told
    assert not (tmp_path / "a.bundle").exists()


def test_rows_of_a_csv_that_are_no_requests(tmp_path: Path, pki: Any) -> None:
    good = base64.b64encode(der(request("d-1"))).decode()
    lines = ["registration_id,csr", f"d-2,{good}", "d-3,***", f",{good}", "d-4", "d-5,aGVsbG8="]
    path = tmp_path / "requests.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ListError) as caught:
        issue(Commission(RequestList(path), pki.oslo), pki.oslo_signer, Alone(), tmp_path / "a.bundle")
    told = list(caught.value.faults)
    assert "is for 'd-1'" in told[0]
    assert told[1:4] == [
        "line 3: its csr is neither PEM nor base64",
        "line 4: has no registration_id",
        "line 5: has 1 columns only",
    ]
    assert "malformed" in told[4]


def test_what_a_cloud_would_refuse_is_refused_by_the_kind_of_key(tmp_path: Path, pki: Any) -> None:
    folder = tmp_path / "requests"
    folder.mkdir()
    (folder / "a.csr").write_bytes(pem(request("a", ALGORITHMS["ed25519"].generate())))
    asked = Commission(RequestFolder(folder), pki.oslo, whose=(clouds.AZURE,))
    with pytest.raises(ListError, match=r"a\.csr: a key of kind Ed25519: Azure"):
        issue(asked, pki.oslo_signer, Alone(), tmp_path / "a.bundle")


def test_a_folder_that_cannot_be_read(tmp_path: Path, pki: Any) -> None:
    (tmp_path / "empty").mkdir()
    for path, word in ((tmp_path / "empty", "it is empty"), (tmp_path / "none", "No such file")):
        with pytest.raises(ListError, match=word):
            issue(Commission(requests.of_path(path), pki.oslo), pki.oslo_signer, Alone(), tmp_path / "a")
    (tmp_path / "requests").mkdir()
    (tmp_path / "requests" / "a.csr").mkdir()
    asked = Commission(RequestFolder(tmp_path / "requests"), pki.oslo)
    with pytest.raises(ListError, match="directory"):
        issue(asked, pki.oslo_signer, Alone(), tmp_path / "a")


@given(data=st.binary(max_size=400))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_no_request(data: bytes) -> None:
    with pytest.raises(CertsError):
        requests.admitted(Row(1, "a", data), "here", DEVICE)
