"""OCSP answers as `openssl ocsp` sees them, over HTTP and without; no request breaks the responder."""

from __future__ import annotations

import base64
import http.client
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certs import issue
from certs.errors import SignerError, SignerUnavailableError
from certs.keys import verify
from certs.life import listener
from certs.life.inventory import Inventory
from certs.life.listener import ListenError
from certs.life.ocsp import Responder
from tests.certs.life.conftest import Life
from tests.certs.life.test_revocation import authority, openssl, written


@pytest.fixture
def responder(pki: Any, life: Life) -> Responder:
    return Responder(life.inventory, [(pki.oslo, pki.oslo_signer)])


def request(certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes = b"") -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA256())
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


@contextmanager
def listening(pki: Any, life: Life) -> Iterator[int]:
    stop, ready, port = threading.Event(), threading.Event(), []

    def told(number: int) -> None:
        port.append(number)
        ready.set()

    def run() -> None:
        with Inventory(life.inventory.path) as own:
            responder = Responder(own, [(pki.oslo, pki.oslo_signer)])
            listener.serve(responder, "127.0.0.1", 0, stop.is_set, told)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(10)
        yield port[0]
    finally:
        stop.set()
        thread.join()


def test_openssl_asks_over_http(pki: Any, life: Life, tmp_path: Path) -> None:
    good, bad = life.issue("good"), life.issue("bad")
    strange = issue.issue_device(pki.oslo_signer, pki.oslo, "strange").certificate
    life.inventory.revoke(bad.serial_number, bad.issuer.rfc4514_string(), "keyCompromise")
    trust, issuer = (
        written(tmp_path / "trust.pem", pki.chain.root, pki.oslo),
        written(tmp_path / "i", pki.oslo),
    )
    told = []
    with listening(pki, life) as port:
        for certificate in (good, bad, strange):
            leaf = written(tmp_path / "leaf.pem", certificate)
            asked = ("-issuer", issuer, "-cert", leaf, "-CAfile", trust, "-nonce")
            done = openssl("ocsp", *asked, "-url", f"http://127.0.0.1:{port}/")
            assert "Response verify OK" in done.stderr, done.stderr
            assert "WARNING" not in done.stderr
            told.append(done.stdout)
    assert "leaf.pem: good" in told[0]
    assert "leaf.pem: revoked" in told[1]
    assert "Reason: keyCompromise" in told[1]
    assert "leaf.pem: unknown" in told[2]


def test_get_and_bad_calls(pki: Any, life: Life) -> None:
    leaf = life.issue("reefer")
    der = request(leaf, pki.oslo)
    text = urllib.parse.quote(base64.b64encode(der).decode(), safe="")
    post = {"Content-Type": listener.REQUEST_TYPE}
    with listening(pki, life) as port:
        assert _status(_call(port, "GET", f"/{text}")) == ocsp.OCSPResponseStatus.SUCCESSFUL
        assert _status(_call(port, "POST", "/", der, post)) == ocsp.OCSPResponseStatus.SUCCESSFUL
        for path in ("/", "/%%%", "/AAAA"):
            assert _status(_call(port, "GET", path)) == ocsp.OCSPResponseStatus.MALFORMED_REQUEST
        assert _call(port, "POST", "/", der, {"Content-Type": "text/plain"})[0] == 415
        assert _call(port, "POST", "/", b"x" * 20_000, post)[0] == 413
        assert _call(port, "POST", "/", iter([b"x"]), post | {"Transfer-Encoding": "chunked"})[0] == 411


def _call(port: int, method: str, path: str, body: Any = None, headers: Any = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _status(answer: tuple[int, bytes]) -> ocsp.OCSPResponseStatus:
    assert answer[0] == 200
    return ocsp.load_der_ocsp_response(answer[1]).response_status


def test_an_answer_says_when_and_why(pki: Any, life: Life, responder: Responder) -> None:
    leaf = life.issue("reefer")
    held = life.inventory.revoke(leaf.serial_number, leaf.issuer.rfc4514_string(), "superseded")
    answer = ocsp.load_der_ocsp_response(responder.answer(request(leaf, pki.oslo, b"n" * 32)))
    assert answer.certificate_status == ocsp.OCSPCertStatus.REVOKED
    assert (answer.revocation_time_utc, answer.revocation_reason) == (
        held.since,
        x509.ReasonFlags.superseded,
    )
    assert answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * 32
    assert answer.responder_name == pki.oslo.subject
    verify(pki.oslo.public_key(), answer.signature, answer.tbs_response_bytes)


def test_what_is_refused(pki: Any, life: Life, responder: Responder) -> None:
    leaf = life.issue("reefer")
    for data, status in (
        (b"", ocsp.OCSPResponseStatus.MALFORMED_REQUEST),
        (request(leaf, pki.oslo) + b"x", ocsp.OCSPResponseStatus.MALFORMED_REQUEST),
        (request(leaf, pki.oslo, b"n" * 129), ocsp.OCSPResponseStatus.MALFORMED_REQUEST),
        (request(leaf, pki.bergen), ocsp.OCSPResponseStatus.UNAUTHORIZED),
    ):
        assert ocsp.load_der_ocsp_response(responder.answer(data)).response_status == status
    with pytest.raises(SignerError, match="does not hold the key of 'CN=coldchain bergen"):
        Responder(life.inventory, [(pki.bergen, pki.oslo_signer)])


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        (lambda _: b"no signature", ocsp.OCSPResponseStatus.INTERNAL_ERROR),
        (SignerUnavailableError("the module is gone"), ocsp.OCSPResponseStatus.TRY_LATER),
    ],
)
def test_a_signer_that_fails(pki: Any, life: Life, wrong: Any, status: ocsp.OCSPResponseStatus) -> None:
    class Failing:
        def public_key(self) -> Any:
            return pki.oslo.public_key()

        def sign(self, data: bytes) -> bytes:
            if isinstance(wrong, Exception):
                raise wrong
            return bytes(wrong(data))

    answer = Responder(life.inventory, [(pki.oslo, Failing())]).answer(request(life.issue("r"), pki.oslo))
    assert ocsp.load_der_ocsp_response(answer).response_status == status


@given(data=st.binary(max_size=200), at=st.integers(0, 120), change=st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_no_request_breaks_it(pki: Any, responder: Responder, data: bytes, at: int, change: int) -> None:
    for hostile in (data, _changed(request(pki.bergen, pki.oslo, b"n" * 16), at, change)):
        answer = ocsp.load_der_ocsp_response(responder.answer(hostile))
        assert answer.response_status in set(ocsp.OCSPResponseStatus)


def _changed(data: bytes, at: int, change: int) -> bytes:
    at %= len(data)
    return data[:at] + bytes([change]) + data[at + 1 :]


@pytest.mark.parametrize("algorithm", ["ec-p384", "rsa-2048", "ed25519", "ml-dsa-44"])
def test_every_kind_of_key_answers(pki: Any, life: Life, algorithm: str) -> None:
    issuer, signer = authority(algorithm)
    answer = Responder(life.inventory, [(issuer, signer)]).answer(request(pki.oslo, issuer))
    read = ocsp.load_der_ocsp_response(answer)
    assert read.certificate_status == ocsp.OCSPCertStatus.UNKNOWN
    verify(signer.public_key(), read.signature, read.tbs_response_bytes)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.com", "10.0.0.1"])  # noqa: S104  it is refused
def test_it_listens_on_this_machine_alone(responder: Responder, host: str) -> None:
    with pytest.raises(ListenError, match="not on this machine alone"):
        listener.serve(responder, host, 0, lambda: True, lambda _: None)


def test_a_taken_port_is_told(pki: Any, life: Life, responder: Responder) -> None:
    with listening(pki, life) as port, pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}"):
        listener.serve(responder, "127.0.0.1", port, lambda: True, lambda _: None)
