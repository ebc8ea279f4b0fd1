"""What a device can do: the output of `agent.machine`, carried out by `agent.runner`."""

from dataclasses import dataclass

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
class Record:
    """Write an event to the log."""

    event: str
    fields: Json
    level: str = "info"


@dataclass(frozen=True)
class Exit:
    """End the process with this code."""

    code: int


Command = Enrol | Connect | ReadTwin | Report | Send | Close | SetTimer | Record | Exit
