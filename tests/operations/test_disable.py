"""Disabling: the enrollment first, then the hub; once, twice, stopped anywhere, under somebody's hands."""

from __future__ import annotations

from typing import Any

import pytest

from operations.actions.disable import disable, plan
from operations.actions.enable import enable
from operations.actions.holds import Holds
from operations.actions.seen import STATUS_REASON_MAX, is_blocking, status_reason
from operations.actions.session import Order, Session, check_devices
from operations.audit import AuditLog
from operations.errors import RefusedError, RequestError, TooManyError, UnknownDeviceError
from provider.clients.errors import ForbiddenError
from tests.operations.conftest import opened
from tests.operations.memory import HUB, KEY, OTHER_HUB, Killed, MemoryCloud


def test_a_device_of_a_group_is_blocked_and_then_cut_off(
    cloud: MemoryCloud, session: Session, order: Order
) -> None:
    cloud.register("reefer-1")
    done = disable(session, "reefer-1", order)
    assert cloud.calls == ["add enrollment", "put identity"]
    assert cloud.may("reefer-1") == (False, [])
    assert (done.changed, done.resumed) == (True, False)
    made = cloud.enrollments["reefer-1"]
    assert made["attestation"] == {"type": "symmetricKey"}
    assert is_blocking(made, done.operation)
    device = cloud.devices[HUB, "reefer-1"]
    assert device["statusReason"] == f"muster {done.operation}: stolen from the depot"
    assert device["authentication"]["symmetricKey"] == {"primaryKey": KEY}


def test_a_device_with_an_enrollment_of_its_own_is_disabled_in_it(
    cloud: MemoryCloud, session: Session, order: Order
) -> None:
    cloud.register("Truck-7", OTHER_HUB, device_id="bench#1")
    cloud.enroll("Truck-7", iotHubs=[OTHER_HUB])
    disable(session, "truck-7", order)
    assert cloud.calls == ["put enrollment", "put identity"]
    assert cloud.may("truck-7") == (False, [])
    sent = cloud.enrollments["truck-7"]
    assert sent["attestation"]["symmetricKey"] == {"primaryKey": KEY}, "keys go back as they are"
    assert sent["iotHubs"] == [OTHER_HUB]
    assert not {"registrationState", "createdDateTimeUtc"} & set(sent)


def test_twice_is_once(cloud: MemoryCloud, session: Session, order: Order) -> None:
    cloud.register("reefer-1")
    first = disable(session, "reefer-1", order)
    calls, lines = list(cloud.calls), len(session.writer.entries)
    again = disable(session, "REEFER-1", order)
    assert (again.changed, again.operation) == (False, first.operation)
    assert (cloud.calls, len(session.writer.entries)) == (calls, lines)


def test_what_somebody_undid_is_done_again_by_the_same_operation(
    cloud: MemoryCloud, session: Session, order: Order
) -> None:
    cloud.register("reefer-1")
    first = disable(session, "reefer-1", order)
    cloud.devices[HUB, "reefer-1"] |= {"status": "enabled", "etag": "theirs"}
    del cloud.enrollments["reefer-1"]
    again = disable(session, "reefer-1", order)
    assert again.operation == first.operation
    assert cloud.may("reefer-1") == (False, [])
    enable(session, "reefer-1", order)
    assert cloud.may("reefer-1") == (True, [HUB])


def test_a_device_that_moved_is_cut_off_in_both_hubs(
    cloud: MemoryCloud, session: Session, order: Order
) -> None:
    cloud.register("reefer-1")
    disable(session, "reefer-1", order)
    cloud.register("reefer-1", OTHER_HUB)
    disable(session, "reefer-1", order)
    assert cloud.may("reefer-1") == (False, [])
    enable(session, "reefer-1", order)
    assert cloud.may("reefer-1") == (True, [HUB, OTHER_HUB])


def test_a_device_that_nobody_knows_is_a_typing_error_unless_meant(
    cloud: MemoryCloud, session: Session, order: Order
) -> None:
    with pytest.raises(UnknownDeviceError, match="Is the id right"):
        disable(session, "reefer-1O", order)
    assert (cloud.calls, session.writer.entries) == ([], [])
    done = disable(session, "reefer-1O", order, unregistered=True)
    assert [step.text for step in done.steps][1] == "no hub has a device reefer-1O"
    assert cloud.may("reefer-1O") == (False, [])


def test_a_device_that_only_a_hub_knows_is_found_there(
    cloud: MemoryCloud, session: Session, order: Order
) -> None:
    cloud.register("Child#1", OTHER_HUB)
    del cloud.states["child#1"]
    done = disable(session, "Child#1", order)
    assert [step.action for step in done.steps] == ["none", "switch"]
    assert cloud.devices[OTHER_HUB, "Child#1"]["status"] == "disabled"


def test_what_was_disabled_before_is_not_ours(cloud: MemoryCloud, session: Session, order: Order) -> None:
    cloud.register("reefer-1")
    cloud.enroll("reefer-1", provisioningStatus="disabled")
    cloud.devices[HUB, "reefer-1"]["status"] = "disabled"
    done = disable(session, "reefer-1", order)
    assert not done.changed
    assert [step.how for step in done.steps] == ["found disabled"] * 2
    enable(session, "reefer-1", order)
    assert (cloud.calls, cloud.may("reefer-1")) == ([], (False, []))


def test_a_plan_changes_and_records_nothing(cloud: MemoryCloud, log: AuditLog) -> None:
    cloud.register("reefer-1")
    found = plan(cloud, Holds(log.entries()), "reefer-1")
    assert [step.action for step in found.steps] == ["create", "switch"]
    assert (cloud.calls, log.path.exists()) == ([], False)
    assert KEY not in repr(found)


def test_a_change_at_the_same_moment_is_decided_anew(
    cloud: MemoryCloud, session: Session, order: Order
) -> None:
    cloud.register("reefer-1")

    def somebody(call: str) -> None:
        cloud.before = lambda _: None
        if call == "add enrollment":
            cloud.enroll("reefer-1")

    cloud.before = somebody
    done = disable(session, "reefer-1", order)
    assert [step.action for step in done.steps] == ["switch", "switch"]
    assert not is_blocking(cloud.enrollments["reefer-1"], done.operation), "theirs is disabled, not replaced"
    assert cloud.may("reefer-1") == (False, [])


@pytest.mark.parametrize("call", ["put enrollment", "put identity"])
def test_a_conflict_once_is_met_and_for_ever_is_told(
    cloud: MemoryCloud, session: Session, order: Order, call: str
) -> None:
    cloud.register("reefer-1")
    cloud.enroll("reefer-1")
    strikes = iter([True, False, False])

    def somebody(name: str, for_ever: bool = False) -> None:
        if name == call and (for_ever or next(strikes)):
            place: dict[str, Any] = (
                cloud.enrollments["reefer-1"] if "enrollment" in call else cloud.devices[HUB, "reefer-1"]
            )
            place["etag"] += "x"

    cloud.before = somebody
    disable(session, "reefer-1", order)
    assert cloud.may("reefer-1") == (False, [])
    enable(session, "reefer-1", order)
    cloud.before = lambda name: somebody(name, for_ever=True)
    with pytest.raises(RefusedError, match="412"):
        disable(session, "reefer-1", order)


def test_a_registration_under_way_is_waited_for(cloud: MemoryCloud, session: Session, order: Order) -> None:
    cloud.register("reefer-1")
    cloud.states["reefer-1"] |= {"status": "assigning", "assignedHub": HUB}

    def ends(call: str) -> None:
        if call == "wait":
            cloud.register("reefer-1", OTHER_HUB)
            del cloud.devices[HUB, "reefer-1"]

    cloud.after = ends
    disable(session, "reefer-1", order)
    assert cloud.slept > 0
    assert cloud.may("reefer-1") == (False, [])


def test_a_registration_that_never_ends_is_told_and_gone_on_with(
    cloud: MemoryCloud, session: Session, order: Order
) -> None:
    cloud.register("reefer-1")
    cloud.states["reefer-1"]["status"] = "assigning"
    with pytest.raises(RefusedError, match="run the same command again"):
        disable(session, "reefer-1", order)
    cloud.states["reefer-1"]["status"] = "assigned"
    assert disable(session, "reefer-1", order).resumed
    assert cloud.may("reefer-1") == (False, [])


@pytest.mark.parametrize("own", [False, True], ids=["group", "individual"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("strike", range(8))
def test_killed_at_any_moment_it_goes_on_and_can_be_undone(
    log: AuditLog, order: Order, own: bool, moment: str, strike: int
) -> None:
    cloud = MemoryCloud()
    cloud.register("reefer-1")
    if own:
        cloud.enroll("reefer-1")
    count = iter(range(100))

    def kill(_: str) -> None:
        if next(count) == strike:
            raise Killed

    setattr(cloud, moment, kill)
    disabled = enabled = 0
    while not disabled:
        disabled += _attempt(disable, cloud, log, order)
    assert cloud.may("reefer-1") == (False, [])
    while not enabled:
        enabled += _attempt(enable, cloud, log, order)
    assert cloud.may("reefer-1") == (True, [HUB])
    assert ("reefer-1" in cloud.enrollments) is own
    assert len({entry.operation for entry in log.entries()}) == 1


def _attempt(act: Any, cloud: MemoryCloud, log: AuditLog, order: Order) -> bool:
    try:
        with opened(cloud, log) as session:
            act(session, "reefer-1", order)
    except Killed:
        return False
    return True


@pytest.mark.parametrize("line", range(6))
def test_killed_while_the_record_is_written_it_goes_on(
    cloud: MemoryCloud, log: AuditLog, order: Order, line: int
) -> None:
    cloud.register("reefer-1")
    with opened(cloud, log) as session:
        disable(session, "reefer-1", order)
    lines = log.path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 6, "began, two before and after, ended"
    log.path.write_bytes(b"".join(lines[:line]) + lines[line][: len(lines[line]) // 2])
    with opened(cloud, log) as session:
        disable(session, "reefer-1", order)
        assert cloud.may("reefer-1") == (False, [])
        enabled = enable(session, "reefer-1", order)
    # Without its first line, nobody can tell any more that the block is ours.
    assert cloud.may("reefer-1") == ((True, [HUB]) if line else (False, []))
    assert enabled.changed is bool(line)


def test_a_refusal_stops_before_the_hub(cloud: MemoryCloud, session: Session, order: Order) -> None:
    cloud.register("reefer-1")

    def refuse(_: str) -> None:
        raise ForbiddenError("answered 403", 403, "403000", "")

    cloud.before = refuse
    with pytest.raises(ForbiddenError):
        disable(session, "reefer-1", order)
    assert cloud.calls == ["add enrollment"]
    cloud.before = lambda _: None
    assert enable(session, "reefer-1", order).changed is False, "nothing had been done"


def test_no_key_is_on_record(cloud: MemoryCloud, session: Session, log: AuditLog, order: Order) -> None:
    cloud.register("reefer-1")
    cloud.enroll("reefer-1")
    disable(session, "reefer-1", order)
    enable(session, "reefer-1", order)
    assert KEY not in log.path.read_text()


def test_the_reason_fits_the_hub() -> None:
    text = status_reason("0123456789ab", "x" * 500)
    assert (len(text), text[-1]) == (STATUS_REASON_MAX, "…")


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 501, "\x1b[2J"])
def test_a_reason_that_says_nothing_is_refused(reason: str) -> None:
    with pytest.raises(RequestError, match="reason"):
        Order("ada", reason)


def test_ids_and_their_number_are_checked_together() -> None:
    with pytest.raises(RequestError) as caught:
        check_devices(("a b", "one", "ONE"), 10)
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == ["'a b'", "one"]
    with pytest.raises(TooManyError, match="--up-to 3"):
        check_devices(("a", "b", "c"), 2)
    check_devices(("a", "b"), 2)
