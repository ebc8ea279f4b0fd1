"""What can happen to a device: the input of `agent.machine`.

A step is one visit to the cloud: one enrolment, or one connection with all that happens on it. Steps are
numbered, and their events carry the number, so that those of an earlier step can be told apart and dropped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from agent.assignment import Assignment


class Timer(Enum):
    """What a device waits for: the next attempt, an answer of the cloud, the next message; and for its
    certificate: the moment to renew it, the next attempt at that, or the answer.
    """

    RETRY = "retry"
    ANSWER = "answer"
    SEND = "send"
    RENEWAL = "renewal"


@dataclass(frozen=True)
class Start:
    """The process has started; `known` is the assignment whose certificate the device holds already."""

    known: Assignment | None = None


@dataclass(frozen=True)
class Stop:
    """A signal asked the device to stop."""


@dataclass(frozen=True)
class Assigned:
    """DPS has assigned the device to a hub."""

    step: int
    assignment: Assignment


@dataclass(frozen=True)
class EnrolFailed:
    """Enrolling failed; `refused` when DPS said no to this identity."""

    step: int
    reason: str
    refused: bool


@dataclass(frozen=True)
class Connected:
    """The hub accepted the connection."""

    step: int


@dataclass(frozen=True)
class ConnectFailed:
    """The connection did not come about; `refused` when the hub said no to this identity."""

    step: int
    reason: str
    refused: bool


@dataclass(frozen=True)
class Lost:
    """The connection is gone, or something on it failed."""

    step: int
    reason: str


@dataclass(frozen=True)
class TwinRead:
    """The hub sent the whole twin."""

    step: int
    twin: Mapping[str, Any]


@dataclass(frozen=True)
class DesiredChanged:
    """The hub sent a patch of desired properties."""

    step: int
    patch: Mapping[str, Any]


@dataclass(frozen=True)
class Reported:
    """The hub took the reported properties that answer this desired version."""

    step: int
    desired_version: int


@dataclass(frozen=True)
class Renewed:
    """The hub, or DPS, issued another certificate, and the device keeps it; `renewal` numbers the attempt."""

    renewal: int
    assignment: Assignment


@dataclass(frozen=True)
class RenewalFailed:
    """No other certificate came; `refused` when it was a no."""

    renewal: int
    reason: str
    refused: bool


@dataclass(frozen=True)
class TimerFired:
    """A timer set by `SetTimer` ran out, or for RENEWAL the moment of `SetAlarm` has come."""

    timer: Timer


Event = (
    Start
    | Stop
    | Assigned
    | EnrolFailed
    | Connected
    | ConnectFailed
    | Lost
    | TwinRead
    | DesiredChanged
    | Reported
    | Renewed
    | RenewalFailed
    | TimerFired
)
