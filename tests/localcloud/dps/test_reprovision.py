"""What a second registration does, under each reprovision policy, for each attestation, over HTTPS."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from localcloud.azure.dps.kinds import GROUP, INDIVIDUAL, Document

from .conftest import HUBS, Fleet, signed, token
from .software_tpm import Key, SoftwareTpm
from .test_admission import own, reference, signing

NAME = "pump-1"
TWIN = {"tags": {"line": "a"}, "properties": {"desired": {"interval": 60}}}
KEEP = {"updateHubAssignment": False, "migrateDeviceData": False}
MIGRATE = {"updateHubAssignment": True, "migrateDeviceData": True}
RESET = {"updateHubAssignment": True, "migrateDeviceData": False}
Device = Callable[[], Document]


def _registered(fleet: Fleet, body: bytes = b"{}", **how: Any) -> Document:
    accepted = fleet.register(NAME, body, **how)
    assert accepted.status == 202, accepted.body
    state: Document = fleet.poll(NAME, accepted, **how).body["registrationState"]
    return state


def _own_certificate(fleet: Fleet, **more: Any) -> Device:
    leaf = fleet.world.pki.leaf(NAME, None)
    fleet.individual(NAME, own(leaf), **more)
    return lambda: _registered(fleet, peer=[leaf.certificate])


def _own_authority(fleet: Fleet, **more: Any) -> Device:
    fleet.individual(NAME, reference("root"), **more)
    return lambda: _registered(fleet, peer=fleet.world.chain(NAME))


def _own_key(fleet: Fleet, **more: Any) -> Device:
    fleet.individual(NAME, {"type": "symmetricKey"}, **more)
    return lambda: _registered(fleet, token=token(fleet.keys(INDIVIDUAL, NAME)["primaryKey"], NAME))


def _tpm(fleet: Fleet, **more: Any) -> Device:
    tpm = SoftwareTpm(*(Key(ec.generate_private_key(ec.SECP256R1())) for _ in range(2)))
    fleet.individual(NAME, {"type": "tpm", "tpm": {"endorsementKey": tpm.endorsement.text}}, **more)
    keys = {"endorsementKey": tpm.endorsement.text, "storageRootKey": tpm.storage_root.text}
    body = json.dumps({"tpm": keys}).encode()

    def register() -> Document:
        tpm.activate(fleet.register(NAME, body).body["authenticationKey"])
        return _registered(fleet, body, token=signed(tpm.sign, NAME))

    return register


def _group_certificate(fleet: Fleet, **more: Any) -> Device:
    fleet.group("line", signing(fleet.world.factory), **more)
    return lambda: _registered(fleet, peer=fleet.world.chain(NAME))


def _group_key(fleet: Fleet, **more: Any) -> Device:
    fleet.group("line", {"type": "symmetricKey"}, **more)
    key = base64.b64decode(fleet.keys(GROUP, "line")["secondaryKey"])
    derived = base64.b64encode(hmac.new(key, NAME.encode(), hashlib.sha256).digest()).decode()
    return lambda: _registered(fleet, token=token(derived, NAME))


KINDS = (_own_certificate, _own_authority, _own_key, _tpm, _group_certificate, _group_key)


@pytest.mark.parametrize("kind", KINDS, ids=[it.__name__[1:] for it in KINDS])
@pytest.mark.parametrize(
    ("policy", "substatus", "reported"),
    [
        (KEEP, "reprovisionedToInitialAssignment", True),
        (MIGRATE, "deviceDataMigrated", True),
        (RESET, "deviceDataReset", False),
    ],
    ids=["keep", "migrate", "reset"],
)
def test_a_second_registration_when_the_hub_changes(
    fleet: Fleet, kind: Callable[..., Device], policy: Document, substatus: str, reported: bool
) -> None:
    hubs = fleet.world.hubs
    register = kind(fleet, reprovisionPolicy=policy, initialTwin=TWIN, capabilities={"iotEdge": False})
    first = register()["assignedHub"]
    hubs.patch_reported(first, NAME, {"seen": 1})
    hubs.patch_twin(first, NAME, {"properties": {"desired": {"interval": 5}}})
    [other] = set(HUBS) - {first}
    fleet.world.link("fleet", [{"name": other}])
    state = register()
    assert (state["assignedHub"], state["substatus"]) == (first if policy is KEEP else other, substatus)
    twin = hubs.get_twin(state["assignedHub"], NAME)
    assert ("seen" in twin["properties"]["reported"]) is reported
    assert twin["properties"]["desired"]["interval"] == (5 if reported else 60)
    assert len(fleet.world.store.list("device")) == 1
