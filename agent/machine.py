"""What a device does next: a state machine without IO, clock or randomness of its own.

`Machine.handle(event, at)` takes what happened and when (monotonic seconds) and returns the commands to
carry out.

Invariants, for any order of events, late and impossible ones included:

1. It never connects to a hub before DPS assigned one (in this run, or in an earlier one whose certificate it
   still has), and only to the hub of the latest assignment.
2. There is never more than one step under way, so never more than one connection: the next `Enrol`, `Connect`
   or `Renew` comes only after the previous step succeeded in enrolling or renewing, failed to, or was told to
   `Close` (a renewal: `GiveUpRenewal`).
3. Events of an earlier step change nothing.
4. Every failure leads to exactly one `RETRY` timer, its delay at most the cap of its back-off. The back-off
   starts again from the beginning only after a connection that held `STABLE_SECONDS`.
5. Whatever it asks the cloud, it waits at most `ANSWER_SECONDS` (the SDK has requests without a time-out).
6. `Report` and `Send` are given only on a live connection whose twin was read.
7. `Exit` comes once, and nothing after it.
8. A renewal never begins while an enrolment is under way or due. However it ends, the device connects next:
   with the new certificate, or with the old one.
9. `Retire` comes only after the hub took a connection with the newest certificate.

When a certificate is renewed: `agent.renewal`.
"""

from collections.abc import Callable
from datetime import timedelta
from enum import Enum

from agent.assignment import Assignment
from agent.backoff import REFUSED, UNAVAILABLE, Backoff
from agent.commands import (
    Close,
    Command,
    Connect,
    Enrol,
    Exit,
    OpenGateway,
    ReadTwin,
    Record,
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
from agent.renewal import ANSWER_SECONDS, Renewals
from agent.twin import Change, Json, Twin

__all__ = ["ANSWER_SECONDS", "Machine", "State"]

STABLE_SECONDS = 60.0
"""A connection that held this long ends a row of failures."""

HUB_REFUSALS_BEFORE_ENROLLING = 2
"""A hub that refuses this often in a row may no longer be this device's: ask DPS again."""

HUB_FAILURES_BEFORE_ENROLLING = 10
"""A hub out of reach this often in a row may have been replaced: ask DPS again."""

EXIT_STOPPED = 0
EXIT_REFUSED = 3


class State(Enum):
    """Where the device stands."""

    NEW = "new"
    ENROLLING = "enrolling"
    ENROL_LATER = "enrol later"
    CONNECTING = "connecting"
    CONNECT_LATER = "connect later"
    CONNECTED = "connected"
    RENEWING = "renewing"
    ENDED = "ended"


class Machine:
    """One device. `attempts` is how often in a row DPS may refuse before the device gives up; 0: for ever.
    A `registered` one asks no DPS: then the hub's refusals count. One that `enrols_once` is registered from
    then on (AWS: nobody but the endpoint is asked again). `renew_before` is how long before its end a
    certificate from DPS is renewed. A `gateway` lets children in.
    """

    def __init__(
        self,
        attempts: int,
        uniform: Callable[[], float],
        renew_before: timedelta | None = None,
        *,
        registered: bool = False,
        enrols_once: bool = False,
        gateway: bool = False,
    ) -> None:
        self.state = State.NEW
        self._attempts = attempts
        self._uniform = uniform
        self._renewals = Renewals(renew_before, uniform)
        self._is_registered = registered
        self._enrols_once = enrols_once
        self._is_gateway = gateway
        self._unproved = False
        self._began = 0.0
        self._connected_at = 0.0
        self._step = 0
        self._failures = 0
        self._refusals = 0
        self._hub_refusals = 0
        self._hub_failures = 0
        self._assignment: Assignment | None = None
        self._twin: Twin | None = None
        self._awaits_answer = False
        self._sent = 0

    def handle(self, event: Event, at: float) -> list[Command]:
        """What to do about `event`, which happened at `at` (monotonic seconds)."""
        if not self._is_current(event):
            return []
        match event:
            case Start():
                return self._start(event, at)
            case Stop():
                return self._stop()
            case Assigned():
                return self._assigned(event, at)
            case EnrolFailed():
                return self._enrol_failed(event)
            case Connected():
                return self._connected(at)
            case ConnectFailed():
                return self._connect_failed(event)
            case Lost():
                return self._lost(event, at)
            case TwinRead():
                return self._twin_read(event)
            case DesiredChanged():
                return self._desired_changed(event, at)
            case Reported():
                return self._reported(event, at)
            case Renewed():
                return self._renewed(event, at)
            case RenewalFailed():
                return self._renewal_failed(event)
            case TimerFired():
                return self._timer_fired(event, at)

    def _is_current(self, event: Event) -> bool:
        """Whether the event belongs to the state and the step that the device is in; a late one does not."""
        expected = _EXPECTED.get(type(event))
        if self.state is State.ENDED or (expected is not None and self.state is not expected):
            return False
        return getattr(event, "step", self._step) == self._step

    def _start(self, event: Start, at: float) -> list[Command]:
        self._began = at
        if event.known is None:
            return [_record("starting"), *self._enrol()]
        held = self._hold(event.known, at, fresh=False)
        resuming = _record("resuming", hub=event.known.hub, until=event.known.until)
        return [_record("starting"), resuming, *held, *self._connect(event.known)]

    def _stop(self) -> list[Command]:
        self.state = State.ENDED
        return [Close(), _record("stopped"), Exit(EXIT_STOPPED)]

    def _enrol(self) -> list[Command]:
        self.state = State.ENROLLING
        self._step += 1
        self._assignment = None
        self._hub_refusals = self._hub_failures = 0
        return [Enrol(self._step), self._await_answer()]

    def _assigned(self, event: Assigned, at: float) -> list[Command]:
        self._refusals = 0
        assignment = event.assignment
        assigned = _record("assigned", hub=assignment.hub, seconds=self._seconds(at))
        return [assigned, *self._hold(assignment, at, fresh=True), *self._connect(assignment)]

    def _hold(self, assignment: Assignment, at: float, *, fresh: bool) -> list[Command]:
        """Take an assignment, and with it the certificate that came along."""
        self._assignment = assignment
        self._is_registered |= self._enrols_once
        certificate = assignment.certificate
        if certificate is None:
            return []
        self._unproved = True
        alarm = self._renewals.hold(certificate, at, fresh=fresh)
        issued = _record("certificate-issued", until=assignment.until)
        return [issued, *alarm] if fresh else alarm

    def _renewal_timer(self, at: float) -> list[Command]:
        """Renew, or go on without: the hub has one connection a device, so this one gives way meanwhile."""
        was_renewing, commands = self.state is State.RENEWING, self._renewals.due(at)
        if was_renewing:
            return [*commands, *self._go_on()]
        if not self._renewals.under_way:
            return commands
        self.state = State.RENEWING
        self._began = at
        return [Close(), *commands]

    def _renewed(self, event: Renewed, at: float) -> list[Command]:
        assignment = self._renewals.done(event)
        if assignment is None:
            return []
        self._hub_refusals = self._hub_failures = 0
        return [*self._hold(assignment, at, fresh=True), *self._connect(assignment)]

    def _renewal_failed(self, event: RenewalFailed) -> list[Command]:
        commands = self._renewals.failed(event)
        return [*commands, *self._go_on()] if commands else []

    def _go_on(self) -> list[Command]:
        """Connect with the certificate that the device still has."""
        return self._connect(self._assignment) if self._assignment else []

    def _enrol_failed(self, event: EnrolFailed) -> list[Command]:
        self.state = State.ENROL_LATER
        return self._failed(event)

    def _failed(self, event: EnrolFailed | ConnectFailed) -> list[Command]:
        """Try again later, or after so many refusals give up."""
        if not event.refused:
            return self._retry(UNAVAILABLE, event.reason)
        self._refusals += 1
        refused = _record("refused", "error", reason=event.reason, attempt=self._refusals)
        if self._attempts and self._refusals >= self._attempts:
            self.state = State.ENDED
            return [refused, Exit(EXIT_REFUSED)]
        return [refused, *self._retry(REFUSED, event.reason)]

    def _connect(self, assignment: Assignment) -> list[Command]:
        self.state = State.CONNECTING
        self._step += 1
        self._twin = None
        return [Connect(self._step, assignment.hub, assignment.device_id), self._await_answer()]

    def _connected(self, at: float) -> list[Command]:
        self.state = State.CONNECTED
        self._connected_at = at
        self._hub_refusals = self._hub_failures = self._refusals = 0
        connected = _record("connected", seconds=self._seconds(at))
        return [connected, *self._retire(), *self._open_gateway(), *self._read_twin()]

    def _retire(self) -> list[Command]:
        unproved, self._unproved = self._unproved, False
        return [Retire()] if unproved else []

    def _open_gateway(self) -> list[Command]:
        if not self._is_gateway or self._assignment is None:
            return []
        return [OpenGateway(self._assignment.hub, self._assignment.device_id)]

    def _connect_failed(self, event: ConnectFailed) -> list[Command]:
        if self._is_registered:
            self.state = State.CONNECT_LATER
            return [Close(), *self._failed(event)]
        self._hub_failures += 1
        self._hub_refusals += event.refused
        refused_often = self._hub_refusals >= HUB_REFUSALS_BEFORE_ENROLLING
        moved = refused_often or self._hub_failures >= HUB_FAILURES_BEFORE_ENROLLING
        self.state = State.ENROL_LATER if moved else State.CONNECT_LATER
        return [Close(), *self._retry(UNAVAILABLE, event.reason)]

    def _lost(self, event: Lost, at: float) -> list[Command]:
        self.state = State.CONNECT_LATER
        self._began = at
        if at - self._connected_at >= STABLE_SECONDS:
            self._failures = 0
        lost = _record("disconnected", "warning", reason=event.reason)
        return [Close(), lost, *self._retry(UNAVAILABLE, event.reason)]

    def _retry(self, backoff: Backoff, reason: str) -> list[Command]:
        seconds = backoff.delay(self._failures, self._uniform)
        self._failures += 1
        retrying = _record("retrying", "warning", inSeconds=round(seconds, 3), reason=reason)
        return [retrying, SetTimer(Timer.RETRY, seconds)]

    def _timer_fired(self, event: TimerFired, at: float) -> list[Command]:
        match event.timer, self.state:
            case Timer.RETRY, State.ENROL_LATER:
                return self._enrol()
            case Timer.RETRY, State.CONNECT_LATER if self._assignment:
                return self._connect(self._assignment)
            case Timer.ANSWER, _ if self._awaits_answer:
                return self._no_answer(at)
            case Timer.SEND, State.CONNECTED if self._twin:
                return self._send(self._twin)
            case Timer.RENEWAL, State.CONNECTING | State.CONNECT_LATER | State.CONNECTED | State.RENEWING:
                return self._renewal_timer(at)
        return []

    def _no_answer(self, at: float) -> list[Command]:
        reason = f"no answer within {ANSWER_SECONDS:g} seconds"
        match self.state:
            case State.ENROLLING:
                return [Close(), *self._enrol_failed(EnrolFailed(self._step, reason, refused=False))]
            case State.CONNECTING:
                return self._connect_failed(ConnectFailed(self._step, reason, refused=False))
            case State.CONNECTED:
                return self._lost(Lost(self._step, reason), at)
        return []

    def _read_twin(self) -> list[Command]:
        return [ReadTwin(self._step), self._await_answer()]

    def _twin_read(self, event: TwinRead) -> list[Command]:
        first = self._twin is None
        twin = self._twin = Twin()
        twin.read(event.twin)
        commands = [_record("twin", desiredVersion=twin.version), *self._report(twin)]
        return [*commands, _send_later(twin)] if first else commands

    def _desired_changed(self, event: DesiredChanged, at: float) -> list[Command]:
        if self._twin is None:
            return []  # the answer to the read that is under way will hold this change
        change = self._twin.change(event.patch)
        if change is Change.REPEATED:
            return []
        if change is Change.GAP:
            return self._read_twin()
        self._began = at
        changed = _record("desired-changed", desiredVersion=self._twin.version)
        return [changed, *self._report(self._twin), _send_later(self._twin)]

    def _report(self, twin: Twin) -> list[Command]:
        properties = {**twin.report(), **self._certificate()}
        return [Report(self._step, twin.version, properties), self._await_answer()]

    def _certificate(self) -> Json:
        certificate = self._assignment.certificate if self._assignment else None
        return {"certificate": certificate.told()} if certificate else {}

    def _reported(self, event: Reported, at: float) -> list[Command]:
        self._awaits_answer = False
        return [_record("reported", version=event.desired_version, seconds=self._seconds(at))]

    def _send(self, twin: Twin) -> list[Command]:
        self._sent += 1
        message = {"sequence": self._sent, "intervalSeconds": twin.settings["intervalSeconds"]}
        return [Send(self._step, message), _send_later(twin)]

    def _await_answer(self) -> SetTimer:
        self._awaits_answer = True
        return SetTimer(Timer.ANSWER, ANSWER_SECONDS)

    def _seconds(self, at: float) -> float:
        """Seconds since the device started, lost its last connection or was given new desired state."""
        return round(at - self._began, 3)


def _send_later(twin: Twin) -> SetTimer:
    return SetTimer(Timer.SEND, twin.settings["intervalSeconds"])


def _record(event: str, level: str = "info", **fields: object) -> Record:
    return Record(event, fields, level)


_EXPECTED: dict[type[Event], State] = {
    Start: State.NEW,
    Assigned: State.ENROLLING,
    EnrolFailed: State.ENROLLING,
    Connected: State.CONNECTING,
    ConnectFailed: State.CONNECTING,
    Lost: State.CONNECTED,
    TwinRead: State.CONNECTED,
    DesiredChanged: State.CONNECTED,
    Reported: State.CONNECTED,
    Renewed: State.RENEWING,
    RenewalFailed: State.RENEWING,
}
"""The state in which an event means something; in any other it is dropped as late. Not listed: in all."""
