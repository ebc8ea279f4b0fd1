"""DPS service API 2021-10-01 ({dps}.azure-devices-provisioning.net): enrollment groups, registration states.

Published in Azure/azure-rest-api-specs, deviceprovisioningservices data plane,
stable/2021-10-01/service.json. Not served: individual enrollments, bulk operations, attestation other than
X.509.
"""

import re
import uuid
from typing import Any

from localcloud.azure.calls import Answer, BadBodyError, Call, NoRouteError, dispatch, route
from localcloud.azure.directory import Directory
from localcloud.azure.dps.bodies import checked_body
from localcloud.azure.dps.errors import DpsError, refusal
from localcloud.azure.dps.registry import ProvisioningRegistry
from localcloud.azure.entra import DPS
from localcloud.azure.gate import Gate, UnauthorizedError
from localcloud.azure.hub.twins import now_text
from localcloud.azure.pages import BadPageError, page
from localcloud.azure.store import Document, Store
from localcloud.azure.versions import version_fault

API_VERSION = "2021-10-01"
_EVERY_GROUP = re.compile(r"\*|\s*select\s+\*\s+from\s+enrollmentgroups\s*;?\s*", re.IGNORECASE)
_RIGHTS = {
    ("GET", "enrollmentgroups"): "EnrollmentRead",
    ("POST", "enrollmentgroups"): "EnrollmentRead",
    ("PUT", "enrollmentgroups"): "EnrollmentWrite",
    ("DELETE", "enrollmentgroups"): "EnrollmentWrite",
    ("GET", "registrations"): "RegistrationStatusRead",
    ("POST", "registrations"): "RegistrationStatusRead",
    ("DELETE", "registrations"): "RegistrationStatusWrite",
}


class DpsService:
    """The service API of every provisioning service, told apart by host."""

    def __init__(
        self, store: Store, directory: Directory, provisioning: ProvisioningRegistry, gate: Gate
    ) -> None:
        self._store = store
        self._directory = directory
        self._registry = provisioning
        self._gate = gate
        group, registration = "/enrollmentGroups/{group}", "/registrations/{registration}"
        self._routes = [
            route("POST", "/enrollmentGroups/query", self._query_groups),
            route("POST", f"{group}/attestationmechanism", self._attestation),
            route("PUT", group, self._put_group),
            route("GET", group, self._get_group),
            route("DELETE", group, self._delete_group),
            route("POST", "/registrations/{group}/query", self._query_registrations),
            route("GET", registration, self._get_registration),
            route("DELETE", registration, self._delete_registration),
        ]

    def answer(self, call: Call) -> Answer:
        """The response; refusals are answers too."""
        try:
            self._admit(call)
            return dispatch(self._routes, call)
        except DpsError as refused:
            return _refused(refused)
        except UnauthorizedError as refused:
            return _refused(refusal(401, f"Unauthorized: {refused}."))
        except (BadBodyError, BadPageError) as bad:
            return _refused(refusal(400, str(bad)))
        except NoRouteError as missing:
            return self.fault(missing.status, str(missing))

    def fault(self, status: int, message: str) -> Answer:
        """An error outside the API."""
        return _refused(refusal(status, message))

    def _admit(self, call: Call) -> None:
        service = self._service(call)
        kind = call.path.strip("/").partition("/")[0].lower()
        self._gate.admit(call, DPS, service, _RIGHTS.get((call.method, kind), "ServiceConfig"))
        fault = version_fault(call.query.get("api-version"), API_VERSION)
        if fault:
            raise refusal(400, fault)

    def _service(self, call: Call) -> Document:
        service = self._directory.dps_by_name(_name(call))
        if service is None:
            raise refusal(404, f"There is no provisioning service {call.host}.")
        return service

    def _put_group(self, call: Call, group: str) -> Answer:
        before = self._store.get("enrollment-group", f"{_name(call)}/{group.lower()}")
        hosts = [str(it["name"]) for it in self._directory.linked_hubs(self._service(call))]
        body = checked_body(group, call.document(), hosts, before)
        return Answer(body=self._registry.put_group(_name(call), group, body, call.header("if-match")))

    def _get_group(self, call: Call, group: str) -> Answer:
        return _with_etag(self._registry.get_group(_name(call), group))

    def _delete_group(self, call: Call, group: str) -> Answer:
        self._registry.delete_group(_name(call), group, call.header("if-match"))
        return Answer(204)

    def _attestation(self, call: Call, group: str) -> Answer:
        return Answer(body=self._registry.get_group(_name(call), group)["attestation"])

    def _query_groups(self, call: Call) -> Answer:
        query = call.document().get("query")
        if not isinstance(query, str) or not _EVERY_GROUP.fullmatch(query):
            served = "SELECT * FROM enrollmentGroups"
            raise refusal(400, f"query: the local cloud serves '{served}' only, not {str(query)[:200]!r}.")
        groups = sorted(self._registry.list_groups(_name(call)), key=lambda it: str(it["enrollmentGroupId"]))
        return page(call, groups, "enrollmentGroupId", "enrollmentGroup")

    def _query_registrations(self, call: Call, group: str) -> Answer:
        self._registry.get_group(_name(call), group)
        records = self._registry.list_registrations(_name(call), group)
        return page(
            call,
            sorted(records, key=lambda it: str(it["registrationId"])),
            "registrationId",
            "deviceRegistration",
        )

    def _get_registration(self, call: Call, registration: str) -> Answer:
        return _with_etag(self._registry.registration(_name(call), registration))

    def _delete_registration(self, call: Call, registration: str) -> Answer:
        self._registry.delete_registration(_name(call), registration, call.header("if-match"))
        return Answer(204)


def _name(call: Call) -> str:
    return call.host.partition(".")[0]


def _with_etag(document: dict[str, Any]) -> Answer:
    headers = {"ETag": f'"{document["etag"]}"'} if document.get("etag") else {}
    return Answer(body=document, headers=headers)


def _refused(refused: DpsError) -> Answer:
    body = {
        "errorCode": refused.error_code,
        "trackingId": str(uuid.uuid4()),
        "message": refused.message,
        "timestampUtc": now_text(),
    }
    return Answer(refused.status, body, {"x-ms-error-code": str(refused.error_code)})
