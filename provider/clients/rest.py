"""JSON over HTTPS to one host: authenticated, retried, errors made readable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import httpx

from provider.clients.errors import service_error
from provider.clients.retry import REPEATABLE, Clock, send

Document: TypeAlias = dict[str, Any]
"""A JSON object."""


class Rest:
    """Requests to one host. Paths start with a slash; absolute URLs are taken as they are (operation
    monitors).
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
        repeatable: bool | None = None,
    ) -> httpx.Response:
        """One call. `repeatable` says whether it may be sent twice (by default: GET, PUT and DELETE may).

        Raises ServiceError for an error answer, and the errors of retry.send and credentials.
        """
        headers = {} if if_match is None else {"If-Match": if_match}
        url = path if path.startswith("https://") else self._base_url + path

        def attempt() -> httpx.Response:
            return self._http.request(
                method, url, params=params, json=body, headers=headers, auth=self._authentication
            )

        allowed = method in REPEATABLE if repeatable is None else repeatable
        response = send(attempt, repeatable=allowed, clock=self._clock)
        if response.is_error:
            raise service_error(response)
        return response


def document(response: httpx.Response) -> Document:
    """The answer's JSON object; {} when it has no body."""
    if not response.content:
        return {}
    body = response.json()
    return body if isinstance(body, dict) else {}
