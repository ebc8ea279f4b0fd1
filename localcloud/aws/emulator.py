"""ministack as a child process: IAM, STS, Lambda, queues, streams: what stands around AWS IoT (ADR 0010)."""

from pathlib import Path
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.api import ApiError
from localcloud.aws.place import Place


class Emulator:
    """The process, and calls to it in this process' own name."""

    def __init__(self, place: Place, account: Account, folder: Path) -> None:
        self._place = place
        self._account = account
        self._folder = folder

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """A call as boto3 would make it, with the root's key. Raises ApiError with the service's code."""
        raise ApiError(
            "ServiceUnavailableException", f"{service}:{operation}({len(params)}) is not there yet", 503
        )

    async def start(self) -> None:
        """Start the process."""

    async def stop(self) -> None:
        """End it and all that it started."""
