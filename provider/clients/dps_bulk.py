"""Individual enrollments by the dozen: bulk operations and queries of the DPS data plane.

REST API 2021-10-01 and 2026-11-01 (Azure/azure-rest-api-specs, specification/deviceprovisioningservices/
data-plane/DeviceProvisioningServices/stable/{2021-10-01,2026-11-01}/service.json:
IndividualEnrollment_RunBulkOperation, "with maximum of 10 enrollments", and _Get, _Query,
_GetAttestationMechanism). Nothing here repeats a call: who counts and paces the calls decides that. Which
codes a row's error may have is not published; its first three digits are read as an HTTP status, as in the
service's other errors (404201)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from provider.clients.dps_service import API_VERSION
from provider.clients.errors import NotFoundError
from provider.clients.rest import Rest, document

BULK_ROWS: Final = 10
PAGE_ROWS: Final = 100
"""What a page is asked to hold. The largest page is not published; a service may give less."""

Document: TypeAlias = dict[str, Any]
_QUERY = {"query": "SELECT * FROM enrollments"}


@dataclass(frozen=True)
class RowError:
    """What the service says against one row of a bulk operation; `status` is an HTTP status."""

    registration_id: str
    status: int
    text: str


@dataclass(frozen=True)
class Page:
    """Some of the service's enrollments; `continuation` asks for the next, None on the last page."""

    enrollments: list[Document]
    continuation: str | None


class DpsBulk:
    """Enrollments of one provisioning service."""

    def __init__(self, rest: Rest, api_version: str = API_VERSION) -> None:
        self._rest = rest
        self._params = {"api-version": api_version}

    def run(self, mode: str, enrollments: Sequence[Document]) -> tuple[RowError, ...]:
        """Do one thing (create, update, updateIfMatchETag, delete) to up to ten; what failed of it."""
        body = {"enrollments": list(enrollments), "mode": mode}
        answer = self._rest.call("POST", "/enrollments", params=self._params, body=body, repeatable=False)
        return tuple(_row_error(each) for each in document(answer).get("errors") or ())

    def get(self, registration_id: str) -> Document | None:
        """The enrollment, or None when there is none."""
        path = f"/enrollments/{quote(registration_id, safe='')}"
        try:
            return document(self._rest.call("GET", path, params=self._params, repeatable=False))
        except NotFoundError:
            return None

    def attestation(self, registration_id: str) -> Document | None:
        """How the device attests, with its keys: to be sent back at once, and never kept or shown."""
        path = f"/enrollments/{quote(registration_id, safe='')}/attestationmechanism"
        try:
            return document(self._rest.call("POST", path, params=self._params, repeatable=False))
        except NotFoundError:
            return None

    def page(self, continuation: str | None) -> Page:
        """A page of all enrollments."""
        headers = {"x-ms-max-item-count": str(PAGE_ROWS)}
        if continuation:
            headers["x-ms-continuation"] = continuation
        answer = self._rest.call(
            "POST",
            "/enrollments/query",
            params=self._params,
            body=_QUERY,
            headers=headers,
            repeatable=False,
        )
        found = answer.json()
        return Page(found if isinstance(found, list) else [], answer.headers.get("x-ms-continuation") or None)


def _row_error(each: Document) -> RowError:
    code = int(each.get("errorCode") or 0)
    text = str(each.get("errorStatus") or "no reason given")
    return RowError(str(each.get("registrationId") or ""), int(str(code)[:3]), f"{text} ({code})")
