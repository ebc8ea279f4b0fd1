"""Every error of `operations`, in one tree.

    OperationsError
    ├── RequestError             what was asked for cannot be: an id, a reason, a choice of options
    │   └── TooManyError         more devices at once than allowed; nothing was done
    ├── UnknownDeviceError       no enrollment, no registration, no identity: a typing error, most likely
    ├── NothingHeldError         the record does not know that we disabled the device
    ├── ChangedError             somebody changed it since: `.faults` says what, nothing was undone
    ├── RefusedError             a service refused a step, or the device would not hold still
    ├── AuditError               the record cannot be read or written
    │   └── AuditBusyError       another command writes to it
    ├── CrlError                 a CRL must not be acted on: `.faults` says why
    ├── CertificatesError        the certificates that devices are found by cannot be read: `.faults`
    └── DeviceKeyError           there is no key to be had for the device, or nowhere to put it

Messages are for the person at the keyboard. None holds a key or a token.
"""

from __future__ import annotations

from collections.abc import Sequence


class OperationsError(Exception):
    """Anything that goes wrong in `operations`."""


class RequestError(OperationsError):
    """What was asked for cannot be done as asked."""


class TooManyError(RequestError):
    """More devices than one command may disable, unless it is told a larger number."""


class UnknownDeviceError(OperationsError):
    """Nobody knows the device."""


class NothingHeldError(OperationsError):
    """There is nothing of ours to undo."""


class RefusedError(OperationsError):
    """A service refused a step, or what we change kept changing under us."""


class AuditError(OperationsError):
    """The record of operations cannot be used."""


class AuditBusyError(AuditError):
    """Another command has the record open."""


class _FaultsError(OperationsError):
    """An error that tells all faults at once."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class ChangedError(_FaultsError):
    """What we once disabled was changed by somebody else since."""


class CrlError(_FaultsError):
    """A CRL that must not be acted on."""


class CertificatesError(_FaultsError):
    """Certificates that cannot be read."""


class DeviceKeyError(OperationsError):
    """A device's symmetric key cannot be fetched or written."""
