"""The requests of one resource type, through its azure-mgmt client, in ARM's own JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.providers.azure_native.models import path_names
from localcloud.providers.azure_native.refusals import explained
from localcloud.providers.azure_native.session import Session
from localcloud.providers.azure_native.table import ResourceType
from localcloud.providers.errors import CloudRefused, ProviderError

_NOT_FOUND = 404


class Calls:
    """Gets, puts and deletes by ARM id. Raises `CloudRefused`; `BadConfiguration` without subscription."""

    def __init__(self, kind: ResourceType, session: Session) -> None:
        self._kind = kind
        self._session = session

    def identity(self, inputs: Mapping[str, Any]) -> str:
        """The ARM id of declared path parameters."""
        return self._kind.path.format(subscriptionId=self._session.settings.subscription, **inputs)

    def parameters(self, identity: str) -> dict[str, str]:
        """The path parameters of an ARM id, by their Pulumi names. Raises `ProviderError` for another id."""
        template = re.sub(r"{(\w+)}", _group, self._kind.path)
        match = re.fullmatch(template, identity.rstrip("/"), re.IGNORECASE)
        if match is None:
            raise ProviderError(
                f"{identity!r} is no id of {self._kind.token}; one looks like {self._kind.path}"
            )
        return {name: match[name] for name in path_names(self._kind)}

    def get(self, identity: str) -> dict[str, Any] | None:
        """The resource as ARM answers it; None when it (or what holds it) is not there."""
        try:
            with explained(f"read {identity}"):
                found: dict[str, Any] = self._method(self._kind.get)(**self._arguments(identity), cls=_raw)
        except CloudRefused as refused:
            if refused.status == _NOT_FOUND:
                return None
            raise
        return found

    def put(self, identity: str, body: Mapping[str, Any]) -> Callable[[], None]:
        """Ask for it. Once ARM has accepted, what is returned waits until it is done."""
        document = json.dumps(body).encode()
        arguments = self._arguments(identity) | {self._kind.body_argument: document}
        with explained(f"put {identity}"):
            accepted = self._method(self._kind.put)(**arguments)
        return lambda: self._finish(self._kind.put, identity, accepted)

    def delete(self, identity: str) -> None:
        """Remove it and wait until it is gone; one that is gone already is in order."""
        try:
            with explained(f"delete {identity}"):
                accepted = self._method(self._kind.delete)(**self._arguments(identity))
            self._finish(self._kind.delete, identity, accepted)
        except CloudRefused as refused:
            if refused.status != _NOT_FOUND:
                raise

    def _finish(self, method: str, identity: str, accepted: Any) -> None:  # noqa: ANN401 - a poller or a model
        if method.startswith("begin_"):
            with explained(f"wait for {identity}"):
                accepted.result()

    def _method(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(
            self._session.operations(self._kind.client, self._kind.operations), name
        )
        return method

    def _arguments(self, identity: str) -> dict[str, Any]:
        """Path parameters as the client names them. A scope goes without its slash: the client adds one."""
        parameters = self.parameters(identity)
        return {snake(name): value.removeprefix("/") for name, value in parameters.items()}


def snake(name: str) -> str:
    """A Pulumi name as azure-mgmt methods spell it."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _group(match: re.Match[str]) -> str:
    """A path parameter as a group of a pattern; only a scope spans several segments."""
    return f"(?P<{match[1]}>.+)" if match[1] == "scope" else f"(?P<{match[1]}>[^/]+)"


def _raw(response: Any, _model: object, _headers: object) -> Any:  # noqa: ANN401 - azure-core's `cls` hook
    return json.loads(response.http_response.text())  # both generations of responses have it
