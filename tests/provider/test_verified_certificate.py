"""muster:dps:VerifiedCertificate: a true proof of possession, and what happens without one."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certs.chain import fingerprint
from provider.clients import Azure
from provider.clients.errors import ServiceError
from provider.errors import AlreadyExistsError, ConflictError, InitFailedError, InvalidIdError, ProofError
from provider.handlers import handlers
from provider.handlers.verified_certificate import VerifiedCertificate
from provider.values import UNKNOWN

NO_CLIENT = VerifiedCertificate(
    lambda _: pytest.fail("asked for a client"), lambda _: pytest.fail("asked for a signer")
)


def path(life: Any) -> str:
    return str(life.resource_id).lower()


def test_check_and_diff_need_no_client(certificate_inputs: dict[str, Any], bergen: Any, leaf: Any) -> None:
    assert NO_CLIENT.check(certificate_inputs).faults == ()
    wrong = {"provisioningServiceId": "contoso", "certificateName": "a/b", "certificate": leaf.pem}
    assert {fault.path for fault in NO_CLIENT.check(wrong).faults} == set(wrong)
    verified = {**certificate_inputs, "isVerified": True}
    diff = NO_CLIENT.diff(certificate_inputs, verified, {**certificate_inputs, "certificate": bergen.pem})
    assert [(each.path, each.replaces) for each in diff.changes] == [("certificate", "")]
    assert "replaced in place" in diff.notices[0].text
    shouted = {
        **certificate_inputs,
        "provisioningServiceId": certificate_inputs["provisioningServiceId"].upper(),
    }
    assert NO_CLIENT.diff(certificate_inputs, verified, shouted).changes == ()


def test_lost_verification_is_drift(certificate_inputs: dict[str, Any]) -> None:
    (change,) = NO_CLIENT.diff(
        certificate_inputs, {**certificate_inputs, "isVerified": False}, certificate_inputs
    ).changes
    assert (change.path, change.is_input, change.replaces) == ("isVerified", False, "")
    unknown = {**certificate_inputs, "certificate": UNKNOWN}
    assert [
        each.path for each in NO_CLIENT.diff(certificate_inputs, {"isVerified": True}, unknown).changes
    ] == ["certificate"]


def test_possession_is_proven_and_never_claimed(
    certificates: VerifiedCertificate, life: Any, cloud: Any, certificate_inputs: dict[str, Any], oslo: Any
) -> None:
    one = life(certificates)
    one.create(certificate_inputs)
    assert one.properties["isVerified"] is True
    assert one.properties["subject"] == "CN=oslo"
    assert one.resource_id.endswith("/provisioningServices/contoso/certificates/oslo")
    sent = b"".join(each.content for each in cloud.requests)
    assert b"isVerified" not in sent
    actions = [each.url.path.rpartition("/")[2] for each in cloud.requests if each.method == "POST"]
    assert actions == ["generateVerificationCode", "verify"]
    assert {each.url.params["api-version"] for each in cloud.requests} == {"2026-11-01"}
    private = oslo.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert private not in sent
    assert "PRIVATE" not in json.dumps(one.properties)


def test_without_the_key_nothing_is_made(
    certificates: VerifiedCertificate, life: Any, cloud: Any, certificate_inputs: dict[str, Any], bergen: Any
) -> None:
    with pytest.raises(ProofError) as raised:
        life(certificates).create({**certificate_inputs, "certificate": bergen.pem})
    text = str(raised.value)
    assert fingerprint(bergen.certificate) in text
    assert "MUSTER_KEY_STORE" in text
    assert "az iot dps certificate verify" in text
    assert "PUT" not in cloud.methods()


def test_a_refused_proof_keeps_the_certificate_in_the_state(
    certificates: VerifiedCertificate, life: Any, cloud: Any, certificate_inputs: dict[str, Any]
) -> None:
    cloud.accepts_proof = False
    with pytest.raises(InitFailedError, match="uploaded, but not verified") as raised:
        life(certificates).create(certificate_inputs)
    assert getattr(raised.value.outputs, "is_verified") is False  # noqa: B009 - outputs are untyped there
    cloud.accepts_proof = True
    (notice,) = life(certificates).create(certificate_inputs).notices
    assert "existed already" in notice.text


def test_lost_proof_is_mended_by_an_update(
    certificates: VerifiedCertificate, life: Any, cloud: Any, certificate_inputs: dict[str, Any]
) -> None:
    one = life(certificates)
    one.create(certificate_inputs)
    cloud.arm[path(one)]["properties"]["isVerified"] = False
    assert one.refresh()
    assert one.changed() == {"isVerified": False}
    one.update()
    assert one.properties["isVerified"] is True


@pytest.mark.parametrize("shown", [True, False])
def test_refresh_of_an_unchanged_certificate_is_quiet(
    certificates: VerifiedCertificate, life: Any, cloud: Any, certificate_inputs: dict[str, Any], shown: bool
) -> None:
    one = life(certificates)
    one.create(certificate_inputs)
    if not shown:
        cloud.arm[path(one)]["properties"].pop("certificate")
    before = dict(one.properties)
    assert one.refresh()
    assert one.properties == before


def test_another_certificate_is_proven_in_its_place(
    certificates: VerifiedCertificate,
    key_store: Any,
    life: Any,
    certificate_inputs: dict[str, Any],
    bergen: Any,
) -> None:
    key_store.add(bergen.key)
    one = life(certificates)
    one.create(certificate_inputs)
    one.update(certificate=bergen.pem)
    assert one.properties["isVerified"] is True
    assert one.properties["subject"] == "CN=bergen"


def test_what_others_did_is_never_overwritten(
    certificates: VerifiedCertificate, life: Any, cloud: Any, certificate_inputs: dict[str, Any], bergen: Any
) -> None:
    one = life(certificates)
    one.create(certificate_inputs)
    other = life(certificates)
    with pytest.raises(AlreadyExistsError, match="pulumi import"):
        other.create({**certificate_inputs, "certificate": bergen.pem})
    one.inputs = {**one.inputs, "certificate": bergen.pem}  # the state knows another one than the service has
    with pytest.raises(ConflictError, match="pulumi refresh"):
        one.update(certificate=bergen.pem)
    del cloud.arm[path(one)]
    with pytest.raises(ConflictError, match="gone"):
        one.update()


def test_delete_and_gone(
    certificates: VerifiedCertificate, life: Any, cloud: Any, certificate_inputs: dict[str, Any]
) -> None:
    one = life(certificates)
    one.create(certificate_inputs)
    certificates.delete(one.resource_id)
    assert path(one) not in cloud.arm
    certificates.delete(one.resource_id)
    assert not one.refresh()


def test_import(certificates: VerifiedCertificate, life: Any, certificate_inputs: dict[str, Any]) -> None:
    one = life(certificates)
    one.create(certificate_inputs)
    live = certificates.read(one.resource_id, None)
    assert live is not None
    assert certificates.found({}, live).properties == one.properties
    with pytest.raises(InvalidIdError, match="/certificates/<name>"):
        certificates.read("oslo", None)


def test_a_service_that_fails_the_upload_leaves_a_clean_error(
    certificates: VerifiedCertificate, life: Any, cloud: Any, certificate_inputs: dict[str, Any]
) -> None:
    body = {"error": {"code": "BadCertificate", "message": "no"}}
    cloud.answers = [
        httpx.Response(404),
        httpx.Response(400, json=body, headers={"x-ms-request-id": "track"}),
    ]
    with pytest.raises(ServiceError, match=r"400 BadCertificate: no \(tracking id track\)"):
        life(certificates).create(certificate_inputs)


def test_a_hub_takes_certificates_the_same_way(
    azure: Azure, key_store: Any, life: Any, cloud: Any, oslo: Any
) -> None:
    key_store.add(oslo.key)
    hub_id = "/subscriptions/s1/resourceGroups/fleet/providers/Microsoft.Devices/IotHubs/one"
    one = life(handlers(azure)["muster:hub:VerifiedCertificate"])
    one.create({"hubId": hub_id, "certificateName": "oslo", "certificate": oslo.pem})
    assert one.resource_id == f"{hub_id}/certificates/oslo"
    assert one.properties["isVerified"] is True
    assert {each.url.params["api-version"] for each in cloud.requests} == {"2023-06-30"}
    before = one.properties
    assert one.refresh()
    assert one.properties == before
    live = one.handler.read(one.resource_id, None)
    assert one.handler.found({}, live).inputs["certificate"] == oslo.pem
    one.handler.delete(one.resource_id)
    assert not one.refresh()
