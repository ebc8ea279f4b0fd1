"""The state machine: one table of what follows what, and its invariants in test_machine_invariants."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.assignment import Assignment, Validity
from agent.backoff import REFUSED, UNAVAILABLE
from agent.commands import (
    Close,
    Command,
    Connect,
    Enrol,
    Exit,
    GiveUpRenewal,
    OpenGateway,
    ReadTwin,
    Record,
    Renew,
    Report,
    Retire,
    Send,
    SetAlarm,
    SetTimer,
)
from agent.events import (
    Assigned,
    Connected,
    ConnectFailed,
    DesiredChanged,
    EnrolFailed,
    Event,
    Lost,
    RenewalFailed,
    Renewed,
    Reported,
    Start,
    Stop,
    Timer,
    TimerFired,
    TwinRead,
)
from agent.machine import HUB_FAILURES_BEFORE_ENROLLING, STABLE_SECONDS, Machine, State

HUB = "eu-1.azure-devices.net"
PLACE = Assignment(HUB, "reefer-1")
TWIN = {"desired": {"intervalSeconds": 30, "$version": 1}, "reported": {}}
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
KNOWN = Assignment(HUB, "reefer-1", Validity(SINCE, SINCE + timedelta(days=30)))
NEXT = Assignment("eu-2.azure-devices.net", "reefer-1", Validity(SINCE, SINCE + timedelta(days=54)))
RETRY = TimerFired(Timer.RETRY)
DUE = TimerFired(Timer.RENEWAL)
ANSWER = TimerFired(Timer.ANSWER)

ASSIGNED: list[Event] = [Start(), Assigned(1, PLACE)]
CONNECTED: list[Event] = [*ASSIGNED, Connected(2)]
READ: list[Event] = [*CONNECTED, TwinRead(2, TWIN)]
RESUMED: list[Event] = [Start(KNOWN), Connected(1), TwinRead(1, TWIN), Reported(1, 1)]
UP: list[Event] = [*READ, Reported(2, 1)]


def new_machine(attempts: int = 0, drawn: float = 0.5) -> Machine:
    return Machine(attempts, lambda: drawn)


def _after(machine: Machine, events: Sequence[Event], at: float = 0.0) -> list[Command]:
    """What the last of `events` leads to."""
    commands: list[Command] = []
    for event in events:
        commands = machine.handle(event, at)
    return commands


def kinds(commands: Sequence[Command]) -> list[Any]:
    """Commands in short: the event of a record, the timer that is set, else the type."""
    return [_kind(command) for command in commands]


def _kind(command: Command) -> Any:
    match command:
        case Record():
            return command.event
        case SetTimer():
            return command.timer
        case Exit():
            return command
        case _:
            return type(command)


def _refused(step: int) -> EnrolFailed:
    return EnrolFailed(step, "disabled", refused=True)


def _down(step: int) -> EnrolFailed:
    return EnrolFailed(step, "no route", refused=False)


def _hub_refuses(step: int) -> ConnectFailed:
    return ConnectFailed(step, "not authorised", refused=True)


def _hub_down(step: int) -> ConnectFailed:
    return ConnectFailed(step, "no route", refused=False)


TABLE = {
    "start": ([Start()], ["starting", Enrol, Timer.ANSWER]),
    "assigned": (ASSIGNED, ["assigned", Connect, Timer.ANSWER]),
    "connected": (CONNECTED, ["connected", ReadTwin, Timer.ANSWER]),
    "twin read": (READ, ["twin", Report, Timer.ANSWER, Timer.SEND]),
    "reported": (UP, ["reported"]),
    "desired changed": (
        [*UP, DesiredChanged(2, {"intervalSeconds": 5, "$version": 2})],
        ["desired-changed", Report, Timer.ANSWER, Timer.SEND],
    ),
    "change repeated": ([*UP, DesiredChanged(2, {"$version": 1})], []),
    "change missed": ([*UP, DesiredChanged(2, {"$version": 9})], [ReadTwin, Timer.ANSWER]),
    "change before the twin": ([*CONNECTED, DesiredChanged(2, {"$version": 2})], []),
    "twin read again": ([*UP, TwinRead(2, TWIN)], ["twin", Report, Timer.ANSWER]),
    "time to send": ([*UP, TimerFired(Timer.SEND)], [Send, Timer.SEND]),
    "DPS out of reach": ([Start(), _down(1)], ["retrying", Timer.RETRY]),
    "DPS refuses": ([Start(), _refused(1)], ["refused", "retrying", Timer.RETRY]),
    "DPS again": ([Start(), _refused(1), RETRY], [Enrol, Timer.ANSWER]),
    "DPS does not answer": ([Start(), ANSWER], [Close, "retrying", Timer.RETRY]),
    "hub out of reach": ([*ASSIGNED, _hub_down(2)], [Close, "retrying", Timer.RETRY]),
    "hub refuses once": ([*ASSIGNED, _hub_refuses(2), RETRY], [Connect, Timer.ANSWER]),
    "hub refuses twice": (
        [*ASSIGNED, _hub_refuses(2), RETRY, _hub_refuses(3), RETRY],
        [Enrol, Timer.ANSWER],
    ),
    "hub does not answer": ([*ASSIGNED, ANSWER], [Close, "retrying", Timer.RETRY]),
    "twin does not come": ([*CONNECTED, ANSWER], [Close, "disconnected", "retrying", Timer.RETRY]),
    "late alarm": ([*UP, ANSWER], []),
    "lost": ([*UP, Lost(2, "reset")], [Close, "disconnected", "retrying", Timer.RETRY]),
    "lost and back": ([*UP, Lost(2, "reset"), RETRY], [Connect, Timer.ANSWER]),
    "no sending when lost": ([*UP, Lost(2, "reset"), TimerFired(Timer.SEND)], []),
    "late news of an old connection": ([*UP, Lost(2, "reset"), RETRY, Lost(2, "reset")], []),
    "answer to an enrolment given up": ([Start(), ANSWER, RETRY, Assigned(1, PLACE)], []),
    "known from the last run": ([Start(KNOWN)], ["starting", "resuming", SetAlarm, Connect, Timer.ANSWER]),
    "assigned with a certificate": (
        [Start(), Assigned(1, KNOWN)],
        ["assigned", "certificate-issued", SetAlarm, Connect, Timer.ANSWER],
    ),
    "proved": ([Start(KNOWN), Connected(1)], ["connected", Retire, ReadTwin, Timer.ANSWER]),
    "time to renew": ([*RESUMED, DUE], [Close, "renewing", Renew, Timer.RENEWAL]),
    "renewed": (
        [*RESUMED, DUE, Renewed(1, NEXT)],
        ["certificate-issued", SetAlarm, Connect, Timer.ANSWER],
    ),
    "renewed and proved": (
        [*RESUMED, DUE, Renewed(1, NEXT), Connected(2)],
        ["connected", Retire, ReadTwin, Timer.ANSWER],
    ),
    "not renewed": (
        [*RESUMED, DUE, RenewalFailed(1, "down", refused=False)],
        ["renewal-failed", Timer.RENEWAL, Connect, Timer.ANSWER],
    ),
    "no answer to a renewal": (
        [*RESUMED, DUE, DUE],
        [GiveUpRenewal, "renewal-failed", Timer.RENEWAL, Connect, Timer.ANSWER],
    ),
    "a late answer to a renewal": ([*RESUMED, DUE, DUE, Renewed(1, NEXT)], []),
    "the connection that gave way is lost": ([*RESUMED, DUE, Lost(1, "reset")], []),
    "time to renew while the hub is away": (
        [*RESUMED, Lost(1, "reset"), DUE],
        [Close, "renewing", Renew, Timer.RENEWAL],
    ),
    "no second way to the hub while renewing": ([*RESUMED, Lost(1, "reset"), DUE, RETRY], []),
    "nothing to renew while enrolling is due": (
        [Start(KNOWN), _hub_refuses(1), RETRY, _hub_refuses(2), DUE],
        [],
    ),
    "stop while renewing": ([*RESUMED, DUE, Stop()], [Close, "stopped", Exit(0)]),
    "no renewal while enrolling": ([Start(), DUE], []),
    "stop before the start": ([Stop()], [Close, "stopped", Exit(0)]),
    "stop when up": ([*UP, Stop()], [Close, "stopped", Exit(0)]),
    "nothing after the stop": ([*UP, Stop(), Lost(2, "closed")], []),
}


@pytest.mark.parametrize(("events", "expected"), TABLE.values(), ids=TABLE.keys())
def test_what_follows(events: list[Event], expected: list[Any]) -> None:
    assert kinds(_after(new_machine(), events)) == expected


def test_the_device_reports_what_it_was_told() -> None:
    reports = [command for command in _after(new_machine(), READ) if isinstance(command, Report)]
    assert [(report.step, report.desired_version) for report in reports] == [(2, 1)]
    assert reports[0].properties["desiredVersion"] == 1
    assert reports[0].properties["intervalSeconds"] == 30


def test_a_certificate_from_dps_is_reported_with_its_validity() -> None:
    reports = [it for it in _after(new_machine(), RESUMED[:3]) if isinstance(it, Report)]
    told = {"validFrom": "2026-11-01T00:00:00Z", "validUntil": "2026-12-01T00:00:00Z"}
    assert reports[0].properties["certificate"] == told


def test_the_connection_after_a_renewal_is_to_where_dps_sent_it() -> None:
    commands = _after(new_machine(), [*RESUMED, DUE, Renewed(1, NEXT)])
    assert [it.hub for it in commands if isinstance(it, Connect)] == [NEXT.hub]


def test_a_gateway_opens_with_every_connection_in_its_own_name() -> None:
    machine = Machine(0, lambda: 0.5, gateway=True)
    opened = [it for it in _after(machine, CONNECTED) if isinstance(it, OpenGateway)]
    assert opened == [OpenGateway(HUB, "reefer-1")]


def test_a_device_that_asks_no_dps_counts_the_hubs_refusals() -> None:
    machine = Machine(2, lambda: 0.5, registered=True)
    _after(machine, ASSIGNED)
    assert kinds(_after(machine, [_hub_refuses(2)])) == [Close, "refused", "retrying", Timer.RETRY]
    assert kinds(_after(machine, [RETRY, _hub_down(3)])) == [Close, "retrying", Timer.RETRY]
    assert kinds(_after(machine, [RETRY, _hub_refuses(4)])) == [Close, "refused", Exit(3)]


def test_a_connection_ends_a_row_of_refusals_by_the_hub() -> None:
    machine = Machine(2, lambda: 0.5, registered=True)
    _after(machine, [*ASSIGNED, _hub_refuses(2), RETRY, Connected(3), Lost(3, "reset"), RETRY])
    assert kinds(_after(machine, [_hub_refuses(4)])) == [Close, "refused", "retrying", Timer.RETRY]


def test_it_sends_as_often_as_it_was_told() -> None:
    assert SetTimer(Timer.SEND, 30) in _after(new_machine(), READ)
    change = DesiredChanged(2, {"intervalSeconds": 5, "$version": 2})
    assert SetTimer(Timer.SEND, 5) in _after(new_machine(), [*UP, change])


def test_refused_for_good_after_so_many_attempts() -> None:
    machine = new_machine(attempts=2)
    assert kinds(_after(machine, [Start(), _refused(1)])) == ["refused", "retrying", Timer.RETRY]
    assert kinds(_after(machine, [RETRY, _refused(2)])) == ["refused", Exit(3)]
    assert machine.handle(RETRY, 0) == []


def test_only_refusals_count_as_attempts() -> None:
    machine = new_machine(attempts=1)
    for step in range(1, 30):
        assert "retrying" in kinds(_after(machine, [Start() if step == 1 else RETRY, _down(step)]))


def test_an_assignment_starts_the_attempts_anew() -> None:
    machine = new_machine(attempts=2)
    _after(machine, [Start(), _refused(1), RETRY, Assigned(2, PLACE), _hub_refuses(3), RETRY])
    _after(machine, [_hub_refuses(4), RETRY])
    assert kinds(_after(machine, [_refused(5)])) == ["refused", "retrying", Timer.RETRY]


def test_it_enrols_again_when_the_hub_stays_out_of_reach() -> None:
    machine = new_machine()
    _after(machine, ASSIGNED)
    for step in range(2, 2 + HUB_FAILURES_BEFORE_ENROLLING):
        _after(machine, [_hub_down(step)])
        assert machine.state is not State.ENROLLING
        commands = _after(machine, [RETRY])
    assert kinds(commands) == [Enrol, Timer.ANSWER]


def _delays(machine: Machine, failures: int) -> list[float]:
    """The delays after so many hubs out of reach in a row."""
    delays = []
    for _ in range(failures):
        step = machine._step
        commands = machine.handle(_hub_down(step), 0.0)
        delays += [command.seconds for command in commands if isinstance(command, SetTimer)]
        machine.handle(RETRY, 0.0)
    return delays


def test_delays_grow_and_a_refusal_of_dps_waits_longer() -> None:
    machine = new_machine()
    _after(machine, ASSIGNED)
    assert _delays(machine, 8) == [UNAVAILABLE.ceiling(attempt) / 2 for attempt in range(8)]
    assert SetTimer(Timer.RETRY, REFUSED.ceiling(0) / 2) in _after(new_machine(), [Start(), _refused(1)])


@pytest.mark.parametrize(("held", "delay"), [(STABLE_SECONDS, 0.5), (STABLE_SECONDS - 1, 8.0)])
def test_only_a_stable_connection_ends_a_row_of_failures(held: float, delay: float) -> None:
    machine = new_machine()
    _after(machine, ASSIGNED)
    _delays(machine, 4)
    step = machine._step
    machine.handle(Connected(step), 100.0)
    assert SetTimer(Timer.RETRY, delay) in machine.handle(Lost(step, "reset"), 100.0 + held)


def test_seconds_count_from_the_start_the_loss_and_the_change() -> None:
    machine = new_machine()
    machine.handle(Start(), 100.0)
    assert _seconds(machine.handle(Assigned(1, PLACE), 101.0)) == 1.0
    assert _seconds(machine.handle(Connected(2), 101.5)) == 1.5
    machine.handle(TwinRead(2, TWIN), 101.75)
    assert _seconds(machine.handle(Reported(2, 1), 102.0)) == 2.0
    machine.handle(DesiredChanged(2, {"$version": 2}), 500.0)
    assert _seconds(machine.handle(Reported(2, 2), 500.25)) == 0.25
    machine.handle(Lost(2, "reset"), 900.0)
    machine.handle(RETRY, 901.0)
    assert _seconds(machine.handle(Connected(3), 901.5)) == 1.5


def _seconds(commands: Sequence[Command]) -> Any:
    (record,) = (command for command in commands if isinstance(command, Record))
    return record.fields["seconds"]
