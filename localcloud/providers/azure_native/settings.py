"""The provider's settings: from the stack's `azure-native:*` configuration, else from the environment.

Environment: `ARM_SUBSCRIPTION_ID`; `MUSTER_PROXY` and `MUSTER_CA_FILE` lead to the local cloud (or
through a company's proxy); azure-identity reads its own `AZURE_*`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.providers.errors import BadConfiguration
from localcloud.providers.shapes import Fault
from localcloud.providers.wire import UNKNOWN

_SERVED = frozenset(
    {"subscriptionId", "location", "tenantId", "clientId", "clientSecret", "environment", "version"}
)
_WITHOUT_EFFECT = frozenset({"partnerId", "disablePulumiPartnerId", "useDefaultAzureCredential"})


@dataclass(frozen=True)
class Settings:
    """What a session with ARM needs to know; empty text stands for "not set"."""

    subscription_id: str = ""
    location: str = ""
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    proxy: str = ""
    ca_file: str = ""

    @property
    def subscription(self) -> str:
        """The subscription; raises `BadConfiguration` when there is none."""
        if not self.subscription_id:
            raise BadConfiguration(
                "no Azure subscription: set ARM_SUBSCRIPTION_ID (on the local stack: source .tools/env) "
                "or run pulumi config set azure-native:subscriptionId <id>"
            )
        return self.subscription_id


def read(settings: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of the stack or of an explicit provider, completed from the environment."""
    return Settings(
        subscription_id=_text(settings, "subscriptionId") or environment.get("ARM_SUBSCRIPTION_ID", ""),
        location=_text(settings, "location"),
        tenant_id=_text(settings, "tenantId") or environment.get("AZURE_TENANT_ID", ""),
        client_id=_text(settings, "clientId") or environment.get("AZURE_CLIENT_ID", ""),
        client_secret=_text(settings, "clientSecret"),
        proxy=environment.get("MUSTER_PROXY", ""),
        ca_file=environment.get("MUSTER_CA_FILE", ""),
    )


def _text(settings: Mapping[str, Any], name: str) -> str:
    value = settings.get(name, "")
    return value if isinstance(value, str) else ""


def faults(settings: Mapping[str, Any]) -> Iterator[Fault]:
    """Settings that the stand-in would have to ignore."""
    for name, value in settings.items():
        if name in _WITHOUT_EFFECT or value is UNKNOWN or value in ("", "false", False):
            continue
        if name not in _SERVED:
            yield Fault((name,), f"the local stand-in serves only {', '.join(sorted(_SERVED))}; unset it")
    if settings.get("environment", "public") not in ("public", UNKNOWN):
        yield Fault(("environment",), "the local stand-in serves only public")
