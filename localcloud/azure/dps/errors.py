"""What the Device Provisioning Service refuses, in its published shape.

    DpsError         status, error_code, message, reason
    Challenge        a TPM has to prove itself first: 401 with the key it must unlock

The service answers `{errorCode, trackingId, message, timestampUtc}` (ProvisioningServiceErrorDetails,
service.json 2021-10-01) and header `x-ms-error-code`. Microsoft publishes no list of the six-digit codes: the
first three digits are the HTTP status; 404201 (enrollment) and 404202 (registration) are the ones that users
have reported (MicrosoftDocs/azure-docs#57082). Where no finer code is known, it is the status followed by
000. Decisions against a device are `matching.Refused`, with reasons of their own.
"""

import uuid
from typing import Any, Literal

FailureReason = Literal["", "allocation-failed", "certificate-refused"]
ENROLLMENT_NOT_FOUND = 404201
REGISTRATION_NOT_FOUND = 404202


class DpsError(Exception):
    """A request the service refuses: `status` is the HTTP status, `error_code` the six-digit code.

    `reason` is the code that a device's failure is counted by; empty for what is not counted.
    """

    def __init__(self, status: int, error_code: int, message: str, reason: FailureReason = "") -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message
        self.reason = reason


class Challenge(Exception):  # noqa: N818 - an answer, not a fault
    """The device must sign with the key that `authentication_key` holds, locked for its TPM."""

    def __init__(self, authentication_key: str) -> None:
        super().__init__("the device must prove that it has the TPM's private keys")
        self.authentication_key = authentication_key


def refusal(status: int, message: str) -> DpsError:
    """An error for which no finer code than the HTTP status is known."""
    return DpsError(status, status * 1000, message)


def error_body(error: DpsError, timestamp: str) -> dict[str, Any]:
    """ProvisioningServiceErrorDetails."""
    return {
        "errorCode": error.error_code,
        "trackingId": str(uuid.uuid4()),
        "message": error.message,
        "timestampUtc": timestamp,
    }
