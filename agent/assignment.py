"""What enrolling gives a device: its hub, and with a certificate request a certificate. No IO.

On Azure a hub is an IoT hub; on AWS it is the endpoint of the account, and the device id the thing's name.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Validity:
    """From when until when a certificate holds (UTC)."""

    since: datetime
    until: datetime

    def told(self) -> dict[str, str]:
        """As Microsoft's page on certificate renewal for IoT Hub asks devices to report it."""
        return {"validFrom": text(self.since), "validUntil": text(self.until)}


@dataclass(frozen=True)
class Assignment:
    """A hub, the device's id in it, and the certificate that came along, if one was asked for."""

    hub: str
    device_id: str
    certificate: Validity | None = None

    @property
    def until(self) -> str | None:
        """The end of that certificate, in words."""
        return text(self.certificate.until) if self.certificate else None


class FixedAssignment:
    """No enrolment: the device was told who knows it."""

    def __init__(self, hub: str, device_id: str) -> None:
        self._assignment = Assignment(hub, device_id)

    def enrol(self) -> Assignment:
        """What it was told."""
        return self._assignment

    def close(self) -> None:
        """Nothing is open."""


def text(moment: datetime) -> str:
    """A moment as RFC 3339 writes it, in UTC."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
