"""A signed-in session with ARM: one published client for every type, made when a resource first needs it."""

from __future__ import annotations

import base64
import json
import threading
from typing import TYPE_CHECKING, Any

from localcloud.providers.azure_native.refusals import explained
from localcloud.providers.azure_native.settings import Settings

if TYPE_CHECKING:
    from azure.core import PipelineClient
    from azure.core.credentials import TokenCredential
    from azure.mgmt.resource.resources import ResourceManagementClient

_SCOPE = "https://management.azure.com/.default"
_POLL_SECONDS = 1
_CONNECT_SECONDS = 10
_READ_SECONDS = 60
_CONNECT_RETRIES = 3  # with growing pauses, six seconds in all: a local cloud that restarts is back by then


class Session:
    """One for each configured provider; safe to use from many threads.

    Args:
        settings: whom to sign in as, and the way there.
        credential: another sign-in than `settings` names.
        transport: another way than the network, for tests.
    """

    def __init__(
        self,
        settings: Settings,
        credential: TokenCredential | None = None,
        transport: Any = None,  # noqa: ANN401 - azure-core's transport is generic in two private types
    ) -> None:
        self.settings = settings
        self._credential = credential
        self._transport = transport
        self._client: ResourceManagementClient | None = None
        self._data: PipelineClient[Any, Any] | None = None
        self._lock = threading.Lock()

    def arm(self) -> ResourceManagementClient:
        """ARM by resource id. Raises `BadConfiguration` without a subscription."""
        with self._lock:
            if self._client is None:
                self._client = self._made()
            return self._client

    def data(self) -> PipelineClient[Any, Any]:
        """Data planes, by whole URLs; who calls signs."""
        with self._lock:
            if self._data is None:
                self._data = self._made_data()
            return self._data

    def _made_data(self) -> PipelineClient[Any, Any]:
        from azure.core import PipelineClient  # not for a preview
        from azure.core.pipeline.policies import ProxyPolicy, RetryPolicy

        way = self._way()
        proxies = way.pop("proxies", None)
        policies = [RetryPolicy(retry_connect=_CONNECT_RETRIES), ProxyPolicy(proxies=proxies)]
        if self._transport is not None:
            way["transport"] = self._transport
        return PipelineClient("https://", policies=policies, read_timeout=_READ_SECONDS, **way)

    def _made(self) -> ResourceManagementClient:
        from azure.mgmt.resource.resources import ResourceManagementClient  # 0.3 s, and not for a preview

        options = self._way() | {
            "polling_interval": _POLL_SECONDS,
            "connection_timeout": _CONNECT_SECONDS,
            "read_timeout": _READ_SECONDS,
            "retry_connect": _CONNECT_RETRIES,
        }
        if self._transport is not None:
            options["transport"] = self._transport
        return ResourceManagementClient(self._signed_in(), self.settings.subscription, **options)

    def _signed_in(self) -> TokenCredential:
        if self._credential is None:
            self._credential = _credential(self.settings, self._way())
        return self._credential

    def _way(self) -> dict[str, Any]:
        """Through the proxy, trusting the local cloud's authority, where these are set."""
        way: dict[str, Any] = {}
        if self.settings.proxy:
            way["proxies"] = {"http": self.settings.proxy, "https": self.settings.proxy}
        if self.settings.ca_file:
            way["connection_verify"] = self.settings.ca_file
        return way

    def client_config(self) -> dict[str, str]:
        """Who is signed in (`getClientConfig`): from the token's claims, else from the settings.

        An opaque token, such as the local cloud's, names no object id; there is none in the answer then.
        """
        with self._lock:
            credential = self._signed_in()
        with explained("sign in"):
            token = credential.get_token(_SCOPE).token
        claims = _claims(token)
        known = {
            "clientId": claims.get("appid") or self.settings.client_id,
            "objectId": claims.get("oid"),
            "subscriptionId": self.settings.subscription,
            "tenantId": claims.get("tid") or self.settings.tenant_id,
        }
        return {name: value for name, value in known.items() if value}


def _credential(settings: Settings, way: dict[str, Any]) -> TokenCredential:
    from azure.identity import ClientSecretCredential, DefaultAzureCredential  # 0.5 s, and not for a preview

    if settings.tenant_id and settings.client_id and settings.client_secret:
        return ClientSecretCredential(settings.tenant_id, settings.client_id, settings.client_secret, **way)
    return DefaultAzureCredential(**way)


def _claims(token: str) -> dict[str, str]:
    """The claims of a JWT, unverified: the service verifies it, this only reads its own name in it."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    claims: dict[str, str] = json.loads(base64.urlsafe_b64decode(padded))
    return claims
