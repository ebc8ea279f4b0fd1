"""What an `up` came to, for programs and for people."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from cli.local.deployment import Outcome
from cli.local.devices import Device, Reading, State
from cli.local.provisioning import Provisioned
from cli.local.summary import Summary, read

HUBS = ("eu-1.azure-devices.net", "eu-2.azure-devices.net")


def summary(up: int, refused: int = 0, started: int = 0, created: int = 0) -> Summary:
    readings = {}
    for number in range(up + refused):
        device = Device(f"reefer-{number + 1:04}", "reefers", "factory", Path(f"{number}"))
        if number < up:
            readings[device] = Reading(State.UP, HUBS[number % 2], seconds=1.0 + number)
        else:
            readings[device] = Reading(State.REFUSED, reason="its certificate has expired")
    provisioned = Provisioned(readings, started, stopped=0, seconds=4.25 if started else 0.0)
    changes = Counter(create=created, same=3)
    return Summary(
        ("azure",), Outcome(changes), provisioned, certificates_issued=0, cloud_started=False, seconds=9.5
    )


def shown(what: Summary) -> str:
    out = io.StringIO()
    what.show(Console(file=out, width=100))
    return out.getvalue()


def test_the_document_of_a_first_up(tmp_path: Path) -> None:
    first = summary(up=3, started=3, created=11)
    first.save(tmp_path / "summary.json")
    document = json.loads((tmp_path / "summary.json").read_text())
    assert document == read(tmp_path / "summary.json")
    assert document["stack"] == "local"
    assert document["changed"] is True
    assert document["clouds"] == {
        "azure": {"requested": 3, "provisioned": 3, "seconds": 4.25, "hubs": {HUBS[0]: 2, HUBS[1]: 1}}
    }
    assert document["resources"] == {"created": 11, "updated": 0, "replaced": 0, "deleted": 0, "same": 3}
    assert document["devices"][0] == {
        "registrationId": "reefer-0001",
        "cloud": "azure",
        "group": "reefers",
        "state": "up",
        "hub": HUBS[0],
        "seconds": 1.0,
    }


def test_each_cloud_has_its_own_numbers(tmp_path: Path) -> None:
    endpoint = "a1b2c3-ats.iot.eu-west-1.amazonaws.com"
    on_azure = Device("reefer-0001", "reefers", "factory", tmp_path)
    on_aws = [Device(f"van-aws-000{n}", "vans", "factory", tmp_path, "aws") for n in (1, 2)]
    readings = {
        on_azure: Reading(State.UP, HUBS[0], seconds=1.0),
        on_aws[0]: Reading(State.UP, endpoint, seconds=2.0),
        on_aws[1]: Reading(State.REFUSED, reason="no"),
    }
    provisioned = Provisioned(readings, started=3, stopped=0, seconds=2.5)
    outcome = Outcome(Counter(create=3), outputs={"aws": {"endpoint": endpoint}})
    both = Summary(("azure", "aws"), outcome, provisioned, 3, cloud_started=True, seconds=9.5)
    clouds = both.as_json()["clouds"]
    assert clouds["azure"] == {"requested": 1, "provisioned": 1, "seconds": 2.5, "hubs": {HUBS[0]: 1}}
    assert clouds["aws"] == {
        "requested": 2,
        "provisioned": 1,
        "seconds": 2.5,
        "endpoint": endpoint,
        "things": {"vans": 1},
    }
    assert not both.complete


def test_a_person_sees_hubs_times_and_what_to_try_next() -> None:
    text = shown(summary(up=3, started=3, created=11))
    assert "eu-1.azure-devices.net" in text
    assert "3 of 3 devices are up; enrolment took 4.2 s, everything 9.5 s." in text
    assert "make down" in text


def test_without_a_change_it_says_so() -> None:
    again = summary(up=3)
    assert not again.changed
    assert "Nothing changed: 3 of 3 devices are up" in shown(again)


@pytest.mark.parametrize(("refused", "complete"), [(0, True), (2, False)])
def test_fewer_than_asked_for_is_not_complete(refused: int, complete: bool) -> None:
    assert summary(up=1, refused=refused, started=1).complete is complete


def test_those_that_failed_are_named_with_the_reason_but_not_without_end() -> None:
    text = shown(summary(up=1, refused=30, started=31))
    assert "reefer-0002" in text
    assert "its certificate has expired" in text
    assert "… and 5 more" in text


def test_no_summary_yet(tmp_path: Path) -> None:
    assert read(tmp_path / "summary.json") is None
