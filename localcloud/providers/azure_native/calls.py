"""The requests of one resource type, by ARM id through azure-mgmt-resource, in ARM's own JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.providers.azure_native.entries import ResourceType
from localcloud.providers.azure_native.refusals import explained
from localcloud.providers.azure_native.session import Session
from localcloud.providers.errors import CloudRefused, ProviderError

_NOT_FOUND = 404
_ENDPOINT = "https://management.azure.com"


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
        template = re.sub(r"{(\w+)}", self._group, re.sub(r"\.", r"\\.", self._kind.path))
        match = re.fullmatch(template, identity.rstrip("/"), re.IGNORECASE)
        if match is None:
            raise ProviderError(
                f"{identity!r} is no id of {self._kind.token}; one looks like {self._kind.path}"
            )
        return {name: match[name] for name in self._kind.path_names}

    def get(self, identity: str) -> dict[str, Any] | None:
        """The resource as ARM answers it; None when it (or what holds it) is not there."""
        try:
            with explained(f"read {identity}"):
                found: dict[str, Any] = self._by_id("get_by_id", identity, cls=_raw)
        except CloudRefused as refused:
            if refused.status == _NOT_FOUND:
                return None
            raise
        return found

    def put(self, identity: str, body: Mapping[str, Any]) -> Callable[[], None]:
        """Ask for it. Once ARM has accepted, what is returned waits until it is done."""
        options = {"parameters": json.dumps(body).encode(), **self._version(identity)}
        with explained(f"put {identity}"):
            accepted = self._by_id("begin_create_or_update_by_id", identity, **options)
        return lambda: self._finish(identity, accepted)

    def delete(self, identity: str) -> None:
        """Remove it and wait until it is gone; one that is gone already is in order."""
        try:
            options = {"params": dict(self._kind.delete_query), **self._version(identity)}
            with explained(f"delete {identity}"):
                accepted = self._by_id("begin_delete_by_id", identity, **options)
            self._finish(identity, accepted)
        except CloudRefused as refused:
            if refused.status != _NOT_FOUND:
                raise

    def _version(self, identity: str) -> dict[str, Any]:
        """If-Match for what is there, where the type wants it."""
        found = self.get(identity) if self._kind.with_etag else None
        return {"headers": {"If-Match": found["etag"]}} if found else {}

    def _by_id(self, method: str, identity: str, **options: Any) -> Any:  # noqa: ANN401 - JSON or a poller
        """A method of the client's resources. The id goes without its slash: the client adds one."""
        self.parameters(identity)
        call = getattr(self._session.arm().resources, method)
        return call(identity.removeprefix("/"), api_version=self._kind.api_version, **options)

    def _finish(self, identity: str, accepted: Any) -> None:  # noqa: ANN401 - a poller
        with explained(f"wait for {identity}"):
            accepted.result()

    def _group(self, match: re.Match[str]) -> str:
        """A path parameter as a group of a pattern; some span several segments."""
        name = match[1]
        return f"(?P<{name}>.+)" if name in self._kind.spanning else f"(?P<{name}>[^/]+)"


def post(session: Session, path: str, api_version: str) -> dict[str, Any]:
    """The answer of an action. Raises `CloudRefused`."""
    from azure.core.rest import HttpRequest  # not for a preview

    request = HttpRequest("POST", f"{_ENDPOINT}{path}", params={"api-version": api_version})
    with explained(f"post {path}"):
        response = session.arm().send_request(request)
        response.raise_for_status()
        found: dict[str, Any] = response.json()
    return found


def _raw(response: Any, _model: object, _headers: object) -> Any:  # noqa: ANN401 - azure-core's `cls` hook
    return json.loads(response.http_response.text())
