"""muster:dps:EnrollmentGroup: check and diff with no client, then its life against DPS in memory."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from provider.errors import (
    AlreadyExistsError,
    ConflictError,
    IncompleteInputError,
    InvalidIdError,
    UnsupportedResourceError,
)
from provider.handlers.enrollment_group import EnrollmentGroup
from provider.values import UNKNOWN, Secret

HANDLER = EnrollmentGroup(lambda host: pytest.fail(f"asked for a client of {host}"))


def test_check_fills_in_defaults(group_inputs: dict[str, Any]) -> None:
    checked = HANDLER.check(group_inputs)
    assert checked.faults == ()
    defaults = {
        "apiVersion": "2021-10-01",
        "allocationPolicy": "hashed",
        "capabilities": {"iotEdge": False},
        "enabled": True,
        "symmetricKey": False,
        "webhookApiVersion": "2021-10-01",
    }
    assert checked.inputs == {**group_inputs, **defaults}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"serviceHost": "https://contoso.example"}, "service operations host"),
        ({"serviceHost": "evil.example"}, "a token is sent there"),
        ({"enrollmentGroupId": "a b"}, "up to 128"),
        ({"signingCertificate": "nonsense"}, "PEM text of one CA certificate"),
        ({"iotHubs": ["hub"]}, "host name"),
        ({"iotHubs": ["a.azure-devices.net", "A.azure-devices.net"]}, "twice"),
        ({"allocationPolicy": "random"}, "geoLatency, static or custom would be right"),
        ({"reprovision": "always"}, "keep, migrate or reset would be right"),
        ({"initialTwin": {"desires": {}}}, "did you mean desired?"),
    ],
)
def test_check_says_what_would_be_right(
    group_inputs: dict[str, Any], wrong: dict[str, Any], said: str
) -> None:
    (fault,) = HANDLER.check({**group_inputs, **wrong}).faults
    assert said in fault.reason


def test_check_refuses_what_is_no_authority_and_never_shows_a_key(
    group_inputs: dict[str, Any], leaf: Any, oslo: Any
) -> None:
    (fault,) = HANDLER.check({**group_inputs, "signingCertificate": leaf.pem}).faults
    assert "no CA" in fault.reason
    (fault,) = HANDLER.check({**group_inputs, "signingCertificate": oslo.pem * 2}).faults
    assert "2 certificates" in fault.reason
    key = "-----BEGIN " + "PRIVATE KEY-----\nMIGHAgEAMB\n-----END " + "PRIVATE KEY-----\n"
    (fault,) = HANDLER.check({**group_inputs, "signingCertificate": oslo.pem + key}).faults
    assert "private key" in fault.reason
    assert "MIGHAgEAMB" not in fault.reason


def test_diff_of_the_same_certificate_in_other_line_ends_is_empty(group_inputs: dict[str, Any]) -> None:
    other = {
        **group_inputs,
        "signingCertificate": "# oslo\r\n" + group_inputs["signingCertificate"].replace("\n", "\r\n"),
    }
    other["iotHubs"] = list(reversed(other["iotHubs"]))
    assert HANDLER.diff(group_inputs, group_inputs, other).changes == ()


def test_diff_says_what_replaces_and_why(group_inputs: dict[str, Any]) -> None:
    diff = HANDLER.diff(group_inputs, group_inputs, {**group_inputs, "enrollmentGroupId": "vans"})
    assert [(each.path, bool(each.replaces)) for each in diff.changes] == [("enrollmentGroupId", True)]
    assert not diff.delete_first
    assert [each.text for each in diff.notices] == [
        "enrollmentGroupId changes, so the enrollment group is replaced: it is part of its address"
    ]


def test_a_replacement_of_the_same_name_deletes_first(group_inputs: dict[str, Any]) -> None:
    assert HANDLER.diff(group_inputs, group_inputs, {**group_inputs, "enabled": False}).delete_first
    assert not HANDLER.diff(group_inputs, group_inputs, {**group_inputs, "serviceHost": UNKNOWN}).delete_first


def test_reset_says_whose_twin_is_wiped(group_inputs: dict[str, Any]) -> None:
    reset = {**group_inputs, "reprovision": "reset"}
    (notice,) = HANDLER.diff(group_inputs, group_inputs, reset).notices
    assert notice.warning
    assert "wipes the twins" in notice.text
    assert "group reefers" in notice.text
    assert HANDLER.diff(reset, reset, {**reset, "capabilities": {"iotEdge": True}}).notices == ()
    assert HANDLER.diff(reset, reset, {**reset, "iotHubs": UNKNOWN}).notices != ()
    (back,) = HANDLER.diff(reset, reset, group_inputs).notices
    assert back.text.startswith("reprovision: migrate moves the devices of group reefers")


def test_what_an_import_left_in_clear_becomes_secret(group_inputs: dict[str, Any]) -> None:
    marked = {
        **group_inputs,
        "initialTwin": {**group_inputs["initialTwin"], "tags": {"line": Secret("reefer")}},
    }
    (change,) = HANDLER.diff(group_inputs, group_inputs, marked).changes
    assert (change.path, change.replaces) == ("initialTwin", "")
    assert HANDLER.diff(marked, HANDLER.planned(marked), marked).changes == ()


def test_a_preview_promises_inputs_and_leaves_the_rest_unknown(group_inputs: dict[str, Any]) -> None:
    planned = HANDLER.planned({**group_inputs, "initialTwin": Secret({"tags": {}})})
    assert planned["etag"] is UNKNOWN
    assert planned["enrollmentGroupId"] == "reefers"
    assert planned["initialTwin"] == Secret({"tags": {}})


def test_create_sends_what_the_model_asks_for(
    groups: EnrollmentGroup, life: Any, cloud: Any, group_inputs: dict[str, Any], oslo: Any
) -> None:
    one = life(groups)
    one.create(group_inputs)
    assert one.resource_id == "contoso.azure-devices-provisioning.net/reefers"
    document = cloud.groups["reefers"]
    assert one.properties["etag"] == document.pop("etag")
    assert document == {
        "enrollmentGroupId": "reefers",
        "attestation": {
            "type": "x509",
            "x509": {"signingCertificates": {"primary": {"certificate": oslo.pem}}},
        },
        "provisioningStatus": "enabled",
        "reprovisionPolicy": {"updateHubAssignment": True, "migrateDeviceData": True},
        "allocationPolicy": "hashed",
        "capabilities": {"iotEdge": False},
        "iotHubs": group_inputs["iotHubs"],
        "initialTwin": {"tags": {"line": "reefer"}, "properties": {"desired": {"intervalSeconds": 60}}},
    }
    assert [dict(each.url.params) for each in cloud.requests] == [{"api-version": "2021-10-01"}] * 2


@pytest.mark.parametrize("word", ["keep", "migrate", "reset"])
def test_reprovision_policies_survive_the_service(
    groups: EnrollmentGroup, life: Any, group_inputs: dict[str, Any], word: str
) -> None:
    one = life(groups)
    one.create({**group_inputs, "reprovision": word, "enabled": False})
    before = one.inputs
    assert one.refresh()
    assert one.inputs == before
    assert one.changed() == {}


@pytest.mark.parametrize("shows_certificate", [True, False])
def test_refresh_of_an_unchanged_group_is_quiet(
    groups: EnrollmentGroup, life: Any, cloud: Any, group_inputs: dict[str, Any], shows_certificate: bool
) -> None:
    cloud.shows_certificate = shows_certificate
    one = life(groups)
    one.create({**group_inputs, "signingCertificate": group_inputs["signingCertificate"] + "\n\n"})
    cloud.groups["reefers"]["initialTwin"]["tags"]["$metadata"] = {"$lastUpdated": "now"}
    before = dict(one.properties)
    assert one.refresh()
    assert one.properties == before


def test_drift_is_seen_by_refresh_and_mended_by_up(
    groups: EnrollmentGroup, life: Any, cloud: Any, group_inputs: dict[str, Any], bergen: Any
) -> None:
    one = life(groups)
    one.create(group_inputs)
    declared = one.inputs
    document = cloud.groups["reefers"]
    document["provisioningStatus"] = "disabled"
    document["initialTwin"]["properties"]["desired"]["intervalSeconds"] = 5
    document["attestation"]["x509"]["signingCertificates"]["secondary"] = {"certificate": bergen.pem}
    document["etag"] = "by-hand"
    assert one.refresh()
    assert set(one.changed(**declared)) == {"enabled", "initialTwin.desired.intervalSeconds"}
    one.inputs.pop("secondarySigningCertificate")
    one.update(**declared)
    assert cloud.groups["reefers"]["provisioningStatus"] == "enabled"
    assert "secondary" not in cloud.groups["reefers"]["attestation"]["x509"]["signingCertificates"]


def test_a_group_that_is_gone_reads_as_gone_and_deletes_in_peace(
    groups: EnrollmentGroup, life: Any, cloud: Any, group_inputs: dict[str, Any]
) -> None:
    one = life(groups)
    one.create(group_inputs)
    groups.delete(one.resource_id)
    assert cloud.groups == {}
    groups.delete(one.resource_id)
    assert not one.refresh()
    with pytest.raises(ConflictError, match="gone from the service"):
        one.update(enabled=False)


def test_an_existing_group_is_never_taken_over(
    groups: EnrollmentGroup, life: Any, cloud: Any, group_inputs: dict[str, Any]
) -> None:
    life(groups).create(group_inputs)
    with pytest.raises(AlreadyExistsError) as raised:
        life(groups).create({**group_inputs, "enabled": False, "reprovision": "keep"})
    text = raised.value.told()
    assert "enabled: here False, in the service True" in text
    assert 'reprovision: here "keep", in the service "migrate"' in text
    assert (
        "pulumi import muster:dps:EnrollmentGroup NAME contoso.azure-devices-provisioning.net/reefers" in text
    )
    assert cloud.methods().count("PUT") == 1


def test_what_a_killed_run_left_is_taken_in_aloud(
    groups: EnrollmentGroup, life: Any, cloud: Any, group_inputs: dict[str, Any]
) -> None:
    life(groups).create(group_inputs)
    (notice,) = life(groups).create(group_inputs).notices
    assert "existed already, exactly as declared" in notice.text
    assert cloud.methods().count("PUT") == 1


def test_a_conflict_names_both_sides(
    groups: EnrollmentGroup, life: Any, cloud: Any, group_inputs: dict[str, Any]
) -> None:
    one = life(groups)
    one.create(group_inputs)
    cloud.groups["reefers"] |= {"etag": "by-hand", "provisioningStatus": "disabled"}
    with pytest.raises(ConflictError) as raised:
        one.update(reprovision="keep")
    text = raised.value.told()
    assert f"The state has ETag {one.properties['etag']}, the service by-hand" in text
    assert "enabled: here True, in the service False" in text
    assert "pulumi refresh" in text
    assert cloud.groups["reefers"]["provisioningStatus"] == "disabled"


def test_a_race_between_read_and_write_is_a_conflict_too(
    groups: EnrollmentGroup, life: Any, cloud: Any, group_inputs: dict[str, Any]
) -> None:
    one = life(groups)
    one.create(group_inputs)
    cloud.before_put = lambda: cloud.groups["reefers"].update(etag="raced", iotHubs=[])
    with pytest.raises(ConflictError, match="iotHubs"):
        one.update(enabled=False)


def test_an_answer_that_was_lost_is_no_conflict(
    groups: EnrollmentGroup, life: Any, cloud: Any, group_inputs: dict[str, Any]
) -> None:
    one = life(groups)
    one.create(group_inputs)

    def landed() -> None:
        cloud.groups["reefers"] |= {"etag": "ours", "provisioningStatus": "disabled"}

    cloud.before_put = landed
    one.update(enabled=False)
    assert one.properties["etag"] == "ours"


def test_conflicts_do_not_show_secrets(
    groups: EnrollmentGroup, life: Any, cloud: Any, group_inputs: dict[str, Any]
) -> None:
    one = life(groups)
    one.create({**group_inputs, "initialTwin": Secret({"desired": {"pin": "hunter2"}})})
    assert isinstance(one.properties["initialTwin"], Secret)
    cloud.groups["reefers"]["initialTwin"]["properties"]["desired"]["pin"] = "hunter3"
    cloud.groups["reefers"]["etag"] = "by-hand"
    with pytest.raises(ConflictError) as raised:
        one.update(enabled=False)
    for text in (str(raised.value), raised.value.told({"initialTwin"})):
        assert "initialTwin.desired.pin" in text
        assert "hunter" not in text


def test_import_takes_a_group_whose_certificate_the_service_keeps_to_itself(
    groups: EnrollmentGroup, life: Any, cloud: Any, group_inputs: dict[str, Any], oslo: Any
) -> None:
    life(groups).create(group_inputs)
    cloud.shows_certificate = False
    live = groups.read("contoso.azure-devices-provisioning.net/reefers", None)
    assert live is not None
    one = life(groups)
    found = groups.found({}, live)
    one.inputs, one.properties = found.inputs, found.properties
    assert groups.check(one.inputs).faults == ()
    assert one.inputs["signingCertificate"].startswith("sha256:")
    assert one.changed(signingCertificate=oslo.pem) == {}
    with pytest.raises(IncompleteInputError, match="give its PEM text"):
        one.update(enabled=False)
    one.update(enabled=False, signingCertificate=oslo.pem)
    assert cloud.groups["reefers"]["provisioningStatus"] == "disabled"


def test_import_refuses_other_ids_and_other_kinds(groups: EnrollmentGroup, cloud: Any) -> None:
    with pytest.raises(InvalidIdError, match="<group id>"):
        groups.read("reefers", None)
    cloud.groups["tpm"] = {"enrollmentGroupId": "tpm", "attestation": {"type": "tpm", "tpm": {"a": 1}}}
    with pytest.raises(UnsupportedResourceError, match="attests by tpm; this resource type describes"):
        groups.read("contoso.azure-devices-provisioning.net/tpm", None)


def test_a_busy_service_is_waited_for(
    groups: EnrollmentGroup, life: Any, cloud: Any, clock: Any, group_inputs: dict[str, Any]
) -> None:
    cloud.answers = [httpx.Response(429, headers={"retry-after": "7"}), httpx.Response(503)]
    life(groups).create(group_inputs)
    assert clock.slept[0] == 7
    assert len(clock.slept) == 2
