"""What IoT Hub's service API refuses, in its published shape.

    HubError    status, code, message

The hub answers `{"Message": "ErrorCode:DeviceNotFound;…", "ExceptionMessage": "…"}`
(learn.microsoft.com/rest/api/iothub/common-error-codes); `code` is that name, e.g. "DeviceNotFound".
"""


class HubError(Exception):
    """A request the hub refuses: `status` is the HTTP status, `code` the published name."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
