"""The provider's settings: from the stack's `aws:*` or `aws-native:*` configuration, else the environment.

Environment: `AWS_REGION`; `MUSTER_PROXY` and `MUSTER_CA_FILE` lead to the local cloud; `MUSTER_OFFLINE`
forbids every call (a preview without an account); botocore reads the credentials itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.providers.errors import BadConfiguration
from localcloud.providers.shapes import Fault
from localcloud.providers.wire import UNKNOWN

_SERVED = frozenset({"region", "accessKey", "secretKey", "token", "allowedAccountIds", "version"})
_WITHOUT_EFFECT = frozenset(
    {
        "skipCredentialsValidation",
        "skipGetEc2Platforms",
        "skipMetadataApiCheck",
        "skipRegionValidation",
        "skipRequestingAccountId",
    }
)
"""Checks that the published providers make at their start, and this one does not."""
_UNSET = ("", "false", False, "[]", "{}", os.devnull)
"""A file of credentials that is the null device is what the local stack tells everybody (cli/local)."""


@dataclass(frozen=True)
class Settings:
    """What a session needs to know; empty text stands for "not set"."""

    region_name: str = ""
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    allowed_accounts: tuple[str, ...] = ()
    proxy: str = ""
    ca_file: str = ""
    is_offline: bool = False

    @property
    def region(self) -> str:
        """The region; raises `BadConfiguration` when there is none."""
        if not self.region_name:
            raise BadConfiguration(
                "no AWS region: set AWS_REGION (on the local stack: source .tools/env) "
                "or run pulumi config set aws:region <region>"
            )
        return self.region_name


def read(settings: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of the stack or of an explicit provider, completed from the environment."""
    return Settings(
        region_name=_text(settings, "region")
        or environment.get("AWS_REGION", "")
        or environment.get("AWS_DEFAULT_REGION", ""),
        access_key=_text(settings, "accessKey"),
        secret_key=_text(settings, "secretKey"),
        token=_text(settings, "token"),
        allowed_accounts=_names(settings.get("allowedAccountIds")),
        proxy=environment.get("MUSTER_PROXY", ""),
        ca_file=environment.get("MUSTER_CA_FILE", ""),
        is_offline=bool(environment.get("MUSTER_OFFLINE")),
    )


def _text(settings: Mapping[str, Any], name: str) -> str:
    value = settings.get(name, "")
    return value if isinstance(value, str) else ""


def _names(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - a list, or one as JSON
    if isinstance(value, str) and value:
        value = json.loads(value)
    return tuple(str(it) for it in value) if isinstance(value, list) else ()


def faults(settings: Mapping[str, Any]) -> Iterator[Fault]:
    """Settings that the stand-in would have to ignore."""
    for name, value in settings.items():
        if name in _WITHOUT_EFFECT or value is UNKNOWN or value in _UNSET:
            continue
        if name not in _SERVED:
            yield Fault((name,), f"the local stand-in serves only {', '.join(sorted(_SERVED))}; unset it")
