"""What a call through boto3 is refused with."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::111122223333:role/provisioning"


def code_of(operation: Callable[..., Any], *arguments: Any, **params: Any) -> str:
    """The error's code."""
    with pytest.raises(ClientError) as refused:
        operation(*arguments, **params)
    return str(refused.value.response["Error"]["Code"])


def words_of(operation: Callable[..., Any], *arguments: Any, **params: Any) -> str:
    """The error's message."""
    with pytest.raises(ClientError) as refused:
        operation(*arguments, **params)
    return str(refused.value.response["Error"]["Message"])
