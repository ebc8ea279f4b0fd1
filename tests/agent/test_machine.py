"""The state machine: one table of what follows what, and its invariants for any order of events."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.assignment import Assignment
from agent.backoff import REFUSED, UNAVAILABLE
from agent.commands import Close, Command, Connect, Enrol, Exit, ReadTwin, Record, Report, Send, SetTimer
from agent.events import (
    Assigned,
    Connected,
    ConnectFailed,
    DesiredChanged,
    EnrolFailed,
    Event,
    Lost,
    Reported,
    Start,
    Stop,
    Timer,
    TimerFired,
    TwinRead,
)
from agent.machine import ANSWER_SECONDS, HUB_FAILURES_BEFORE_ENROLLING, STABLE_SECONDS, Machine, State

HUB = "eu-1.azure-devices.net"
PLACE = Assignment(HUB, "reefer-1")
TWIN = {"desired": {"intervalSeconds": 30, "$version": 1}, "reported": {}}
RETRY = TimerFired(Timer.RETRY)
ANSWER = TimerFired(Timer.ANSWER)

ASSIGNED: list[Event] = [Start(), Assigned(1, PLACE)]
CONNECTED: list[Event] = [*ASSIGNED, Connected(2)]
READ: list[Event] = [*CONNECTED, TwinRead(2, TWIN)]
UP: list[Event] = [*READ, Reported(2, 1)]


def _machine(attempts: int = 0, drawn: float = 0.5) -> Machine:
    return Machine(attempts, lambda: drawn)


def _after(machine: Machine, events: Sequence[Event], at: float = 0.0) -> list[Command]:
    """What the last of `events` leads to."""
    commands: list[Command] = []
    for event in events:
        commands = machine.handle(event, at)
    return commands


def _kinds(commands: Sequence[Command]) -> list[Any]:
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
    "stop before the start": ([Stop()], [Close, "stopped", Exit(0)]),
    "stop when up": ([*UP, Stop()], [Close, "stopped", Exit(0)]),
    "nothing after the stop": ([*UP, Stop(), Lost(2, "closed")], []),
}


@pytest.mark.parametrize(("events", "expected"), TABLE.values(), ids=TABLE.keys())
def test_what_follows(events: list[Event], expected: list[Any]) -> None:
    assert _kinds(_after(_machine(), events)) == expected


def test_the_device_reports_what_it_was_told() -> None:
    reports = [command for command in _after(_machine(), READ) if isinstance(command, Report)]
    assert [(report.step, report.desired_version) for report in reports] == [(2, 1)]
    assert reports[0].properties["desiredVersion"] == 1
    assert reports[0].properties["intervalSeconds"] == 30


def test_it_sends_as_often_as_it_was_told() -> None:
    assert SetTimer(Timer.SEND, 30) in _after(_machine(), READ)
    change = DesiredChanged(2, {"intervalSeconds": 5, "$version": 2})
    assert SetTimer(Timer.SEND, 5) in _after(_machine(), [*UP, change])


def test_refused_for_good_after_so_many_attempts() -> None:
    machine = _machine(attempts=2)
    assert _kinds(_after(machine, [Start(), _refused(1)])) == ["refused", "retrying", Timer.RETRY]
    assert _kinds(_after(machine, [RETRY, _refused(2)])) == ["refused", Exit(3)]
    assert machine.handle(RETRY, 0) == []


def test_only_refusals_count_as_attempts() -> None:
    machine = _machine(attempts=1)
    for step in range(1, 30):
        assert "retrying" in _kinds(_after(machine, [Start() if step == 1 else RETRY, _down(step)]))


def test_an_assignment_starts_the_attempts_anew() -> None:
    machine = _machine(attempts=2)
    _after(machine, [Start(), _refused(1), RETRY, Assigned(2, PLACE), _hub_refuses(3), RETRY])
    _after(machine, [_hub_refuses(4), RETRY])
    assert _kinds(_after(machine, [_refused(5)])) == ["refused", "retrying", Timer.RETRY]


def test_it_enrols_again_when_the_hub_stays_out_of_reach() -> None:
    machine = _machine()
    _after(machine, ASSIGNED)
    for step in range(2, 2 + HUB_FAILURES_BEFORE_ENROLLING):
        _after(machine, [_hub_down(step)])
        assert machine.state is not State.ENROLLING
        commands = _after(machine, [RETRY])
    assert _kinds(commands) == [Enrol, Timer.ANSWER]


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
    machine = _machine()
    _after(machine, ASSIGNED)
    assert _delays(machine, 8) == [UNAVAILABLE.ceiling(attempt) / 2 for attempt in range(8)]
    assert SetTimer(Timer.RETRY, REFUSED.ceiling(0) / 2) in _after(_machine(), [Start(), _refused(1)])


@pytest.mark.parametrize(("held", "delay"), [(STABLE_SECONDS, 0.5), (STABLE_SECONDS - 1, 8.0)])
def test_only_a_stable_connection_ends_a_row_of_failures(held: float, delay: float) -> None:
    machine = _machine()
    _after(machine, ASSIGNED)
    _delays(machine, 4)
    step = machine._step
    machine.handle(Connected(step), 100.0)
    assert SetTimer(Timer.RETRY, delay) in machine.handle(Lost(step, "reset"), 100.0 + held)


def test_seconds_count_from_the_start_the_loss_and_the_change() -> None:
    machine = _machine()
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


steps = st.integers(0, 8)
assignments = st.builds(Assignment, st.sampled_from(["a", "b"]), st.just("reefer-1"))
twins = st.fixed_dictionaries(
    {"desired": st.just({}) | st.just({"$version": 3}) | st.just({"intervalSeconds": 0})}
)
patches = st.fixed_dictionaries({"$version": st.integers(0, 5)})
events = st.lists(
    st.one_of(
        st.just(Start()),
        st.builds(Assigned, steps, assignments),
        st.builds(EnrolFailed, steps, st.just("why"), st.booleans()),
        st.builds(Connected, steps),
        st.builds(ConnectFailed, steps, st.just("why"), st.booleans()),
        st.builds(Lost, steps, st.just("why")),
        st.builds(TwinRead, steps, twins),
        st.builds(DesiredChanged, steps, patches),
        st.builds(Reported, steps, st.integers(0, 5)),
        st.builds(TimerFired, st.sampled_from(Timer)),
    ),
    max_size=40,
)


class _Watcher:
    """A model of the world outside: what is open, what was assigned. It judges each command."""

    def __init__(self) -> None:
        self.open: type[Command] | None = None
        self.step = 0
        self.hub: str | None = None
        self.live = False
        self.twin = False
        self.waiting = False
        self.exits = 0

    def saw(self, event: Event) -> None:
        """Take in an event that counts: of the step under way."""
        if getattr(event, "step", self.step) != self.step:
            return
        match event:
            case Assigned() if self.open is Enrol:
                self.hub, self.open = event.assignment.hub, None
            case EnrolFailed() if self.open is Enrol:
                self.open = None
            case Connected() if self.open is Connect:
                self.live = True
            case TwinRead() if self.live:
                self.twin = True

    def told(self, command: Command) -> None:
        """Take in a command, and judge it."""
        assert not self.exits, "nothing after Exit"
        match command:
            case Enrol() | Connect():
                assert self.open is None, "one step at a time"
                assert command.step > self.step, "steps have numbers of their own"
                if isinstance(command, Connect):
                    assert command.hub == self.hub, "only the hub of the latest assignment"
                self.open, self.step = type(command), command.step
                self.live = self.twin = False
            case Close():
                self.open, self.live, self.twin = None, False, False
            case ReadTwin():
                assert self.live
                assert command.step == self.step
            case Report() | Send():
                assert self.twin
                assert command.step == self.step
            case SetTimer():
                caps = {Timer.RETRY: 3600.0, Timer.ANSWER: ANSWER_SECONDS, Timer.SEND: 86_400.0}
                assert 0 <= command.seconds <= caps[command.timer]
            case Exit():
                self.exits += 1


@given(events, st.integers(0, 3), st.floats(0, 1, exclude_max=True), st.floats(0, 1e6))
def test_invariants_hold_for_any_order_of_events(
    happened: list[Event], attempts: int, drawn: float, gap: float
) -> None:
    machine, watcher, at = _machine(attempts, drawn), _Watcher(), 0.0
    for event in [Start(), *happened, Stop(), Stop()]:
        at += gap
        watcher.saw(event)
        commands = machine.handle(event, at)
        retries = [
            command
            for command in commands
            if command == SetTimer(Timer.RETRY, getattr(command, "seconds", -1))
        ]
        assert len(retries) == _kinds(commands).count("retrying") <= 1
        for command in commands:
            watcher.told(command)
    assert watcher.exits == 1
    assert machine.state is State.ENDED


@given(st.lists(st.sampled_from(["fine", "down", "refused", "silent"]), max_size=60))
def test_a_device_is_never_stuck(answers: list[str]) -> None:
    """Whatever the cloud answers, something is under way or a timer is running: the device gets on."""
    machine = _machine()
    commands = machine.handle(Start(), 0.0)
    for answer in answers:
        step = next(
            (command for command in commands if isinstance(command, Enrol | Connect | ReadTwin)), None
        )
        event = _answer(step, answer) if step else RETRY
        commands = machine.handle(event, 0.0)
        assert commands, (answer, event)
        assert {Enrol, Connect, ReadTwin, Report, Timer.RETRY} & set(_kinds(commands))
        if Report in _kinds(commands):
            commands = machine.handle(Lost(machine._step, "reset"), 0.0)


def _answer(command: Enrol | Connect | ReadTwin, answer: str) -> Event:
    number, bad = command.step, answer == "refused"
    if answer == "silent":
        return ANSWER
    match command:
        case Enrol():
            return Assigned(number, PLACE) if answer == "fine" else EnrolFailed(number, "why", bad)
        case Connect():
            return Connected(number) if answer == "fine" else ConnectFailed(number, "why", bad)
        case ReadTwin():
            return TwinRead(number, TWIN) if answer == "fine" else Lost(number, "why")
