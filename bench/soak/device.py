"""One device on the wire, in a thread of its own: it does what a device must, and comes back after anything.

It follows the agent's rules (full jitter, DPS is asked again after two failures in a row at the hub, a gap
in the versions asks for the whole twin) without the SDK, which would be 30 MB a device.
"""

import random
import threading
import time
from dataclasses import dataclass, field

from agent.backoff import Backoff
from bench import wire
from bench.soak.following import PATCHES, Twin
from bench.soak.ledger import Ledger
from bench.soak.plan import Plan
from bench.soak.telemetry import Telemetry

_FAILURES_BEFORE_ENROLLING = 2
_BACKOFF = Backoff(base_seconds=1, cap_seconds=15)
"""Quicker than the agent's minute, so that a soak sees more connections."""
_PUBLISH, _PUBACK, _PINGREQ = 0x30, 0x40, 0xC0
_PING_SECONDS = 120.0
_LOOK_SECONDS = 0.5
"""How long an order may take to be heard."""


@dataclass
class Orders:
    """What all devices are told at once."""

    quiet: threading.Event = field(default_factory=threading.Event)
    """No new messages and no lost networks: finish what is under way."""
    over: threading.Event = field(default_factory=threading.Event)
    """Disconnect."""


class SoakDevice:
    """A device; `run` is its thread. `settled`: connected, and all it did and was told is acknowledged."""

    def __init__(self, device: wire.Device, plan: Plan, orders: Orders, seed: int) -> None:
        self.ledger = Ledger(device.registration_id)
        self.settled = False
        self._device = device
        self._plan = plan
        self._orders = orders
        self._dice = random.Random(seed)  # noqa: S311 - nothing secret hangs on it
        self._failures = 0

    def run(self) -> None:
        """Connect and live until it is over; every failure leads to the next attempt."""
        while not self._orders.over.is_set():
            try:
                self._come_and_live()
            except OSError as error:  # lost or refused, by whatever layer
                self.settled = False
                self.ledger.failures[_named(error, self.ledger.device)] += 1
                self._orders.over.wait(_BACKOFF.delay(self._failures, self._dice.random))
                self._failures += 1

    def _come_and_live(self) -> None:
        ledger = self.ledger
        if not ledger.hub or self._failures >= _FAILURES_BEFORE_ENROLLING:
            ledger.hub = wire.enrol(self._device)
            ledger.enrolments += 1
        session = wire.Session(wire.handshake(self._device, ledger.hub))
        try:
            wire.open_hub(session, self._device, ledger.hub)
            session.subscribe(f"{PATCHES}#")
            ledger.connections += 1
            self._live(session)
            session.close()
        finally:
            session.drop()

    def _live(self, session: wire.Session) -> None:
        """One connection: do what is due, wait for what comes. Raises OSError when it has ended."""
        now = began = time.monotonic()
        plan, dice = self._plan, self._dice
        telemetry = Telemetry(session, self.ledger, plan.telemetry_every, now + dice.random())
        twin = Twin(session, self.ledger, now)
        lost_at = now + dice.expovariate(1 / plan.network_lost_every)
        ping_at = now + _PING_SECONDS
        while not self._orders.over.is_set():
            now = time.monotonic()
            quiet = self._orders.quiet.is_set()
            if min(telemetry.patience, twin.patience) <= now:
                raise TimeoutError("no answer in time")
            if lost_at <= now and not quiet:
                raise ConnectionError("the device's own network was lost")
            if ping_at <= now:
                session.send(_PINGREQ, b"")
                ping_at = now + _PING_SECONDS
            telemetry.act(now, quiet=quiet)
            twin.act(now)
            self.settled = telemetry.is_settled and twin.is_settled
            self._failures = 0 if self.settled or now - began > plan.fault_every else self._failures
            if not session.silent_for(_until(now, telemetry, twin)):
                _take(session, telemetry, twin)


def _until(now: float, telemetry: Telemetry, twin: Twin) -> float:
    """Seconds until something is due, at most until orders are looked at."""
    first = min(telemetry.patience, twin.patience, *_next(telemetry), *_next(twin))
    return min(max(first - now, 0.0), _LOOK_SECONDS)


def _next(part: Telemetry | Twin) -> tuple[float, ...]:
    return () if part.patience < float("inf") else (part.due,)


def _take(session: wire.Session, telemetry: Telemetry, twin: Twin) -> None:
    kind, body = session.receive()
    if kind == _PUBACK:
        telemetry.acknowledge(body)
    elif kind == _PUBLISH:
        twin.take(*wire.message(body), time.monotonic())


def _named(error: OSError, device: str) -> str:
    """The kind of failure, without what differs from one to the next."""
    text = str(error).removeprefix(f"{device}: ").partition("{")[0]
    return f"{type(error).__name__}: {text[:80].strip(' :')}"
