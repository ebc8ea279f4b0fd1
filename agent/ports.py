"""What the runner needs of a cloud. `agent.azure` is the real one; tests bring their own."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from agent.assignment import Assignment
from agent.log import JsonLog
from agent.twin import Json


class Provisioning(Protocol):
    """One enrolment, or one renewal."""

    def enrol(self) -> Assignment:
        """The hub, the device id in it, the certificate if one was asked for (it is kept by then); raises
        RefusedError or UnavailableError.
        """

    def close(self) -> None:
        """Give up the enrolment, if it is still under way: a certificate that still comes is not kept.
        Raises CloudError when that was not clean.
        """


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
    """Makes the two; making one does no network IO, but raises CloudError when the device's own files do not
    let it. Knows the device's certificates from DPS.
    """

    def known(self) -> Assignment | None:
        """The assignment of an earlier run, when its certificate still holds."""

    def retire(self) -> None:
        """Remove all certificates from DPS, and their keys, but the newest; raises OSError."""

    def open_gateway(self, host: str, device_id: str, log: JsonLog) -> None:
        """Let children in, in this device's name; without effect when that is open already."""

    def provisioning(self) -> Provisioning:
        """A new enrolment."""

    def renewal(self) -> Provisioning:
        """The next certificate: by the one the device has, or when that is over by enrolling."""

    def hub(self, host: str, device_id: str) -> Hub:
        """A new connection, not yet connected."""
