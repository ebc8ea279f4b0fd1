"""Signed-in clients of AWS' services: botocore's, as boto3 hands them out, made when first needed.

botocore is not imported before (0.5 s): a plugin has to print its port at once, and an offline preview asks
nobody.
"""

from __future__ import annotations

import threading
from typing import Any, Protocol

from localcloud.providers.boto.settings import Settings
from localcloud.providers.errors import BadConfiguration, CloudUnreachable

_CONNECT_SECONDS = 10
_READ_SECONDS = 60
_ATTEMPTS = 4


class Ask(Protocol):
    """Calls an operation of one service in one region, by the name of botocore's method.

    Raises `CloudRefused`, `CloudUnreachable`, `ProviderError`.
    """

    def __call__(self, operation: str, /, **parameters: object) -> dict[str, Any]:
        """The answer's members."""


class Session:
    """One for each configured provider; safe to use from many threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._clients: dict[tuple[str, str], Any] = {}
        self._botocore: Any = None
        self._account = ""
        self._lock = threading.Lock()

    def asks(self, service: str, region: str = "") -> Ask:
        """The calls of a service, by botocore's name of it."""

        def ask(operation: str, /, **parameters: object) -> dict[str, Any]:
            return self._ask(service, region or self.settings.region, operation, parameters)

        return ask

    def account(self) -> str:
        """The account that is signed in, asked once."""
        if not self._account:
            self._account = str(self.asks("sts")("get_caller_identity")["Account"])
        return self._account

    def _ask(
        self, service: str, region: str, operation: str, parameters: dict[str, object]
    ) -> dict[str, Any]:
        what = f"{service} {operation}"
        if self.settings.is_offline:
            raise CloudUnreachable(f"{what}: MUSTER_OFFLINE is set, so AWS is not asked")
        self._hold_to_account(service)
        client = self._client(service, region)
        from localcloud.providers.boto.refusals import explained  # it loads botocore

        with explained(what):
            answer: dict[str, Any] = getattr(client, operation)(**parameters)
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def _hold_to_account(self, service: str) -> None:
        """Refuse credentials of an account that `allowedAccountIds` does not name."""
        allowed = self.settings.allowed_accounts
        if allowed and service != "sts" and self.account() not in allowed:
            raise BadConfiguration(
                f"the AWS credentials are of account {self.account()}; allowed is only {', '.join(allowed)}"
            )

    def _client(self, service: str, region: str) -> Any:  # noqa: ANN401 - botocore has no types
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = self._made(service, region)
            return self._clients[service, region]

    def _made(self, service: str, region: str) -> Any:  # noqa: ANN401 - botocore has no types
        import botocore.session
        from botocore.config import Config

        if self._botocore is None:
            self._botocore = botocore.session.Session()
        settings = self.settings
        config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"total_max_attempts": _ATTEMPTS, "mode": "standard"},
            proxies={"https": settings.proxy} if settings.proxy else None,
            request_checksum_calculation="when_required",  # no trailers: a plain body has a plain signature
            response_checksum_validation="when_required",
        )
        return self._botocore.create_client(
            service,
            region_name=region,
            config=config,
            verify=settings.ca_file or None,
            aws_access_key_id=settings.access_key or None,
            aws_secret_access_key=settings.secret_key or None,
            aws_session_token=settings.token or None,
        )
