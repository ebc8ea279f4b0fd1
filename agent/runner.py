"""Runs one device: feeds events to the machine and carries out its commands.

The main thread waits for events and timers and never blocks on the network, so a signal is answered at
once. Each step at the cloud runs on a thread of its own. A request that the SDK never answers (it has some
without a time-out) keeps only the thread of its step, which ends with the process.
"""

import json
import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

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
from agent.errors import CloudError, RefusedError
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
    Timer,
    TimerFired,
    TwinRead,
)
from agent.log import JsonLog
from agent.machine import Machine
from agent.ports import Cloud, Hub, Provisioning
from agent.twin import Json

_CLOSE_SECONDS = 3.0
"""How long a stopping device waits for the hub to take its goodbye."""

CLOCK_CHECK_SECONDS = 30.0
"""How often the wall clock is looked at while an alarm is set: it may be set right, or the device sleep."""

Job = Callable[[], None]


def wall_clock() -> datetime:
    """The time of day, UTC."""
    return datetime.now(UTC)


class Runner:
    """One device from its start to its exit code. `now` is the wall clock, for certificates alone."""

    def __init__(
        self, machine: Machine, cloud: Cloud, log: JsonLog, now: Callable[[], datetime] = wall_clock
    ) -> None:
        self._machine = machine
        self._cloud = cloud
        self._log = log
        self._now = now
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._timers: dict[Timer, float] = {}
        self._alarm: datetime | None = None
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._client: Provisioning | Hub | None = None
        self._renewal: Provisioning | None = None
        self._closing: threading.Thread | None = None
        self._exit_code: int | None = None

    def post(self, event: Event) -> None:
        """Let the machine know of `event`; may be called from any thread and from a signal handler."""
        self._events.put(event)

    def run(self, began: float) -> int:
        """Run until the machine exits; its exit code. `began`: when the process started (monotonic)."""
        self._handle(Start(self._cloud.known()), began)
        while self._exit_code is None:
            self._handle(self._next_event(), time.monotonic())
        if self._closing:
            self._closing.join(_CLOSE_SECONDS)
        return self._exit_code

    def _handle(self, event: Event, at: float) -> None:
        for command in self._machine.handle(event, at):
            self._carry_out(command)

    def _next_event(self) -> Event:
        while True:
            if self._alarm is not None and self._now() >= self._alarm:
                self._alarm = None
                return TimerFired(Timer.RENEWAL)
            timer = min(self._timers, key=self._timers.__getitem__, default=None)
            try:
                return self._events.get(timeout=self._longest_wait(timer))
            except queue.Empty:
                if timer is not None and self._timers[timer] <= time.monotonic():
                    del self._timers[timer]
                    return TimerFired(timer)

    def _longest_wait(self, timer: Timer | None) -> float | None:
        """Seconds until the timer or the next look at the clock; None for ever."""
        waits = [] if timer is None else [max(0.0, self._timers[timer] - time.monotonic())]
        if self._alarm is not None:
            left = (self._alarm - self._now()).total_seconds()
            waits.append(max(0.0, min(left, CLOCK_CHECK_SECONDS)))
        return min(waits, default=None)

    def _carry_out(self, command: Command) -> None:
        match command:
            case Enrol():
                self._enrol(command.step)
            case Connect():
                self._connect(command)
            case ReadTwin():
                self._read_twin(command.step)
            case Report():
                self._report(command)
            case Send():
                self._send(command)
            case Close():
                self._close()
            case SetTimer():
                self._timers[command.timer] = time.monotonic() + command.seconds
            case SetAlarm():
                self._timers.pop(Timer.RENEWAL, None)
                self._alarm = command.at
            case Renew():
                self._renew(command.renewal)
            case GiveUpRenewal():
                self._give_up_renewal()
            case Retire():
                self._retire()
            case OpenGateway():
                self._cloud.open_gateway(command.hub, command.device_id, self._log)
            case Record():
                self._log.write(command.event, command.level, **command.fields)
            case Exit():
                self._exit_code = command.code

    def _enrol(self, step: int) -> None:
        def failed(error: CloudError) -> None:
            self.post(EnrolFailed(step, str(error), isinstance(error, RefusedError)))

        try:
            provisioning = self._cloud.provisioning()
        except CloudError as error:
            failed(error)
            return
        self._begin_step(provisioning)

        def enrol() -> None:
            try:
                assignment = provisioning.enrol()
            except CloudError as error:
                failed(error)
            else:
                self.post(Assigned(step, assignment))

        self._jobs.put(enrol)

    def _renew(self, renewal: int) -> None:
        def failed(error: CloudError) -> None:
            self.post(RenewalFailed(renewal, str(error), isinstance(error, RefusedError)))

        try:
            provisioning = self._renewal = self._cloud.renewal()
        except CloudError as error:
            failed(error)
            return

        def renew() -> None:
            try:
                assignment = provisioning.enrol()
            except CloudError as error:
                failed(error)
            else:
                self.post(Renewed(renewal, assignment))

        _start_thread(renew)

    def _give_up_renewal(self) -> None:
        renewal, self._renewal = self._renewal, None
        if renewal is not None:
            self._close_client(renewal)  # at once, and no network IO: see agent.hub_renewal

    def _retire(self) -> None:
        try:
            self._cloud.retire()
        except OSError as error:
            self._log.write("retire-failed", "warning", reason=str(error))

    def _connect(self, command: Connect) -> None:
        step = command.step

        def failed(error: CloudError) -> None:
            self.post(ConnectFailed(step, str(error), isinstance(error, RefusedError)))

        try:
            hub = self._cloud.hub(command.hub, command.device_id)
        except CloudError as error:
            failed(error)
            return
        self._begin_step(hub)

        def connect() -> None:
            try:
                hub.connect(
                    lost=lambda reason: self.post(Lost(step, reason)),
                    desired=lambda patch: self.post(DesiredChanged(step, patch)),
                )
            except CloudError as error:
                failed(error)
            else:
                self.post(Connected(step))

        self._jobs.put(connect)

    def _read_twin(self, step: int) -> None:
        self._on_hub(step, lambda hub: self.post(TwinRead(step, hub.read_twin())))

    def _report(self, command: Report) -> None:
        def report(hub: Hub, properties: Json = command.properties) -> None:
            hub.report(properties)
            self.post(Reported(command.step, command.desired_version))

        self._on_hub(command.step, report)

    def _send(self, command: Send) -> None:
        self._on_hub(command.step, lambda hub: hub.send(json.dumps(command.message)))

    def _on_hub(self, step: int, work: Callable[[Hub], None]) -> None:
        """Queue `work` on the open hub; a failure of it counts as a lost connection."""
        hub = self._client
        assert isinstance(hub, Hub), "the machine works on a hub only while it is connected"

        def job() -> None:
            try:
                work(hub)
            except CloudError as error:
                self.post(Lost(step, str(error)))

        self._jobs.put(job)

    def _begin_step(self, client: Provisioning | Hub) -> None:
        self._jobs.put(None)
        self._client = client
        self._jobs = queue.SimpleQueue()
        _start_thread(partial(_work_off, self._jobs))

    def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            self._jobs.put(None)
            self._closing = _start_thread(partial(self._close_client, client))

    def _close_client(self, client: Provisioning | Hub) -> None:
        try:
            client.close()
        except CloudError as error:
            self._log.write("sdk", "debug", source="close", message=str(error))


def _work_off(jobs: "queue.SimpleQueue[Job | None]") -> None:
    while (job := jobs.get()) is not None:
        job()


def _start_thread(work: Job) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
