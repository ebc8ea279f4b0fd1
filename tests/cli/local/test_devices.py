"""Which devices there are, and how far each is by its own log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cli.local.devices import State, cloud_of, plan, read_log
from cli.local.layout import Layout
from fleet import Fleet, load

Event = Mapping[str, Any]


def fleet(groups: Mapping[str, Mapping[str, Any]], **more_of_it: Any) -> Fleet:
    issuers = {name: f"issuer-{number}" for number, name in enumerate(groups)}
    plain = {
        name: {"attestation": {"x509": {"issuer": issuer}}, "allocation": {"hubs": ["eu"]}}
        for name, issuer in issuers.items()
    }
    value = {
        "name": "tiny",
        "azure": {"location": "westeurope", "hubs": {"eu": {}}},
        "identity": {
            "root": "pki/root.pem",
            "issuers": {issuer: f"pki/{issuer}.pem" for issuer in issuers.values()},
        },
        "groups": {name: _given({**plain[name], **more}) for name, more in groups.items()},
        **({"clouds": ["azure", "aws"], **more_of_it} if more_of_it else {}),
    }
    return load(value, file="stacks/Pulumi.local.yaml", stack="local")


def _given(group: Mapping[str, Any]) -> dict[str, Any]:
    clouds = {} if "clouds" in group else {"clouds": ["azure"]}
    return {**clouds, **{key: value for key, value in group.items() if value is not None}}


@pytest.mark.parametrize(
    ("groups", "count", "expected"),
    [
        ({"reefers": {}}, 2, ["reefer-0001", "reefer-0002"]),
        ({"Vans": {}, "reefers": {}}, 3, ["reefer-0001", "van-0001", "van-0002"]),
        ({"reefers": {}, "off": {"enabled": False}}, 2, ["reefer-0001", "reefer-0002"]),
        ({"van": {}, "vans": {}}, 2, ["van-1-0001", "vans-2-0001"]),
        ({"off": {"enabled": False}}, 2, []),
        ({"reefers": {}}, 0, []),
    ],
)
def test_devices_are_named_after_their_group(
    layout: Layout, groups: dict[str, dict[str, Any]], count: int, expected: list[str]
) -> None:
    assert [device.registration_id for device in plan(layout, fleet(groups), count)] == expected


def test_more_devices_keep_the_names_of_the_first(layout: Layout) -> None:
    few, many = (plan(layout, fleet({"reefers": {}, "vans": {}}), count) for count in (3, 50))
    assert set(few) < set(many)


ON_AWS = {"clouds": ["aws"], "allocation": None}
CLAIM = {**ON_AWS, "aws": {"enrolment": {"claim": {"certificates": {"q4": ".muster/local/claims/q4.pem"}}}}}


@pytest.mark.parametrize(
    ("groups", "count", "expected"),
    [
        ({"reefers": ON_AWS}, 2, ["reefer-aws-0001", "reefer-aws-0002"]),
        ({"reefers": {"clouds": ["azure", "aws"]}}, 1, ["reefer-0001", "reefer-aws-0001"]),
        ({"reefers": {}, "vans": ON_AWS}, 2, ["reefer-0001", "reefer-0002", "van-aws-0001", "van-aws-0002"]),
        ({"reefers": {}, "reefer-awss": {}}, 2, ["reefer-awss-1-0001", "reefers-2-0001"]),
        ({"vans": {**ON_AWS, "enabled": False}}, 2, []),
    ],
)
def test_each_cloud_has_as_many_as_were_asked_for(
    layout: Layout, groups: dict[str, dict[str, Any]], count: int, expected: list[str]
) -> None:
    devices = plan(layout, fleet(groups, aws={"region": "eu-west-1"}), count)
    assert [device.registration_id for device in devices] == expected
    assert all(device.cloud == cloud_of(device.registration_id) for device in devices)


def test_a_device_that_comes_with_a_claim_has_its_files(layout: Layout) -> None:
    device = plan(layout, fleet({"vans": CLAIM}, aws={"region": "eu-west-1"}), 1)[0]
    assert device.claim == layout.state / "claims" / "q4"


def test_the_longest_group_name_still_gives_an_id_that_dps_takes(layout: Layout) -> None:
    device = plan(layout, fleet({"g" * 128: {}}), 1)[0]
    assert len(device.registration_id) <= 128


ASSIGNED = {"event": "assigned", "hub": "eu.azure-devices.net", "seconds": 1.0}
REPORTED = {"event": "reported", "version": 1, "seconds": 2.5}
LOST = {"event": "disconnected", "reason": "reset by peer"}
RETRY = {"event": "retrying", "inSeconds": 1, "reason": "cannot reach it"}
REFUSED = {"event": "refused", "reason": "401002 not in the list"}


@pytest.mark.parametrize(
    ("events", "state", "reason"),
    [
        ([], State.COMING, ""),
        ([{"event": "starting"}, ASSIGNED], State.COMING, ""),
        ([ASSIGNED, {"event": "connected"}, {"event": "twin"}, REPORTED], State.UP, ""),
        ([ASSIGNED, REPORTED, LOST], State.COMING, "reset by peer"),
        ([ASSIGNED, REPORTED, LOST, RETRY, REPORTED], State.UP, ""),
        ([REFUSED, RETRY], State.REFUSED, "401002 not in the list"),
        ([REFUSED, RETRY, ASSIGNED], State.COMING, ""),
        ([ASSIGNED, REPORTED, {"event": "stopped"}], State.DOWN, "stopped"),
    ],
)
def test_a_log_tells_how_far_a_device_is(
    tmp_path: Path, events: list[Event], state: State, reason: str
) -> None:
    log = tmp_path / "agent.log"
    log.write_text("".join(json.dumps(event) + "\n" for event in events))
    reading = read_log(log, 0)
    assert (reading.state, reading.reason) == (state, reason)


def test_only_the_present_process_counts(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    earlier = json.dumps(REPORTED) + "\n"
    log.write_text(earlier + json.dumps(ASSIGNED) + "\n")
    reading = read_log(log, len(earlier))
    assert reading.state is State.COMING
    assert reading.hub == "eu.azure-devices.net"


def test_what_is_no_event_is_passed_over(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    log.write_text('Traceback (most recent call last):\n{"event": "repor')
    assert read_log(log, 0).state is State.COMING
    assert read_log(tmp_path / "none.log", 0).state is State.COMING
