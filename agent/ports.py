"""What the runner needs of a cloud. `agent.azure` is the real one; tests bring their own."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from agent.twin import Json


class Provisioning(Protocol):
    """One enrolment."""

    def enrol(self) -> tuple[str, str]:
        """The assigned hub's host name and the device id in it; raises RefusedError or UnavailableError."""

    def close(self) -> None:
        """Give up the enrolment, if it is still under way; raises CloudError when that was not clean."""


@runtime_checkable
class Hub(Protocol):
    """One connection to one hub. Every method blocks, and raises RefusedError or UnavailableError."""

    def connect(self, lost: Callable[[str], None], desired: Callable[[Json], None]) -> None:
        """Connect; from then on `lost` and `desired` are called, on any thread."""

    def read_twin(self) -> Json:
        """The whole twin: `{"desired": {…}, "reported": {…}}`."""

    def report(self, properties: Json) -> None:
        """Write reported properties."""

    def send(self, body: str) -> None:
        """Send one message of telemetry."""

    def close(self) -> None:
        """Disconnect and let go of everything."""


class Cloud(Protocol):
    """Makes the two; making one does no network IO."""

    def provisioning(self) -> Provisioning:
        """A new enrolment."""

    def hub(self, host: str, device_id: str) -> Hub:
        """A new connection, not yet connected."""
