"""Refusals that many operations share, in AWS' codes."""

from localcloud.aws.api import ApiError


def not_found(kind: str, name: str) -> ApiError:
    """There is no such thing."""
    return ApiError("ResourceNotFoundException", f"{kind} {name} cannot be found.")


def exists_already(kind: str, name: str, arn: str, identity: str = "") -> ApiError:
    """There is one already, and it is another."""
    words = f"{kind} {name} already exists in account with different settings"
    return ApiError("ResourceAlreadyExistsException", words, resourceArn=arn, resourceId=identity or name)


def invalid(words: str) -> ApiError:
    """What is asked for cannot be."""
    return ApiError("InvalidRequestException", words)


def limited(words: str) -> ApiError:
    """A quota of AWS IoT's is reached."""
    return ApiError("LimitExceededException", words)


def check_version(kind: str, name: str, expected: int | None, version: int) -> None:
    """Optimistic locking: a caller who names a version means that one. Raises ApiError."""
    if expected is not None and expected != version:
        words = f"The expected version {expected} of {kind} {name} is not its version {version}."
        raise ApiError("VersionConflictException", words)
