"""Enabling: what we did, as long as it is as we left it."""

from __future__ import annotations

import pytest

from operations.actions.disable import disable
from operations.actions.enable import enable, plan
from operations.actions.session import Order, Session
from operations.errors import ChangedError, NothingHeldError
from tests.operations.memory import HUB, MemoryCloud


@pytest.fixture
def held(cloud: MemoryCloud, session: Session, order: Order) -> Session:
    cloud.register("reefer-1")
    cloud.devices[HUB, "reefer-1"]["statusReason"] = "on loan"
    disable(session, "reefer-1", order)
    cloud.calls.clear()
    return session


def test_the_hub_comes_first_and_everything_is_as_before(
    cloud: MemoryCloud, held: Session, order: Order
) -> None:
    before = {name: cloud.devices[HUB, "reefer-1"][name] for name in ("deviceId", "authentication")}
    done = enable(held, "reefer-1", order)
    assert cloud.calls == ["put identity", "remove enrollment"]
    assert done.changed
    device = cloud.devices[HUB, "reefer-1"]
    assert (device["status"], device["statusReason"]) == ("enabled", "on loan")
    assert {name: device[name] for name in before} == before
    assert cloud.enrollments == {}


def test_twice_is_once(cloud: MemoryCloud, held: Session, order: Order) -> None:
    enable(held, "reefer-1", order)
    lines = len(held.writer.entries)
    assert enable(held, "reefer-1", order).changed is False
    assert len(held.writer.entries) == lines


def test_what_we_never_disabled_we_do_not_enable(cloud: MemoryCloud, session: Session, order: Order) -> None:
    cloud.register("reefer-2")
    cloud.devices[HUB, "reefer-2"]["status"] = "disabled"
    with pytest.raises(NothingHeldError, match="--record"):
        enable(session, "reefer-2", order)
    assert cloud.devices[HUB, "reefer-2"]["status"] == "disabled"


def test_what_somebody_changed_is_told_all_at_once_and_let_be(
    cloud: MemoryCloud, held: Session, order: Order
) -> None:
    cloud.devices[HUB, "reefer-1"]["etag"] = "theirs"
    cloud.enrollments["reefer-1"]["etag"] = "theirs too"
    with pytest.raises(ChangedError) as caught:
        enable(held, "reefer-1", order)
    assert len(caught.value.faults) == 2
    assert all("--even-if-changed" in fault for fault in caught.value.faults)
    assert cloud.calls == []
    enable(held, "reefer-1", order, even_if_changed=True)
    assert cloud.may("reefer-1") == (True, [HUB])


def test_an_enrollment_that_is_not_the_one_we_made_is_never_removed(
    cloud: MemoryCloud, held: Session, order: Order
) -> None:
    cloud.enroll("reefer-1", provisioningStatus="disabled")
    with pytest.raises(ChangedError, match="not the one that we made"):
        enable(held, "reefer-1", order, even_if_changed=True)
    assert cloud.calls == []
    assert "reefer-1" in cloud.enrollments


def test_after_a_replacement_disabling_again_goes_on_from_what_is_there(
    cloud: MemoryCloud, held: Session, order: Order
) -> None:
    cloud.enroll("reefer-1")
    disable(held, "reefer-1", order)
    enable(held, "reefer-1", order)
    assert cloud.enrollments["reefer-1"]["provisioningStatus"] == "enabled"
    assert cloud.may("reefer-1") == (True, [HUB])


def test_what_is_gone_or_enabled_already_is_done(cloud: MemoryCloud, held: Session, order: Order) -> None:
    cloud.enrollments.clear()
    cloud.devices[HUB, "reefer-1"] |= {"status": "enabled", "etag": "theirs"}
    assert [step.action for step in enable(held, "reefer-1", order).steps] == ["keep", "none"]
    assert cloud.calls == []


def test_a_device_that_left_its_hub_only_gets_its_enrollment_back(
    cloud: MemoryCloud, held: Session, order: Order
) -> None:
    cloud.devices.clear()
    enable(held, "reefer-1", order)
    assert cloud.calls == ["remove enrollment"]


def test_its_registration_may_be_gone_meanwhile(cloud: MemoryCloud, held: Session, order: Order) -> None:
    cloud.states.clear()
    enable(held, "reefer-1", order)
    assert cloud.may("reefer-1") == (True, [HUB])


def test_somebody_faster_is_met_by_looking_again(cloud: MemoryCloud, held: Session, order: Order) -> None:
    def somebody(call: str) -> None:
        cloud.before = lambda _: None
        assert call == "put identity"
        cloud.devices[HUB, "reefer-1"] |= {"status": "enabled", "etag": "theirs"}

    cloud.before = somebody
    enable(held, "reefer-1", order)
    assert cloud.may("reefer-1") == (True, [HUB])


def test_a_plan_changes_nothing(cloud: MemoryCloud, held: Session) -> None:
    lines = len(held.writer.entries)
    found = plan(cloud, held.holds, "reefer-1")
    assert [step.action for step in found.steps] == ["switch", "remove"]
    assert (cloud.calls, len(held.writer.entries)) == ([], lines)
