"""One device process against the local cloud: eight steps, a desired change, a killed cloud, refusals."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent import VERSION

from .processes import Start


def test_all_eight_steps_and_a_desired_change(cloud: Any, start: Start) -> None:
    device = start()
    reported = device.wait("reported")
    assert device.events() == ["starting", "assigned", "connected", "twin", "reported"]
    assert device.wait("assigned")["hub"] == cloud.hub
    assert 0 < device.wait("assigned")["seconds"] < device.wait("connected")["seconds"] < reported["seconds"]
    assert device.wait("twin")["desiredVersion"] == reported["version"]
    told = cloud.twin("reefer-1")["properties"]["reported"]
    assert told["intervalSeconds"] == 30
    assert told["agent"]["version"] == VERSION

    cloud.twin("reefer-1", {"properties": {"desired": {"intervalSeconds": 5}}})
    again = device.wait("reported", 2)
    assert device.events()[-2:] == ["desired-changed", "reported"]
    assert again["version"] == reported["version"] + 1
    told = cloud.twin("reefer-1")["properties"]["reported"]
    assert (told["intervalSeconds"], told["desiredVersion"]) == (5, again["version"])

    assert device.stop() == 0
    assert device.events()[-1] == "stopped"


def test_a_killed_cloud_comes_back_and_so_does_the_device(cloud: Any, start: Start) -> None:
    device = start()
    device.wait("reported")
    cloud.end(signal.SIGKILL)
    device.wait("disconnected")
    device.wait("retrying")
    cloud.start()
    device.wait("reported", 2)
    assert device.events().count("assigned") == 1
    assert device.stop(signal.SIGINT) == 0


def test_a_device_that_the_hub_no_longer_knows_enrols_again(cloud: Any, start: Start) -> None:
    device = start()
    device.wait("reported")
    cloud.delete_device("reefer-1")
    device.wait("assigned", 2)
    device.wait("reported", 2)
    assert device.stop() == 0


def test_a_disabled_enrollment_is_a_refusal_for_good(cloud: Any, start: Start) -> None:
    cloud.switch_group("disabled")
    device = start("reefer-1", "--attempts", "1")
    assert device.ended() == 3
    assert device.events() == ["starting", "refused"]


def test_a_disabled_enrollment_that_is_enabled_again(cloud: Any, start: Start) -> None:
    """A device in the field waits for a person; here it is told to stop while it does."""
    cloud.switch_group("disabled")
    device = start()
    device.wait("refused")
    assert device.wait("retrying")["inSeconds"] <= 30
    assert device.stop() == 0


@pytest.mark.parametrize("case", ["wrong name", "wrong scope"])
def test_refusals(start: Start, issue: Callable[[str], Path], case: str) -> None:
    if case == "wrong name":
        device = start("reefer-2", "--attempts", "1", folder=issue("reefer-1"))
    else:
        device = start("reefer-1", "--attempts", "1", scope="0ne00FFFFFF")
    assert device.ended() == 3
    assert device.wait("refused")["reason"]


def test_a_stop_during_enrolment(start: Start) -> None:
    device = start()
    device.wait("starting")
    assert device.stop() == 0


def test_no_key_reaches_the_log(start: Start, issue: Callable[[str], Path], tmp_path: Path) -> None:
    folder = issue("reefer-9")
    device = start("reefer-9", "--log-level", "debug", folder=folder)
    device.wait("reported")
    device.stop()
    secret = (folder / "key.pem").read_text().splitlines()[1]
    assert all(secret not in file.read_text() for file in tmp_path.glob("device-*"))
