"""The state machine's invariants, for any order of events; and a device is never stuck."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.assignment import Assignment, Validity
from agent.commands import (
    Close,
    Command,
    Connect,
    Enrol,
    Exit,
    GiveUpRenewal,
    ReadTwin,
    Renew,
    Report,
    Retire,
    Send,
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
from agent.machine import ANSWER_SECONDS, Machine, State

from .test_machine import ANSWER, PLACE, RETRY, SINCE, TWIN, kinds, new_machine

steps = st.integers(0, 8)
validities = st.just(Validity(SINCE, SINCE + timedelta(days=30)))
assignments = st.builds(Assignment, st.sampled_from(["a", "b"]), st.just("reefer-1"), st.none() | validities)
certified = st.builds(Assignment, st.sampled_from(["a", "b"]), st.just("reefer-1"), validities)
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
        st.builds(Renewed, st.integers(0, 4), certified),
        st.builds(RenewalFailed, st.integers(0, 4), st.just("why"), st.booleans()),
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
        self.renewal = 0
        self.exits = 0

    def saw(self, event: Event) -> None:
        """Take in an event that counts: of the step or the renewal under way."""
        match event:
            case Start() if event.known and not self.step:
                self.hub = event.known.hub
            case Renewed() if self.open is Renew and event.renewal == self.renewal:
                self.hub, self.open = event.assignment.hub, None
            case RenewalFailed() if self.open is Renew and event.renewal == self.renewal:
                self.open = None
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
            case Renew():
                assert self.open is None, "one step at a time: a hub has one connection a device"
                assert self.hub is not None, "only with an assignment"
                assert command.renewal > self.renewal, "renewals have numbers of their own"
                self.open, self.renewal = Renew, command.renewal
            case GiveUpRenewal():
                assert self.open is Renew
                self.open = None
            case Retire():
                assert self.live, "only after the newest certificate was taken"
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
                caps[Timer.RENEWAL] = 3600.0
                assert 0 <= command.seconds <= caps[command.timer]
            case Exit():
                self.exits += 1


starts = st.builds(Start, st.none() | certified)


@given(starts, events, st.integers(0, 3), st.floats(0, 1, exclude_max=True), st.floats(0, 1e6), st.booleans())
def test_invariants_hold_for_any_order_of_events(
    start: Start, happened: list[Event], attempts: int, drawn: float, gap: float, registered: bool
) -> None:
    machine, watcher, at = Machine(attempts, lambda: drawn, registered=registered), _Watcher(), 0.0
    for event in [start, *happened, Stop(), Stop()]:
        at += gap
        watcher.saw(event)
        commands = machine.handle(event, at)
        retries = [
            command
            for command in commands
            if command == SetTimer(Timer.RETRY, getattr(command, "seconds", -1))
        ]
        assert len(retries) == kinds(commands).count("retrying") <= 1
        for command in commands:
            watcher.told(command)
    assert watcher.exits == 1
    assert machine.state is State.ENDED


@given(st.lists(st.sampled_from(["fine", "down", "refused", "silent"]), max_size=60))
def test_a_device_is_never_stuck(answers: list[str]) -> None:
    """Whatever the cloud answers, something is under way or a timer is running: the device gets on."""
    machine = new_machine()
    commands = machine.handle(Start(), 0.0)
    for answer in answers:
        step = next(
            (command for command in commands if isinstance(command, Enrol | Connect | ReadTwin)), None
        )
        event = _answer(step, answer) if step else RETRY
        commands = machine.handle(event, 0.0)
        assert commands, (answer, event)
        assert {Enrol, Connect, ReadTwin, Report, Timer.RETRY} & set(kinds(commands))
        if Report in kinds(commands):
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
