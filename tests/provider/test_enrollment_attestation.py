"""How devices attest and where they go: every form of both resources, and what does not go together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provider.errors import ConflictError
from provider.handlers.enrollment_group import EnrollmentGroup
from provider.handlers.individual_enrollment import IndividualEnrollment
from provider.values import UNKNOWN, Secret

GROUP = EnrollmentGroup(lambda host: pytest.fail(f"asked for a client of {host}"))
HOOK = "https://allocate.azurewebsites.net/api/allocate?code=function-key-nobody-may-see"


def faults(handler: Any, given: dict[str, Any]) -> dict[str, str]:
    return {each.path: each.reason for each in handler.check(given).faults}


def test_exactly_one_attestation(group_inputs: dict[str, Any], bergen: Any) -> None:
    none = {**group_inputs, "signingCertificate": None}
    assert (
        "exactly one of signingCertificate, authorityReference" in faults(GROUP, none)["signingCertificate"]
    )
    both = {**group_inputs, "symmetricKey": True, "authorityReference": "oslo"}
    found = faults(GROUP, both)
    assert set(found) == {"authorityReference", "symmetricKey"}
    assert found["symmetricKey"].startswith("stands beside signingCertificate")
    assert faults(GROUP, {**none, "authorityReference": UNKNOWN}) == {}
    lonely = {**none, "symmetricKey": True, "secondarySigningCertificate": bergen.pem}
    assert "stands without signingCertificate" in faults(GROUP, lonely)["secondarySigningCertificate"]


def test_all_faults_come_at_once_those_between_properties_too(group_inputs: dict[str, Any]) -> None:
    found = faults(
        GROUP,
        {
            **group_inputs,
            "serviceHost": "evil.example",
            "allocationPolicy": "static",
            "webhookUrl": HOOK,
            "registry": {
                "namespaceName": "fleet",
                "certificateAuthorityName": "oslo",
                "certificatePolicyName": "daily",
            },
            "initialTwin": {"tags": {"a.b": 1}},
        },
    )
    assert set(found) == {"serviceHost", "webhookUrl", "iotHubs", "apiVersion", "initialTwin.tags"}
    assert "static asks no webhook" in found["webhookUrl"]
    assert "holds 2 hubs; allocationPolicy static needs exactly one" in found["iotHubs"]
    assert "in which an enrollment has no certificate authority" in found["apiVersion"]
    assert "2026-11-01" in found["apiVersion"]
    assert "the key 'a.b'" in found["initialTwin.tags"]


def test_custom_needs_its_webhook_and_never_shows_it(group_inputs: dict[str, Any]) -> None:
    custom = {**group_inputs, "allocationPolicy": "custom"}
    assert "needs the function" in faults(GROUP, custom)["webhookUrl"]
    assert faults(GROUP, {**custom, "webhookUrl": UNKNOWN}) == {}
    assert faults(GROUP, {**custom, "webhookUrl": Secret(HOOK)}) == {}
    for wrong in (HOOK.replace("https", "http"), 7):
        (reason,) = faults(GROUP, {**custom, "webhookUrl": wrong}).values()
        assert reason.startswith("is [secret]")
    assert GROUP.planned({**custom, "webhookUrl": HOOK})["webhookUrl"] == Secret(HOOK)


def test_a_webhook_is_sent_and_stays_secret(
    groups: EnrollmentGroup, life: Any, cloud: Any, group_inputs: dict[str, Any]
) -> None:
    one = life(groups)
    one.create({**group_inputs, "allocationPolicy": "custom", "webhookUrl": HOOK})
    sent = cloud.groups["reefers"]
    assert sent["customAllocationDefinition"] == {"webhookUrl": HOOK, "apiVersion": "2021-10-01"}
    before = dict(one.properties)
    assert before["webhookUrl"] == Secret(HOOK)
    assert one.refresh()
    assert one.properties == before
    cloud.groups["reefers"] |= {"etag": "x", "customAllocationDefinition": {"webhookUrl": HOOK + "2"}}
    with pytest.raises(ConflictError) as raised:
        one.update(enabled=False)
    assert "webhookUrl: differs (secret)" in raised.value.told()
    assert "function-key" not in raised.value.told() + str(raised.value)


def test_keys_of_the_service_go_back_and_nowhere_else(
    groups: EnrollmentGroup, life: Any, cloud: Any, group_inputs: dict[str, Any]
) -> None:
    one = life(groups)
    one.create({**group_inputs, "signingCertificate": None, "symmetricKey": True})
    made = json.loads(json.dumps(cloud.keys["reefers"]))
    assert cloud.groups["reefers"]["attestation"] == {"type": "symmetricKey"}
    one.update(enabled=False)
    assert cloud.keys["reefers"] == made, "a change keeps the devices' keys"
    assert cloud.groups["reefers"]["provisioningStatus"] == "disabled"
    assert one.refresh()
    assert one.changed() == {}
    for key in made["symmetricKey"].values():
        assert key not in repr((one.inputs, one.properties))


@pytest.mark.parametrize("shows_certificate", [True, False])
@pytest.mark.parametrize(
    ("form", "attestation"),
    [
        (
            {"authorityReference": "oslo", "secondaryAuthorityReference": "bergen"},
            {"type": "x509", "x509": {"caReferences": {"primary": "oslo", "secondary": "bergen"}}},
        ),
        ({"symmetricKey": True}, {"type": "symmetricKey"}),
    ],
)
def test_forms_of_a_group_survive_the_service(
    groups: EnrollmentGroup,
    life: Any,
    cloud: Any,
    group_inputs: dict[str, Any],
    form: dict[str, Any],
    attestation: dict[str, Any],
    *,
    shows_certificate: bool,
) -> None:
    cloud.shows_certificate = shows_certificate or "authorityReference" in form
    one = life(groups)
    one.create({**group_inputs, "signingCertificate": None, **form, "capabilities": {"iotEdge": True}})
    assert cloud.groups["reefers"]["attestation"] == attestation
    before = one.properties
    assert one.refresh()
    assert one.properties == before
    live = groups.read(one.resource_id, None)
    assert live is not None
    assert groups.found({}, live).properties == before


def test_certificates_from_a_registry_speak_the_newer_api(
    groups: EnrollmentGroup, life: Any, cloud: Any, group_inputs: dict[str, Any]
) -> None:
    registry = {
        "namespaceName": "fleet",
        "certificateAuthorityName": "oslo",
        "certificatePolicyName": "daily",
    }
    one = life(groups)
    one.create({**group_inputs, "apiVersion": "2026-11-01", "registry": registry})
    assert registry.items() <= cloud.groups["reefers"].items()
    assert {each.url.params["api-version"] for each in cloud.requests} == {"2026-11-01"}
    live = groups.read(one.resource_id, None)
    assert live is not None
    assert groups.found({}, live).inputs == one.inputs, "an import tells the registry, too"
    one.update(registry=None, apiVersion="2021-10-01")
    assert "namespaceName" not in cloud.groups["reefers"]


def test_another_kind_of_attestation_is_a_new_enrollment(group_inputs: dict[str, Any], bergen: Any) -> None:
    key = {**group_inputs, "signingCertificate": None, "symmetricKey": True}
    diff = GROUP.diff(group_inputs, group_inputs, key)
    assert {each.path for each in diff.changes if each.replaces} == {"signingCertificate", "symmetricKey"}
    assert diff.delete_first
    assert "symmetricKey instead of signingCertificate" in diff.notices[0].text
    back = GROUP.diff(key, key, group_inputs)
    assert "its keys are gone for good" in back.notices[0].text
    renewed = GROUP.diff(group_inputs, group_inputs, {**group_inputs, "signingCertificate": bergen.pem})
    assert [each.replaces for each in renewed.changes] == [""]
    unknown = GROUP.diff(group_inputs, group_inputs, {**group_inputs, "signingCertificate": UNKNOWN})
    assert [each.replaces for each in unknown.changes] == [""]


def test_individuals(
    individuals: IndividualEnrollment, life: Any, cloud: Any, device_inputs: dict[str, Any]
) -> None:
    one = life(individuals)
    one.create({**device_inputs, "deviceId": "Truck#7", "optionalDeviceInformation": {"plate": "EV 1"}})
    assert one.resource_id == "contoso.azure-devices-provisioning.net/enrollments/truck-7"
    document = cloud.individuals["truck-7"]
    assert document["deviceId"] == "Truck#7"
    assert document["optionalDeviceInformation"] == {"plate": "EV 1"}
    state = {"status": "assigned", "assignedHub": "one.azure-devices.net", "deviceId": "Truck#7"}
    document["registrationState"] = {**state, "lastUpdatedDateTimeUtc": "now"}
    assert one.refresh()
    assert one.properties["registrationState"] == state
    assert one.changed() == {}
    one.update(enabled=False)
    assert cloud.individuals["truck-7"]["provisioningStatus"] == "disabled"
    live = individuals.read(one.resource_id, None)
    assert live is not None
    assert individuals.found({}, live).inputs == one.inputs
    individuals.delete(one.resource_id)
    assert not one.refresh()


def test_a_certificate_is_of_its_device(device_inputs: dict[str, Any], leaf: Any) -> None:
    handler = IndividualEnrollment(lambda host: pytest.fail(f"asked for a client of {host}"))
    given = {**device_inputs, "symmetricKey": False, "clientCertificate": leaf.pem}
    assert "is of no-authority (the common name)" in faults(handler, given)["clientCertificate"]
    assert faults(handler, {**given, "registrationId": "NO-authority"}) == {}
    assert faults(handler, {**given, "registrationId": UNKNOWN}) == {}
    assert (
        "letter or digit at both ends" in faults(handler, {**given, "registrationId": "-a"})["registrationId"]
    )


def test_a_device_with_its_own_certificate(
    individuals: IndividualEnrollment, life: Any, cloud: Any, device_inputs: dict[str, Any], leaf: Any
) -> None:
    cloud.shows_certificate = False
    one = life(individuals)
    given = {**device_inputs, "symmetricKey": False, "registrationId": "no-authority"}
    one.create({**given, "clientCertificate": leaf.pem})
    sent = cloud.individuals["no-authority"]["attestation"]
    assert sent == {"type": "x509", "x509": {"clientCertificates": {"primary": {"certificate": leaf.pem}}}}
    before = one.properties
    assert one.refresh()
    assert one.properties == before
