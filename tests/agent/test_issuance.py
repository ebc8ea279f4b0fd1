"""DPS' answers to a registration with a request, told apart: kept, refused with its words, or try again."""

import base64
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent import certificates as made
from agent import https
from agent.credentials import SymmetricKey
from agent.errors import CloudError, RefusedError, UnavailableError
from agent.https import Answer, Request, Way
from agent.identities import Identities
from agent.issuance import CertificateProvisioning
from agent.options import Options, parse

from .test_certificates import NOW, chain_for, issued

SCOPE = "0ne00AB12CD"
ASSIGNED: dict[str, Any] = {"assignedHub": "hub-a", "deviceId": "sensor-1"}

Dps = Callable[[Request], Answer]


@pytest.fixture
def options(tmp_path: Path) -> Options:
    key = tmp_path / "device.key"
    key.touch(0o600)
    key.write_bytes(base64.b64encode(b"k" * 32))
    asking = ["--request-certificate", "--identity", str(tmp_path / "own"), "--symmetric-key-file", str(key)]
    return parse(["--registration-id", "sensor-1", "--id-scope", SCOPE, *asking], {})


@pytest.fixture
def identities(options: Options) -> Identities:
    assert options.issuance is not None
    return Identities(options.issuance.folder, "sensor-1", lambda: NOW)


@pytest.fixture
def enrol(options: Options, identities: Identities, monkeypatch: pytest.MonkeyPatch) -> Callable[[Dps], Any]:
    def run(dps: Dps) -> Any:
        monkeypatch.setattr(https, "send", lambda _way, request: dps(request))
        return CertificateProvisioning(options, identities, lambda: NOW).enrol()

    return run


def _chain(request: Request, subject: str = "sensor-1") -> list[str]:
    assert request.body is not None
    asked = x509.load_der_x509_csr(base64.b64decode(request.body["csr"]))
    signer = made.new_key()
    root = issued(signer.public_key(), "root", "root", signer)
    leaf = issued(asked.public_key(), subject, "root", signer)  # type: ignore[arg-type]  # it is of an EC key
    return [base64.b64encode(it.public_bytes(Encoding.DER)).decode() for it in (leaf, root)]


def _assigned(**more: Any) -> Answer:
    return Answer(200, {"status": "assigned", "registrationState": {**ASSIGNED, **more}})


def test_asked_polled_and_kept(enrol: Any, identities: Identities) -> None:
    seen: list[Request] = []
    chain: list[str] = []

    def dps(request: Request) -> Answer:
        seen.append(request)
        if request.method == "PUT":
            chain.extend(_chain(request))
            return Answer(202, {"operationId": "4.a/b", "status": "assigning"}, 0.01)
        return (
            _assigned(issuedCertificateChain=chain)
            if len(seen) > 2
            else Answer(202, {"status": "assigning"}, 0.01)
        )

    assignment = enrol(dps)
    assert (assignment.hub, assignment.device_id) == ("hub-a", "sensor-1")
    assert identities.known() == assignment
    first, second = seen[:2]
    assert first.path == f"/{SCOPE}/registrations/sensor-1/register?api-version=2026-11-01"
    assert second.path.startswith(f"/{SCOPE}/registrations/sensor-1/operations/4.a%2Fb?") or len(seen) == 3
    assert f"sr={SCOPE}/registrations/sensor-1&" in unquote(first.token)
    assert first.token.endswith("&skn=registration")
    assert "SharedAccessSignature" not in repr(first)


REFUSALS: dict[str, tuple[Dps, str]] = {
    "unknown": (lambda _: Answer(401, {"message": "not-enrolled: no such"}), "DPS 401: not-enrolled"),
    "no words": (lambda _: Answer(403, {}), "DPS 403: without a message"),
    "an older API": (
        lambda _: Answer(400, {"message": "Unsupported API version."}),
        "take API version 2026-11-01",
    ),
    "failed": (
        lambda _: Answer(200, {"status": "failed", "registrationState": {"errorMessage": "no hub"}}),
        "DPS: no hub",
    ),
    "disabled": (lambda _: Answer(200, {"status": "disabled"}), "DPS: disabled"),
    "a hub alone": (lambda _: _assigned(), "must name a certificate policy"),
    "no chain": (lambda _: _assigned(issuedCertificateChain=["?"]), "no certificate"),
    "for another device": (
        lambda request: _assigned(issuedCertificateChain=_chain(request, "sensor-2")),
        "for sensor-2, not sensor-1",
    ),
    "for another key": (
        lambda _: _assigned(
            issuedCertificateChain=[
                base64.b64encode(it.public_bytes(Encoding.DER)).decode() for it in chain_for(made.new_key())
            ]
        ),
        "another key",
    ),
}

OUTAGES: dict[str, tuple[Dps, str]] = {
    "busy": (lambda _: Answer(429, {"message": "later"}), "DPS 429"),
    "broken": (lambda _: Answer(500, {}), "DPS 500"),
    "no hub": (lambda _: Answer(200, {"status": "assigned", "registrationState": {}}), "no hub"),
}


@pytest.mark.parametrize(("dps", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refusals(enrol: Any, identities: Identities, dps: Dps, words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        enrol(dps)
    assert identities.known() is None


@pytest.mark.parametrize(("dps", "words"), OUTAGES.values(), ids=OUTAGES.keys())
def test_outages(enrol: Any, identities: Identities, dps: Dps, words: str) -> None:
    with pytest.raises(UnavailableError, match=words):
        enrol(dps)
    assert identities.known() is None


def test_given_up_while_it_waits(
    options: Options, identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    provisioning = CertificateProvisioning(options, identities, lambda: NOW)
    monkeypatch.setattr(https, "send", lambda *_: Answer(202, {"status": "assigning"}, 20.0))
    threading.Timer(0.05, provisioning.close).start()
    with pytest.raises(UnavailableError, match="given up"):
        provisioning.enrol()


def test_given_up_at_the_last_moment(
    options: Options, identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    provisioning = CertificateProvisioning(options, identities, lambda: NOW)

    def dps(_way: Way, request: Request) -> Answer:
        provisioning.close()
        return _assigned(issuedCertificateChain=_chain(request))

    monkeypatch.setattr(https, "send", dps)
    with pytest.raises(UnavailableError, match="given up"):
        provisioning.enrol()
    assert identities.known() is None


def test_a_folder_that_takes_nothing(enrol: Any, options: Options) -> None:
    assert options.issuance is not None
    options.issuance.folder.rmdir()
    options.issuance.folder.write_text("a file")
    with pytest.raises(UnavailableError, match="cannot be kept"):
        enrol(lambda request: _assigned(issuedCertificateChain=_chain(request)))


def test_a_key_that_is_gone(enrol: Any, options: Options) -> None:
    assert isinstance(options.credential, SymmetricKey)
    options.credential.file.unlink()
    with pytest.raises(UnavailableError, match="symmetric key cannot be used"):
        enrol(lambda _: _assigned())


def test_a_certificate_that_is_over_when_it_comes(
    options: Options, identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    provisioning = CertificateProvisioning(options, identities, lambda: NOW + timedelta(days=99))
    monkeypatch.setattr(
        https, "send", lambda _way, request: _assigned(issuedCertificateChain=_chain(request))
    )
    with pytest.raises(RefusedError, match="ended at"):
        provisioning.enrol()


bodies: st.SearchStrategy[Any] = st.dictionaries(
    st.sampled_from(["status", "registrationState", "message", "x"]),
    st.sampled_from(["assigned", "failed", None, 7, [], {}])
    | st.fixed_dictionaries(
        {},
        optional={
            "assignedHub": st.just("h"),
            "deviceId": st.just("d"),
            "issuedCertificateChain": st.integers(),
        },
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(200, 599), bodies)
def test_no_answer_breaks_the_device(enrol: Any, status: int, body: dict[str, Any]) -> None:
    with pytest.raises(CloudError):
        enrol(lambda _: Answer(status, body))
