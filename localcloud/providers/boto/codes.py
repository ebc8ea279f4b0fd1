"""What AWS' services refuse with: codes that mean the same, and what an error tells besides. No IO."""

from __future__ import annotations

from typing import Any

from localcloud.providers.errors import CloudRefused

_NOT_FOUND = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NoSuchEntity",
        "NoSuchKey",
        "NoSuchPublicAccessBlockConfiguration",
        "NotFound",
        "NotFoundException",
        "ParameterNotFound",
        "QueueDoesNotExist",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)
_EXISTS = frozenset(
    {
        "AlreadyExistsException",
        "BucketAlreadyExists",
        "BucketAlreadyOwnedByYou",
        "ConflictException",
        "EntityAlreadyExists",
        "ParameterAlreadyExists",
        "QueueAlreadyExists",
        "QueueNameExists",
        "ResourceAlreadyExistsException",
        "ResourceConflictException",
        "ResourceInUseException",
    }
)


class Refusal(CloudRefused):
    """A `CloudRefused` with the members of AWS' error, such as `resourceId` of what exists already."""

    def __init__(self, message: str, code: str, status: int, members: dict[str, Any]) -> None:
        super().__init__(message, code, status)
        self.members = members


def is_missing(refused: CloudRefused) -> bool:
    """Whether what was asked for is not there."""
    return refused.code in _NOT_FOUND


def is_taken(refused: CloudRefused) -> bool:
    """Whether what should be made is there already."""
    return refused.code in _EXISTS


def member(refused: CloudRefused, name: str) -> str:
    """What a refusal tells besides its code, such as `resourceId`; "" when it tells no such thing."""
    return str(refused.members.get(name) or "") if isinstance(refused, Refusal) else ""
