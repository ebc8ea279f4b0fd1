"""JSON over HTTPS to one host: authenticated, retried, errors made readable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import httpx

from provider.clients.errors import ForeignHostError, service_error
from provider.clients.retry import REPEATABLE, Clock, send

Document: TypeAlias = dict[str, Any]
"""A JSON object."""


class Rest:
    """Requests to one host, whose token goes nowhere else. Paths start with a slash, or are URLs of that host
    (as the monitors of long-running operations are).
    """

    def __init__(self, http: httpx.Client, base_url: str, authentication: httpx.Auth, clock: Clock) -> None:
        self._http = http
        self._base_url = base_url
        self._authentication = authentication
        self._clock = clock

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Document | None = None,
        if_match: str | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> httpx.Response:
        """One call. `repeatable` says whether it may be sent twice (by default: GET, PUT and DELETE may).

        Raises ServiceError for an error answer, and the errors of retry.send and credentials.
        """
        sent = {**(headers or {}), **({} if if_match is None else {"If-Match": if_match})}
        url = self._url(path)

        def attempt() -> httpx.Response:
            return self._http.request(
                method, url, params=params, json=body, headers=sent, auth=self._authentication
            )

        allowed = method in REPEATABLE if repeatable is None else repeatable
        response = send(attempt, repeatable=allowed, clock=self._clock)
        if response.is_error:
            raise service_error(response)
        return response

    def _url(self, path: str) -> str:
        if path.startswith(f"{self._base_url}/"):
            return path
        if path.startswith("/"):
            return self._base_url + path
        raise ForeignHostError(
            f"{self._base_url} points to {httpx.URL(path).host} to go on; our token is not sent there"
        )


def document(response: httpx.Response) -> Document:
    """The answer's JSON object; {} when it has no body."""
    if not response.content:
        return {}
    body = response.json()
    return body if isinstance(body, dict) else {}
