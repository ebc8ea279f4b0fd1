"""What can go wrong in a stand-in.

ProviderError           shown to the person as it stands, without a traceback
├── UnknownToken        a resource or function that the stand-in does not serve
├── BadConfiguration    the provider's own settings
├── CloudRefused        the cloud said no, with its code
│   └── CloudUnreachable    the cloud said nothing
└── Incomplete          the cloud has the resource, but not as it was asked for
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ProviderError(Exception):
    """Base of all; its text says what broke, where, and what to do."""


class UnknownToken(ProviderError):  # noqa: N818 - named by what it says
    """A token that no table entry serves."""


class BadConfiguration(ProviderError):  # noqa: N818
    """A provider setting is missing or not served."""


class CloudRefused(ProviderError):  # noqa: N818
    """The cloud's own code, its message and its HTTP status."""

    def __init__(self, message: str, code: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class CloudUnreachable(CloudRefused):
    """No answer: no connection, no trust, no token."""


class Incomplete(ProviderError):  # noqa: N818
    """The resource exists and needs another update; its id is kept in state.

    Attributes:
        identity: the cloud's id of it.
        outputs: what is known of it.
        inputs: what was asked for.
    """

    def __init__(
        self, reason: str, identity: str, outputs: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> None:
        super().__init__(reason)
        self.identity = identity
        self.outputs = dict(outputs)
        self.inputs = dict(inputs)
