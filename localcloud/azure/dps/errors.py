"""What the Device Provisioning Service refuses, in its published shape.

    DpsError    status, error_code, message

The service answers `{errorCode, trackingId, message, timestampUtc}` (ProvisioningServiceErrorDetails,
service.json 2021-10-01) and header `x-ms-error-code`. Microsoft publishes no list of the six-digit codes: the
first three digits are the HTTP status; 404201 (enrollment) and 404202 (registration) are the ones that users
have reported (MicrosoftDocs/azure-docs#57082). Where no finer code is known, it is the status followed by
000.
"""

ENROLLMENT_NOT_FOUND = 404201
REGISTRATION_NOT_FOUND = 404202


class DpsError(Exception):
    """A request the service refuses: `status` is the HTTP status, `error_code` the six-digit code."""

    def __init__(self, status: int, error_code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message


def refusal(status: int, message: str) -> DpsError:
    """An error for which no finer code than the HTTP status is known."""
    return DpsError(status, status * 1000, message)
