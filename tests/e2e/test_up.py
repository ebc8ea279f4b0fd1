"""The main job, from nothing to provisioned devices, and what a person does with the stack afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bench.workspace import PROJECT
from tests.e2e.conftest import Service, Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stack"), pytest.mark.timeout(600)]

GROUP = "reefers"


def test_the_first_up_provisions_all_devices(stack: Workspace) -> None:
    first = json.loads((stack.root / "first-summary.json").read_text())
    azure = first["clouds"]["azure"]
    assert (first["stack"], first["changed"]) == ("local", True)
    assert (azure["requested"], azure["provisioned"]) == (3, 3)
    assert sum(azure["hubs"].values()) == 3
    assert set(azure["hubs"]) <= {f"coldchain-local-{hub}.azure-devices.net" for hub in ("eu-1", "eu-2")}
    aws = first["clouds"]["aws"]
    assert (aws["requested"], aws["provisioned"]) == (3, 3)
    assert aws["endpoint"] == stack.outputs()["aws"]["endpoint"]
    assert aws["things"] == {"reefers": 2, "vans": 1}
    assert first["resources"]["created"] > 5
    out = (stack.root / "first-up.out").read_text()
    assert "6 of 6 devices are up" in out
    assert "make down" in out


def test_each_device_went_all_the_way_by_its_own_log(stack: Workspace) -> None:
    for device in stack.summary()["devices"]:
        log = stack.state / "devices" / device["registrationId"] / "agent.log"
        events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
        steps = [
            event for event in events if event in ("starting", "assigned", "connected", "twin", "reported")
        ]
        assert steps == ["starting", "assigned", "connected", "twin", "reported"]
        has_claimed = device["group"] == "vans"
        assert ("certificate-issued" in events) is has_claimed


def test_again_it_changes_nothing_and_says_so(stack: Workspace) -> None:
    stack.pulumi("preview", "-s", "local", "--non-interactive")
    again = stack.muster("up", "--devices", "3")
    assert again.returncode == 0, again.stderr
    assert "Nothing changed: 6 of 6 devices are up" in again.stdout
    assert stack.summary()["changed"] is False
    assert json.loads(stack.muster("status", "--json").stdout)["cloud"]["running"] is True
    for name in ("Pulumi.yaml", "stacks/Pulumi.local.yaml"):
        assert (stack.root / name).read_bytes() == (PROJECT / name).read_bytes()


def test_plain_pulumi_sees_no_change_either(stack: Workspace) -> None:
    preview = stack.pulumi("preview", "-s", "local", "--expect-no-changes", "--non-interactive")
    assert preview.returncode == 0, preview.stdout + preview.stderr
    refresh = stack.pulumi(
        "refresh", "-s", "local", "--preview-only", "--expect-no-changes", "--non-interactive"
    )
    assert refresh.returncode == 0, refresh.stdout + refresh.stderr


def test_fewer_devices_stop_the_surplus_and_more_start_it_again(stack: Workspace) -> None:
    fewer = stack.muster("up", "--devices", "2")
    assert fewer.returncode == 0, fewer.stderr
    states = [device["state"] for device in json.loads(stack.muster("status", "--json").stdout)["devices"]]
    assert sorted(states) == ["down", "down", "up", "up", "up", "up"]
    more = stack.muster("up", "--devices", "3")
    assert more.returncode == 0, more.stderr
    assert [it["provisioned"] for it in stack.summary()["clouds"].values()] == [3, 3]


@pytest.fixture
def drifted(service: Service) -> Iterator[dict[str, Any]]:
    """The group of the stack, disabled by hand."""
    group = service.group(GROUP)
    service.put_group(GROUP, group | {"provisioningStatus": "disabled"}, group["etag"])
    yield group
    now = service.group(GROUP)
    if now["provisioningStatus"] != "enabled":
        service.put_group(GROUP, now | {"provisioningStatus": "enabled"}, now["etag"])


def test_drift_by_hand_is_seen_and_mended(
    stack: Workspace, service: Service, drifted: dict[str, Any]
) -> None:
    seen = stack.pulumi("refresh", "-s", "local", "--preview-only", "--diff", "--non-interactive")
    assert "enabled" in seen.stdout
    expected = stack.pulumi(
        "refresh", "-s", "local", "--preview-only", "--expect-no-changes", "--non-interactive"
    )
    assert expected.returncode != 0
    refreshed = stack.pulumi("refresh", "-s", "local", "--yes", "--non-interactive")
    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    mended = stack.muster("up", "--devices", "3")
    assert mended.returncode == 0, mended.stderr
    assert stack.summary()["resources"]["updated"] == 1
    assert service.group(GROUP)["provisioningStatus"] == "enabled"


def test_mending_the_service_keeps_its_links_to_the_hubs(stack: Workspace, service: Service) -> None:
    """azure-native's PUT of a provisioning service drops its links (docs/adr/0002)."""
    before = service.provisioning_service()
    service.put_provisioning_service(before | {"tags": {"muster-fleet": "by-hand"}})
    refreshed = stack.pulumi("refresh", "-s", "local", "--yes", "--non-interactive")
    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    mended = stack.muster("up", "--devices", "3")
    assert mended.returncode == 0, mended.stderr
    after = service.provisioning_service()
    assert after["tags"] == before["tags"]
    assert _linked(after) == _linked(before) == {f"coldchain-local-{hub}" for hub in ("eu-1", "eu-2")}
    again = stack.pulumi("refresh", "-s", "local", "--yes", "--expect-no-changes", "--non-interactive")
    assert again.returncode == 0, again.stdout + again.stderr
    unchanged = stack.pulumi("preview", "-s", "local", "--expect-no-changes", "--non-interactive")
    assert unchanged.returncode == 0, unchanged.stdout + unchanged.stderr


def _linked(service: dict[str, Any]) -> set[str]:
    return {str(hub["name"]).partition(".")[0] for hub in service["properties"]["iotHubs"]}
