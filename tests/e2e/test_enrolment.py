"""Every attestation, allocation and reprovision policy, from the stack file to genuine devices' twins."""

from __future__ import annotations

import time

import pytest

from bench.cloud import Cloud
from tests.e2e.whole_fleet import TWIN, Told, WholeFleet

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("fleet"), pytest.mark.timeout(900)]

OPEN = {"door": "open"}
SPREAD = [f"spread-{number}" for number in range(1, 5)]


@pytest.fixture(scope="module")
def enrolled(fleet: WholeFleet) -> dict[str, Told]:
    """What each device was told when it came for the first time."""
    first = [
        {**fleet.certified("keeps-1", "keep"), "reported": OPEN},
        {**fleet.certified("keeps-2", "keep-next"), "reported": {}},
        {**fleet.keyed("moves-1", "moves"), "reported": OPEN},
        {**fleet.certified("anew-1", "anew"), "reported": OPEN},
        {**fleet.certified("anew-2", "anew-next"), "reported": {}},
        *({**fleet.certified(name, "spread"), "reported": {}} for name in SPREAD),
        {**fleet.certified("near-1", "near"), "reported": {}},
        {"name": "own-1", **fleet.files("own-1", fleet.own).task(), "reported": {}},
        {**fleet.keyed("keyed-1"), "reported": {}},
    ]
    return fleet.enrol(first)


@pytest.mark.parametrize(
    ("device", "hubs"),
    [
        ("keeps-1", {"eu-1"}),
        ("keeps-2", {"eu-1"}),
        ("moves-1", {"eu-1"}),
        ("anew-1", {"eu-1"}),
        ("anew-2", {"eu-1"}),
        ("near-1", {"eu-1"}),
        ("own-1", {"eu-2"}),
        ("keyed-1", {"eu-2"}),
        *((name, {"eu-1", "eu-2"}) for name in SPREAD),
    ],
)
def test_a_device_comes_to_the_hub_that_its_enrollment_says(
    fleet: WholeFleet, enrolled: dict[str, Told], device: str, hubs: set[str]
) -> None:
    told = enrolled[device]
    assert told.get("sub") == "initialAssignment", told
    assert told["hub"] in {fleet.hubs[hub] for hub in hubs}
    assert told["device"] == ("berth-1" if device == "own-1" else device)
    desired = {} if device == "own-1" else TWIN["desired"]
    assert {**desired, "$version": 1} == told["twin"]["desired"]


def test_tags_come_from_the_enrollment(fleet: WholeFleet, cloud: Cloud, enrolled: dict[str, Told]) -> None:
    for device, hub in (("keyed-1", "eu-2"), ("near-1", "eu-1")):
        assert "twin" in enrolled[device]
        twin = fleet.twin(cloud, hub, device)
        assert twin is not None
        assert twin["tags"] == TWIN["tags"]


def test_hashed_allocation_is_steady(fleet: WholeFleet, enrolled: dict[str, Told]) -> None:
    again = fleet.enrol(fleet.certified(name, "spread") for name in SPREAD)
    assert {name: told["hub"] for name, told in again.items()} == {
        name: enrolled[name]["hub"] for name in SPREAD
    }


def test_a_second_certificate_of_a_device_is_as_good(fleet: WholeFleet, enrolled: dict[str, Told]) -> None:
    told = fleet.enrol(
        [{"name": "own-1", **fleet.files("own-1-next", fleet.next_own).task(), "reported": {}}]
    )
    assert told["own-1"].get("hub") == enrolled["own-1"]["hub"], told
    assert told["own-1"]["device"] == "berth-1"


def test_a_deployed_function_chooses_the_hub(fleet: WholeFleet) -> None:
    for hub in ("eu-2", "eu-1"):
        task = {**fleet.certified(f"chosen-{hub}", "chosen"), "payload": {"hub": hub}, "reported": {}}
        told = _patiently(fleet, task)
        assert told.get("hub") == fleet.hubs[hub], told
        assert told["twin"]["desired"] == {**TWIN["desired"], "$version": 1}


def _patiently(fleet: WholeFleet, task: Told) -> Told:
    """A function app that nobody asked before may take longer than the five seconds that DPS waits."""
    deadline = time.monotonic() + fleet.place.function_seconds
    while "error" in (told := fleet.enrol([task])[task["name"]]) and time.monotonic() < deadline:
        pass
    return told


def test_a_tpm_proves_itself_and_signs_for_its_hub(fleet: WholeFleet) -> None:
    device = fleet.tpm
    answer = device.register(fleet.place.reach(), fleet.id_scope)
    assert answer.status_code == 200, answer.text
    state = answer.json()["registrationState"]
    assert (state["status"], state["assignedHub"]) == ("assigned", fleet.hubs["eu-2"])
    device.tpm.activate(state["tpm"]["authenticationKey"])
    token = device.hub_token(state["assignedHub"], state["deviceId"])
    told = fleet.enrol([{"name": "tpm-1", "token": token, "reported": OPEN}])["tpm-1"]
    assert told["twin"]["reported"]["door"] == "open"


@pytest.fixture(scope="module")
def moved(fleet: WholeFleet, enrolled: dict[str, Told]) -> dict[str, Told]:
    """What devices were told when they came again, after the stack had named them another hub."""
    assert all("twin" in enrolled[name] for name in ("keeps-1", "moves-1", "anew-1"))
    fleet.home = "eu-2"
    fleet.describe()
    fleet.up()
    return fleet.enrol(
        [
            {**fleet.certified("keeps-1", "keep"), "reported": {}},
            {**fleet.keyed("moves-1", "moves"), "reported": {}},
            {**fleet.certified("anew-1", "anew"), "reported": {}},
        ]
    )


def test_keep_leaves_the_device_and_its_twin_where_they_are(
    fleet: WholeFleet, cloud: Cloud, moved: dict[str, Told]
) -> None:
    told = moved["keeps-1"]
    assert told.get("hub") == fleet.hubs["eu-1"], told
    assert told["twin"]["reported"]["door"] == "open"
    assert fleet.twin(cloud, "eu-2", "keeps-1") is None


def test_migrate_takes_the_twin_along(fleet: WholeFleet, cloud: Cloud, moved: dict[str, Told]) -> None:
    told = moved["moves-1"]
    assert (told.get("hub"), told.get("sub")) == (fleet.hubs["eu-2"], "deviceDataMigrated"), told
    assert told["twin"]["reported"]["door"] == "open"
    assert fleet.twin(cloud, "eu-1", "moves-1") is None


def test_reset_begins_the_twin_anew(fleet: WholeFleet, cloud: Cloud, moved: dict[str, Told]) -> None:
    told = moved["anew-1"]
    assert (told.get("hub"), told.get("sub")) == (fleet.hubs["eu-2"], "deviceDataReset"), told
    assert "door" not in told["twin"]["reported"]
    assert told["twin"]["desired"]["intervalSeconds"] == TWIN["desired"]["intervalSeconds"]
    assert fleet.twin(cloud, "eu-1", "anew-1") is None
