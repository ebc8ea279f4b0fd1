"""The HTTPS device API: register, look up, poll; by certificate, by token, as a TPM, with a CSR."""

import base64
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from localcloud.azure.dps.kinds import INDIVIDUAL

from .conftest import HUBS, SCOPE, Fleet, problem, signed, token
from .software_tpm import EK_POLICY, Key, SoftwareTpm
from .test_admission import signing

NAME = "pump-1"


def test_by_certificate_accepted_then_assigned(fleet: Fleet) -> None:
    fleet.group("line", signing(fleet.world.factory))
    chain = fleet.world.chain(NAME)
    accepted = fleet.register(NAME, peer=chain)
    assert (accepted.status, accepted.body["status"]) == (202, "assigning")
    where = f"/{SCOPE}/registrations/{NAME}/operations/{accepted.body['operationId']}?api-version=2021-10-01"
    assert accepted.headers["Location"].endswith(where)
    assert int(accepted.headers["retry-after"]) > 0
    answer = fleet.poll(NAME, accepted, peer=chain)
    state = answer.body["registrationState"]
    assert (answer.status, answer.body["status"], state["substatus"]) == (
        200,
        "assigned",
        "initialAssignment",
    )
    assert (state["assignedHub"] in HUBS, state["deviceId"]) == (True, NAME)
    assert state["x509"] == {"enrollmentGroupId": "line"}
    looked_up = fleet.call("POST", f"/{SCOPE}/registrations/{NAME}", peer=chain)
    assert (looked_up.status, looked_up.body["assignedHub"]) == (200, state["assignedHub"])
    at_service = fleet.register(NAME, peer=chain, host="fleet.azure-devices-provisioning.net")
    assert at_service.status == 202
    elsewhere = fleet.register(NAME, peer=chain, host="other.azure-devices-provisioning.net")
    assert problem(elsewhere)[0] == 401


def test_by_token_with_a_device_id_of_its_own(fleet: Fleet) -> None:
    fleet.individual(
        NAME,
        {"type": "symmetricKey"},
        deviceId="Berth 7".replace(" ", "-"),
        capabilities={"iotEdge": True},
        optionalDeviceInformation={"maker": "x"},
    )
    proof = token(fleet.keys(INDIVIDUAL, NAME)["secondaryKey"], NAME)
    accepted = fleet.register(NAME, json.dumps({"registrationId": NAME}).encode(), token=proof)
    state = fleet.poll(NAME, accepted, token=proof).body["registrationState"]
    assert (state["deviceId"], state["symmetricKey"]) == ("Berth-7", {})
    device = fleet.world.hubs.get_device(state["assignedHub"], "Berth-7")
    assert device["authentication"]["symmetricKey"] == fleet.keys(INDIVIDUAL, NAME)
    assert device["capabilities"] == {"iotEdge": True}
    shown = fleet.registry.enrollments.get(INDIVIDUAL, "fleet", NAME)
    assert shown["registrationState"]["assignedHub"] == state["assignedHub"]


@pytest.mark.parametrize("make", ["curve", "rsa"])
def test_a_tpm_meets_its_challenge(fleet: Fleet, make: str) -> None:
    kinds: dict[str, Any] = {
        "curve": lambda: ec.generate_private_key(ec.SECP256R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
    }
    tpm = SoftwareTpm(Key(kinds[make](), EK_POLICY), Key(kinds[make]()))
    fleet.individual(NAME, {"type": "tpm", "tpm": {"endorsementKey": tpm.endorsement.text}})
    keys = {"endorsementKey": tpm.endorsement.text, "storageRootKey": tpm.storage_root.text}
    body = json.dumps({"registrationId": NAME, "tpm": keys}).encode()
    challenge = fleet.register(NAME, body)
    assert (challenge.status, challenge.body["keyName"]) == (401, "registration")
    tpm.activate(challenge.body["authenticationKey"])
    proof = signed(tpm.sign, NAME)
    accepted = fleet.register(NAME, body, token=proof)
    assert accepted.status == 202
    state = fleet.poll(NAME, accepted, token=proof).body["registrationState"]
    tpm.activate(state["tpm"]["authenticationKey"])
    device = fleet.world.hubs.get_device(state["assignedHub"], NAME)
    key = base64.b64decode(device["authentication"]["symmetricKey"]["primaryKey"])
    assert tpm.sign(b"x") == hmac.new(key, b"x", "sha256").digest(), "the device can sign for its hub"
    assert key.hex() not in json.dumps(state)
    assert fleet.poll(NAME, accepted).status == 401
    fleet.clock.advance(3601)
    assert (
        "no-challenge" in problem(fleet.poll(NAME, accepted, token=signed(tpm.sign, NAME, seconds=9999)))[1]
    )


def test_a_stranger_cannot_answer_for_a_tpm(fleet: Fleet) -> None:
    tpm, other = (SoftwareTpm(*(Key(ec.generate_private_key(ec.SECP256R1())) for _ in "es")) for _ in "ab")
    fleet.individual(NAME, {"type": "tpm", "tpm": {"endorsementKey": tpm.endorsement.text}})
    keys = {"endorsementKey": tpm.endorsement.text, "storageRootKey": other.storage_root.text}
    body = json.dumps({"tpm": keys}).encode()
    assert fleet.register(NAME, body).status == 401
    forged = fleet.register(NAME, body, token=token(base64.b64encode(b"k" * 32).decode(), NAME))
    assert problem(forged) == (
        401,
        "bad-signature: the token is not signed with the key of a challenge to this device",
    )
    broken = json.dumps({"tpm": {**keys, "storageRootKey": "AAAA"}}).encode()
    assert "no keys of a TPM" in problem(fleet.register(NAME, broken))[1]


def test_refusals_over_https_are_counted(fleet: Fleet) -> None:
    fleet.group("line", signing(fleet.world.factory), provisioningStatus="disabled")
    chain = fleet.world.chain(NAME)
    assert problem(fleet.register(NAME, peer=chain)) == (403, "disabled: enrollment group line is disabled")
    assert problem(fleet.register(NAME))[0] == 401
    assert problem(fleet.register(NAME, b'{"registrationId": "pump-2"}', peer=chain))[0] == 400
    assert problem(fleet.register(NAME, b"[]", peer=chain))[0] == 400
    assert problem(fleet.register(NAME, peer=chain, version="2027-01-01"))[0] == 400
    assert problem(fleet.register(NAME, peer=chain, version="2025-07-01-preview"))[0] == 400
    assert problem(fleet.call("GET", f"/{SCOPE}/registrations/{NAME}", b"", peer=chain))[0] == 405
    assert problem(fleet.call("GET", f"/{SCOPE}/nothing", b"", peer=chain))[0] == 404
    assert fleet.refusals == ["disabled", "no-certificate"]
