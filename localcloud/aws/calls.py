"""Calls to the services around AWS IoT, in AWS' own name."""

from typing import Any, Protocol


class Calls(Protocol):
    """Whoever carries them out: the emulator."""

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """A call as boto3 would make it, with the root's key. Raises ApiError with the service's code."""
