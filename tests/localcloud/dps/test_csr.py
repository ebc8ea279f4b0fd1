"""Certificates from a request: checked, issued by the policy that the enrollment names, and shown once."""

import base64
import json
from itertools import pairwise
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from localcloud.azure import adr
from localcloud.azure.dps import csr
from localcloud.azure.dps.errors import DpsError

from .conftest import NAMESPACE, SCOPE, Fleet, csr_text, problem, request, result_of
from .test_admission import own

NAME = "pump-1"
REGISTRY = {
    "namespaceName": "coldchain",
    "certificateAuthorityName": "default",
    "certificatePolicyName": "short",
}


@pytest.fixture
def registry_fleet(fleet: Fleet) -> Fleet:
    """The service is linked to a namespace with a policy."""
    store = fleet.world.store
    [key] = [it for it, document in store.list("arm") if document["name"] == "fleet"]
    service = store.get("arm", key)
    assert service is not None
    service["properties"]["deviceRegistryNamespaces"] = [
        {"resourceId": NAMESPACE, "authenticationType": "SystemAssigned"}
    ]
    store.put("arm", key, service)
    adr.ensure_policy(store, fleet.clock, NAMESPACE, "short", 7)
    policy = f"{NAMESPACE}/credentials/default/policies/short"
    store.put("arm", policy.lower(), {"id": policy, "name": "short", "properties": {}})
    return fleet


def test_a_request_is_answered_with_a_chain(registry_fleet: Fleet) -> None:
    fleet, key = registry_fleet, ec.generate_private_key(ec.SECP256R1())
    onboarding = fleet.world.pki.leaf(NAME, None)
    fleet.individual(NAME, own(onboarding), **REGISTRY)
    how: dict[str, Any] = {"peer": [onboarding.certificate], "version": "2026-11-01"}
    body = json.dumps({"registrationId": NAME, "csr": csr_text(request(NAME, key))}).encode()
    accepted = fleet.register(NAME, body, **how)
    assert accepted.status == 202, accepted.body
    state = fleet.poll(NAME, accepted, **how).body["registrationState"]
    chain = [x509.load_der_x509_certificate(base64.b64decode(it)) for it in state["issuedCertificateChain"]]
    for below, above in pairwise(chain):
        below.verify_directly_issued_by(above)
    chain[-1].verify_directly_issued_by(chain[-1])
    assert chain[0].public_key() == key.public_key()
    assert chain[0].subject.rfc4514_string() == f"CN={NAME}"
    device = fleet.world.hubs.get_device(state["assignedHub"], NAME)
    assert device["authentication"]["type"] == "certificateAuthority"
    looked_up = fleet.call("POST", f"/{SCOPE}/registrations/{NAME}", **how)
    assert "issuedCertificateChain" not in looked_up.body
    assert "issuedCertificateChain" not in fleet.registry.registration("fleet", NAME)


CSR_FAULTS: list[tuple[str, dict[str, Any], str, str]] = [
    ("another name", {"csr": csr_text(request("pump-2"))}, "2026-11-01", "common name is 'pump-2'"),
    ("an older version", {"csr": csr_text(request(NAME))}, "2021-10-01", "with api-version 2026-11-01"),
    ("between", {"csr": csr_text(request(NAME))}, "2026-04-01", "this call is of 2026-04-01"),
    ("PEM", {"csr": "-----BEGIN CERTIFICATE REQUEST-----"}, "2026-11-01", "without the PEM header"),
    ("no base64", {"csr": "?"}, "2026-11-01", "no PKCS#10 request"),
    ("no request", {"csr": "AAAA"}, "2026-11-01", "no PKCS#10 request"),
    ("no text", {"csr": 7}, "2026-11-01", "csr: must be text"),
]


@pytest.mark.parametrize(
    ("body", "version", "words"), [it[1:] for it in CSR_FAULTS], ids=[it[0] for it in CSR_FAULTS]
)
def test_requests_that_get_no_certificate(
    registry_fleet: Fleet, body: dict[str, Any], version: str, words: str
) -> None:
    fleet, onboarding = registry_fleet, registry_fleet.world.pki.leaf(NAME, None)
    fleet.individual(NAME, own(onboarding), **REGISTRY)
    answer = fleet.register(NAME, json.dumps(body).encode(), peer=[onboarding.certificate], version=version)
    status, message = problem(answer)
    assert (status, words in message) == (400, True), message
    assert fleet.world.store.list("device") == []


def test_a_request_needs_a_policy_that_exists(registry_fleet: Fleet) -> None:
    fleet, onboarding = registry_fleet, registry_fleet.world.pki.leaf(NAME, None)
    how: dict[str, Any] = {"peer": [onboarding.certificate], "version": "2026-11-01"}
    body = json.dumps({"csr": csr_text(request(NAME))}).encode()
    fleet.individual(NAME, own(onboarding))
    assert "names no certificate policy" in problem(fleet.register(NAME, body, **how))[1]
    fleet.individual(NAME, own(onboarding), **{**REGISTRY, "certificatePolicyName": "gone"})
    assert "no certificate policy gone" in problem(fleet.register(NAME, body, **how))[1]
    assert "takes none" in problem(fleet.call("POST", f"/{SCOPE}/registrations/{NAME}", body, **how))[1]
    fleet.individual(NAME, own(onboarding), **{**REGISTRY, "certificateAuthorityName": "other"})
    assert "policy short of the authority other" in problem(fleet.register(NAME, body, **how))[1]
    assert fleet.refusals == ["certificate-refused"] * 3


WHOLE = base64.b64decode(csr_text(request(NAME)))


@given(
    st.binary(max_size=300)
    | st.builds(
        lambda at, new: WHOLE[:at] + new + WHOLE[at + len(new) :],
        st.integers(0, len(WHOLE) - 1),
        st.binary(min_size=1, max_size=3),
    )
)
def test_any_bytes_are_a_request_or_a_fault(data: bytes) -> None:
    found = result_of(lambda: csr.read(base64.b64encode(data).decode(), NAME), DpsError)
    if isinstance(found, DpsError):
        assert (found.status, found.message.startswith("csr: ")) == (400, True)
    else:
        assert found.is_signature_valid


@given(st.text(max_size=60))
def test_any_text_is_a_fault(text: str) -> None:
    with pytest.raises(DpsError, match="csr: "):
        csr.read(text, NAME)
