"""What Azure Resource Manager refuses, in its published shape.

    ArmError     status, code, message, details

ARM answers `{"error": {"code", "message", "details": [{"code", "target", "message"}]}}` (ErrorResponse of
common-types/resource-management in Azure/azure-rest-api-specs).
"""

from collections.abc import Iterable, Sequence
from typing import Any

from localcloud.azure.shapes import Fault


class ArmError(Exception):
    """A request ARM refuses: `status` is the HTTP status, `code` the published name."""

    def __init__(self, status: int, code: str, message: str, details: Sequence[Fault] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = tuple(details)

    def body(self) -> dict[str, Any]:
        """The JSON that ARM answers."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = [
                {"code": self.code, "target": it.target, "message": it.message} for it in self.details
            ]
        return {"error": error}


def invalid(faults: Iterable[Fault]) -> ArmError:
    """All faults of one request in one answer; the message names each, for clients that show no details."""
    found = tuple(faults)
    listed = "; ".join(map(str, found))
    return ArmError(400, "InvalidRequestContent", f"The request content was invalid: {listed}", found)
