"""Every way of enrolment on AWS, from the stack file to genuine devices' shadows."""

from __future__ import annotations

import json

import pytest

from tests.e2e.aws_fleet import TWIN, AwsFleet

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("aws-fleet"), pytest.mark.timeout(600)]

WAYS = {
    "reefer-aws-0001": "registration",
    "truck-aws-0001": "provisioning",
    "van-aws-0001": "claim",
    "crate-aws-0001": "claim",
}


@pytest.mark.parametrize("device", WAYS)
def test_each_way_brings_a_device_up(aws_fleet: AwsFleet, device: str) -> None:
    found = {it["registrationId"]: it for it in aws_fleet.workspace.summary()["devices"]}[device]
    assert (found["state"], found["cloud"]) == ("up", "aws")
    log = aws_fleet.workspace.state / "devices" / device / "agent.log"
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    steps = [it for it in events if it in ("starting", "assigned", "connected", "twin", "reported")]
    assert steps == ["starting", "assigned", "connected", "twin", "reported"]
    assert ("certificate-issued" in events) is (WAYS[device] == "claim")


@pytest.mark.parametrize("device", WAYS)
def test_the_thing_is_as_described(aws_fleet: AwsFleet, device: str) -> None:
    iot = aws_fleet.iot()
    group = f"coldchain-{device.partition('-')[0]}s"
    thing = iot.call("describe_thing", thingName=device)
    assert thing["thingTypeName"] == group
    groups = iot.call("list_thing_groups_for_thing", thingName=device)["thingGroups"]
    assert [it["groupName"] for it in groups] == [group]
    (principal,) = iot.call("list_thing_principals", thingName=device)["principals"]
    assert principal.endswith(f"cert/{aws_fleet.certificate_id(device)}")
    shown = iot.call("describe_certificate", certificateId=aws_fleet.certificate_id(device))
    assert shown["certificateDescription"]["status"] == "ACTIVE"
    attached = iot.call("list_attached_policies", target=principal)["policies"]
    assert sorted(it["policyName"] for it in attached) == [group, f"{group}.receive", f"{group}.subscribe"]


@pytest.mark.parametrize("device", [it for it, way in WAYS.items() if way != "provisioning"])
def test_the_first_shadow_is_there_before_the_device_reads_it(aws_fleet: AwsFleet, device: str) -> None:
    state = aws_fleet.shadow(device)["state"]
    assert state["desired"] == TWIN["desired"]
    assert state["reported"]["intervalSeconds"] == TWIN["desired"]["intervalSeconds"]


def test_a_template_alone_makes_no_shadow_and_the_device_has_its_defaults(aws_fleet: AwsFleet) -> None:
    state = aws_fleet.shadow("truck-aws-0001")["state"]
    assert "desired" not in state
    assert state["reported"]["intervalSeconds"] == 60


def test_a_change_of_the_desired_state_reaches_the_device(aws_fleet: AwsFleet) -> None:
    endpoint = f"https://{aws_fleet.workspace.outputs()['aws']['endpoint']}"
    data = aws_fleet.aws().client("iot-data", endpoint=endpoint)
    body = json.dumps({"state": {"desired": {"intervalSeconds": 45}}}).encode()
    data.call("update_thing_shadow", thingName="van-aws-0001", payload=body)
    aws_fleet.wait_for("van-aws-0001", "desired-changed")
    aws_fleet.wait_for("van-aws-0001", "reported", 2)
    assert aws_fleet.shadow("van-aws-0001")["state"]["reported"]["intervalSeconds"] == 45


def test_a_device_that_was_registered_beforehand_connects_at_once(aws_fleet: AwsFleet) -> None:
    told = aws_fleet.device("own-1", aws_fleet.files("own-1", aws_fleet.own))
    assert told.is_up, told.text
    assert "retrying" not in [it["event"] for it in told.events]


def test_a_device_of_a_manifest_connects_at_once_and_has_its_shadow(aws_fleet: AwsFleet) -> None:
    counted = aws_fleet.workspace.outputs()["aws"]["manifests"]
    assert counted == {"meters": {"rows": 3, "accepted": 3, "refused": 0}}
    told = aws_fleet.device("meter-2", aws_fleet.files("meter-2", aws_fleet.meters["meter-2"]))
    assert told.is_up, told.text
    thing = aws_fleet.iot().call("describe_thing", thingName="meter-2")
    assert (thing["thingTypeName"], thing["attributes"]["hall"]) == ("coldchain-meters", "hall-2")
    state = aws_fleet.shadow("meter-2")["state"]
    assert state["reported"]["intervalSeconds"] == TWIN["desired"]["intervalSeconds"]


def test_nothing_wants_a_change_afterwards(aws_fleet: AwsFleet) -> None:
    """What devices make in the registry is none of the stack's."""
    workspace = aws_fleet.workspace
    seen = workspace.pulumi(
        "refresh", "-s", "local", "--preview-only", "--expect-no-changes", "--non-interactive"
    )
    assert seen.returncode == 0, seen.stdout + seen.stderr
    preview = workspace.pulumi("preview", "-s", "local", "--expect-no-changes", "--non-interactive")
    assert preview.returncode == 0, preview.stdout + preview.stderr


def test_drift_by_hand_is_seen_and_mended(aws_fleet: AwsFleet) -> None:
    iot, workspace = aws_fleet.iot(), aws_fleet.workspace
    iot.call("update_provisioning_template", templateName="coldchain-crates", enabled=False)
    expected = workspace.pulumi(
        "refresh", "-s", "local", "--preview-only", "--expect-no-changes", "--non-interactive"
    )
    assert expected.returncode != 0
    refreshed = workspace.pulumi("refresh", "-s", "local", "--yes", "--non-interactive")
    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    mended = aws_fleet.up(4)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert workspace.summary()["resources"]["updated"] == 1
    assert iot.call("describe_provisioning_template", templateName="coldchain-crates")["enabled"] is True
