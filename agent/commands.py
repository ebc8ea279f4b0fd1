"""What a device can do: the output of `agent.machine`, carried out by `agent.runner`."""

from dataclasses import dataclass
from datetime import datetime

from agent.events import Timer
from agent.twin import Json


@dataclass(frozen=True)
class Enrol:
    """Ask DPS for an assignment."""

    step: int


@dataclass(frozen=True)
class Connect:
    """Connect to a hub; all that happens on this connection belongs to this step."""

    step: int
    hub: str
    device_id: str


@dataclass(frozen=True)
class ReadTwin:
    """Ask the hub for the whole twin."""

    step: int


@dataclass(frozen=True)
class Report:
    """Write reported properties."""

    step: int
    desired_version: int
    properties: Json


@dataclass(frozen=True)
class Send:
    """Send one message of telemetry."""

    step: int
    message: Json


@dataclass(frozen=True)
class Close:
    """End the step under way: drop its connection, whatever state that is in."""


@dataclass(frozen=True)
class SetTimer:
    """Fire `timer` in `seconds`; setting it again replaces it."""

    timer: Timer
    seconds: float


@dataclass(frozen=True)
class SetAlarm:
    """Fire the RENEWAL timer when the wall clock shows this time; takes the place of one set before, and of
    a RENEWAL timer that runs.
    """

    at: datetime


@dataclass(frozen=True)
class Renew:
    """Ask for the next certificate, while no step is under way: a hub has one connection a device."""

    renewal: int


@dataclass(frozen=True)
class GiveUpRenewal:
    """What comes of the renewal under way is not wanted any more; nothing of it may be kept."""


@dataclass(frozen=True)
class Retire:
    """Remove the certificates, and their keys, that the newest one replaced."""


@dataclass(frozen=True)
class OpenGateway:
    """Let children in, in the name of this device of this hub; what was open for another one closes."""

    hub: str
    device_id: str


@dataclass(frozen=True)
class Record:
    """Write an event to the log."""

    event: str
    fields: Json
    level: str = "info"


@dataclass(frozen=True)
class Exit:
    """End the process with this code."""

    code: int


Command = (
    Enrol
    | Connect
    | ReadTwin
    | Report
    | Send
    | Close
    | SetTimer
    | SetAlarm
    | Renew
    | GiveUpRenewal
    | Retire
    | OpenGateway
    | Record
    | Exit
)
