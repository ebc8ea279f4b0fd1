"""What an enrollment may say: kept, shown, changed; and every fault of a body at once."""

import base64
import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.azure.dps.enrollments import Surroundings, checked
from localcloud.azure.dps.errors import DpsError
from localcloud.azure.dps.kinds import GROUP, INDIVIDUAL, Document, Kind

from .conftest import HUBS, NAMESPACE, Fleet, result_of
from .software_tpm import Key
from .test_admission import own, reference, signing

NAME = "pump-1"
SYMMETRIC: Document = {"type": "symmetricKey"}
WEBHOOK = {"webhookUrl": "https://app.azurewebsites.net/api/choose?code=k", "apiVersion": "2021-10-01"}
REGISTRY = {
    "namespaceName": "coldchain",
    "certificateAuthorityName": "default",
    "certificatePolicyName": "short",
}


def _message(fleet: Fleet, kind: Kind, body: Document, version: str = "2026-11-01") -> str:
    around = fleet.registry.enrollments.surroundings("fleet", version)
    with pytest.raises(DpsError) as refused:
        fleet.registry.enrollments.put(kind, "fleet", NAME, {kind.member: NAME, **body}, None, around)
    assert refused.value.status == 400
    return refused.value.message


def test_keys_are_made_kept_and_shown_only_when_asked_for(fleet: Fleet) -> None:
    shown = fleet.individual(NAME, SYMMETRIC)
    assert shown["attestation"] == {"type": "symmetricKey"}
    keys = fleet.keys(INDIVIDUAL, NAME)
    assert {len(base64.b64decode(it)) for it in keys.values()} == {64}
    assert keys["primaryKey"] != keys["secondaryKey"]
    fleet.individual(NAME, shown["attestation"], provisioningStatus="disabled")
    assert fleet.keys(INDIVIDUAL, NAME) == keys
    chosen = base64.b64encode(b"k" * 16).decode()
    fleet.individual(NAME, {"type": "symmetricKey", "symmetricKey": {"primaryKey": chosen}})
    assert fleet.keys(INDIVIDUAL, NAME) == {"primaryKey": chosen, "secondaryKey": keys["secondaryKey"]}


def test_what_was_read_can_be_written_back(fleet: Fleet) -> None:
    pki = fleet.world.pki
    shown = fleet.individual(NAME, own(pki.leaf(NAME, None), pki.leaf(NAME, None)), iotHubs=[HUBS[0]])
    entries = shown["attestation"]["x509"]["clientCertificates"]
    assert [set(entries[slot]) for slot in ("primary", "secondary")] == [{"info"}, {"info"}]
    again = fleet.registry.enrollments.put(
        INDIVIDUAL, "fleet", NAME, shown, shown["etag"], fleet.registry.enrollments.surroundings("fleet")
    )
    assert {**again, "etag": 0, "lastUpdatedDateTimeUtc": 0} == {
        **shown,
        "etag": 0,
        "lastUpdatedDateTimeUtc": 0,
    }


def test_both_kinds_have_what_the_model_has(fleet: Fleet) -> None:
    more = {
        "allocationPolicy": "custom",
        "customAllocationDefinition": WEBHOOK,
        "iotHubs": [HUBS[0].upper()],
        "capabilities": {"iotEdge": True},
        "provisioningStatus": "disabled",
        "reprovisionPolicy": {"updateHubAssignment": True, "migrateDeviceData": False},
        "initialTwin": {"tags": {"line": "a"}, "properties": {"desired": {"interval": 60}}},
    }
    shown = fleet.group("line", reference("root", "ROOT"), **more)
    assert {name: shown[name] for name in more} == more
    only = {"deviceId": "Pump 1".replace(" ", ""), "optionalDeviceInformation": {"maker": "x"}}
    shown = fleet.individual(NAME, SYMMETRIC, **more, **only)
    assert {name: shown[name] for name in (*more, *only)} == {**more, **only}


def test_a_policy_that_is_not_named_is_the_services(fleet: Fleet) -> None:
    assert "allocationPolicy" not in fleet.individual(NAME, SYMMETRIC)


def test_registry_members_are_of_the_newest_version(fleet: Fleet) -> None:
    [key] = [it for it, found in fleet.world.store.list("arm") if found["name"] == "fleet"]
    service = fleet.world.store.get("arm", key)
    assert service is not None
    service["properties"]["deviceRegistryNamespaces"] = [{"resourceId": NAMESPACE}]
    fleet.world.store.put("arm", key, service)
    assert fleet.individual(NAME, SYMMETRIC, **REGISTRY)["certificatePolicyName"] == "short"
    enrollments = fleet.registry.enrollments
    assert not REGISTRY.keys() & enrollments.get(INDIVIDUAL, "fleet", NAME, "2021-10-01").keys()
    for version in ("2021-10-01", "2026-04-01"):
        message = _message(fleet, INDIVIDUAL, {"attestation": SYMMETRIC, **REGISTRY}, version)
        assert message == (
            "namespaceName, certificateAuthorityName, certificatePolicyName: certificates from Azure Device "
            f"Registry need api-version 2026-11-01; this call is of {version}"
        )
    body = {"attestation": SYMMETRIC, "namespaceName": "else-where", "certificatePolicyName": "-"}
    message = _message(fleet, GROUP, body)
    for words in (
        "certificatePolicyName: must match",
        "certificateAuthorityName is required with",
        "'else-where' is not linked to this service; linked are coldchain",
    ):
        assert words in message


FAULTS: list[tuple[str, Kind, Document, str]] = [
    ("no id scheme", INDIVIDUAL, {"registrationId": "other"}, "registrationId 'other' differs from 'pump-1'"),
    ("device id", INDIVIDUAL, {"deviceId": "a b"}, "deviceId 'a b' must match"),
    ("no hub for static", INDIVIDUAL, {"allocationPolicy": "static"}, "exactly one hub in iotHubs, not 0"),
    ("two for static", GROUP, {"allocationPolicy": "static", "iotHubs": list(HUBS)}, "exactly one hub"),
    ("no webhook", GROUP, {"allocationPolicy": "custom"}, "'custom' needs customAllocationDefinition"),
    (
        "needless webhook",
        GROUP,
        {"customAllocationDefinition": WEBHOOK},
        "goes with allocationPolicy 'custom'",
    ),
    (
        "plain webhook",
        GROUP,
        {"allocationPolicy": "custom", "customAllocationDefinition": {**WEBHOOK, "webhookUrl": "http://x"}},
        "webhookUrl must be an https address",
    ),
    (
        "old webhook",
        GROUP,
        {"allocationPolicy": "custom", "customAllocationDefinition": {**WEBHOOK, "apiVersion": "2017-11-15"}},
        "apiVersion '2017-11-15' must be 2018-09-01-preview or later",
    ),
    ("hub", INDIVIDUAL, {"iotHubHostName": "x.azure-devices.net"}, "iotHubHostName: 'x.azure-devices.net'"),
    ("twin", INDIVIDUAL, {"initialTwin": {"tags": {"a.b": 1}}}, "initialTwin: key 'a.b'"),
    ("large twin", GROUP, {"initialTwin": {"tags": {str(n): "x" * 4000 for n in range(9)}}}, "at most 8192"),
    ("group member", GROUP, {"deviceId": "x"}, "deviceId: is no property of EnrollmentGroup"),
    ("none", INDIVIDUAL, {"attestation": {"type": "none"}}, "takes x509, symmetricKey, tpm, not none"),
    ("TPM group", GROUP, {"attestation": {"type": "tpm"}}, "takes x509, symmetricKey, not tpm"),
    ("no EK", INDIVIDUAL, {"attestation": {"type": "tpm"}}, "tpm.endorsementKey: is required"),
    (
        "bad EK",
        INDIVIDUAL,
        {"attestation": {"type": "tpm", "tpm": {"endorsementKey": "AAAA"}}},
        "tpm.endorsementKey: is no public key of a TPM 2.0 (base64 of TPM2B_PUBLIC): 1 bytes too many",
    ),
    (
        "short key",
        GROUP,
        {"attestation": {"type": "symmetricKey", "symmetricKey": {"primaryKey": "aGk="}}},
        "symmetricKey.primaryKey: must have 16 to 64 bytes, not 2",
    ),
    (
        "no key",
        GROUP,
        {"attestation": {"type": "symmetricKey", "symmetricKey": {"secondaryKey": "?"}}},
        "symmetricKey.secondaryKey: must be base64",
    ),
    (
        "two ways",
        INDIVIDUAL,
        {"attestation": {**SYMMETRIC, "tpm": {"endorsementKey": "x"}}},
        "tpm: does not go",
    ),
    ("no x509", INDIVIDUAL, {"attestation": {"type": "x509"}}, "x509.clientCertificates: is required"),
    ("no reference", GROUP, {"attestation": reference("gone")}, "'gone' is no certificate of this"),
    (
        "no primary",
        GROUP,
        {"attestation": {"type": "x509", "x509": {"caReferences": {"secondary": "root"}}}},
        "x509.caReferences.primary: is required",
    ),
]


@pytest.mark.parametrize(("kind", "body", "words"), [it[1:] for it in FAULTS], ids=[it[0] for it in FAULTS])
def test_faults(fleet: Fleet, kind: Kind, body: Document, words: str) -> None:
    assert words in _message(fleet, kind, {"attestation": SYMMETRIC, **body})
    assert fleet.world.store.list(kind.kind) == []


def test_certificates_are_of_the_right_sort(fleet: Fleet) -> None:
    pki, factory = fleet.world.pki, fleet.world.factory
    cases: list[tuple[Kind, Document, str]] = [
        (INDIVIDUAL, signing(factory), "x509.signingCertificates: an individual enrollment takes"),
        (GROUP, own(factory), "x509.clientCertificates: an enrollment group takes"),
        (
            INDIVIDUAL,
            own(pki.leaf("pump-2", None)),
            "common name is 'pump-2', which must be the registration id",
        ),
        (INDIVIDUAL, own(pki.leaf(NAME, None, to_days=-0.5)), "primary.certificate: is valid from"),
        (GROUP, signing(pki.leaf(NAME, None)), "primary.certificate: is no certificate authority"),
        (
            GROUP,
            {"type": "x509", "x509": {**signing(factory)["x509"], **reference("root")["x509"]}},
            "does not go with caReferences",
        ),
    ]
    for kind, attestation, words in cases:
        assert words in _message(fleet, kind, {"attestation": attestation})


def test_all_faults_come_at_once_and_tell_no_key(fleet: Fleet) -> None:
    secret = "hush" * 40
    body = {
        "attestation": {"type": "symmetricKey", "symmetricKey": {"primaryKey": secret}},
        "iotHubs": ["x.azure-devices.net"],
        "provisioningStatus": "on",
        "allocationPolicy": "custom",
        "customAllocationDefinition": {"webhookUrl": f"https://a b?code={secret}", "apiVersion": "1"},
        "initialTwin": {"tags": {"a.b": 1}},
        "bogus": 1,
    }
    message = _message(fleet, INDIVIDUAL, body)
    for words in ("primaryKey", "'x.azure", "'on'", "webhookUrl", "apiVersion", "a.b", "bogus"):
        assert words in message
    assert secret not in message


def test_a_service_that_goes_takes_all_with_it(fleet: Fleet) -> None:
    fleet.individual(NAME, SYMMETRIC)
    fleet.group("line", signing(fleet.world.factory))
    fleet.registry.register("fleet", "pump-2", fleet.world.chain("pump-2"))
    fleet.registry.enrollments.forget("fleet")
    kinds = ("enrollment", "enrollment-group", "registration")
    assert [fleet.world.store.list(kind) for kind in kinds] == [[], [], []]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_TEXT = Key(ec.generate_private_key(ec.SECP256R1())).text
_WHOLE = {
    "registrationId": NAME,
    "attestation": {"type": "tpm", "tpm": {"endorsementKey": _TEXT}},
    "iotHubs": ["a"],
    "allocationPolicy": "static",
    "reprovisionPolicy": {"updateHubAssignment": True, "migrateDeviceData": True},
    "initialTwin": {"tags": {}, "properties": {"desired": {}}},
    "capabilities": {"iotEdge": False},
    "etag": "1",
}


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from([*_WHOLE, *REGISTRY, "deviceId", "customAllocationDefinition"]), _JSON)
)
def test_any_body_is_an_enrollment_or_a_fault(changes: dict[str, Any]) -> None:
    empty: frozenset[str] = frozenset()
    around = Surroundings(frozenset({"a"}), empty, empty, datetime.now(UTC))
    for kind in (INDIVIDUAL, GROUP):
        found = result_of(partial(checked, kind, NAME, {**_WHOLE, **changes}, None, around), DpsError)
        if isinstance(found, DpsError):
            assert (found.status, bool(found.message)) == (400, True)
        else:
            assert json.loads(json.dumps(found))[kind.member] == NAME
