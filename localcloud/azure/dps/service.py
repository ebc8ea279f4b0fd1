"""DPS' service API ({dps}.azure-devices-provisioning.net): enrollments of both kinds, registration states.

Published in Azure/azure-rest-api-specs, deviceprovisioningservices data plane, service.json of 2021-10-01 and
2026-11-01. The same host takes devices' calls too (`device_https`): their paths begin with an id scope.
"""

import re
from collections.abc import Callable
from functools import partial

from localcloud.azure.directory import Directory
from localcloud.azure.dps import bulk
from localcloud.azure.dps.device_https import DpsDeviceService, is_from_device
from localcloud.azure.dps.errors import DpsError, error_body, refusal
from localcloud.azure.dps.kinds import GROUP, INDIVIDUAL, Document, Kind
from localcloud.azure.dps.registry import ProvisioningRegistry
from localcloud.azure.dps.versions import fault_of
from localcloud.azure.entra import DPS
from localcloud.azure.gate import Gate, UnauthorizedError
from localcloud.azure.pages import BadPageError, fetched_page, page
from localcloud.calls import Answer, BadBodyError, Call, NoRouteError, Route, dispatch, route
from localcloud.store import Store

# learn.microsoft.com/azure/iot-dps/how-to-control-access, "Device Provisioning Service permissions". Keys are
# shown only to those who may write them.
_READ, _WRITE = "EnrollmentRead", "EnrollmentWrite"
_STATUS_READ, _STATUS_WRITE = "RegistrationStatusRead", "RegistrationStatusWrite"


class DpsService:
    """The service API of every provisioning service, told apart by host."""

    def __init__(
        self, _store: Store, directory: Directory, provisioning: ProvisioningRegistry, gate: Gate
    ) -> None:
        self._directory = directory
        self._registry = provisioning
        self._gate = gate
        self._devices = DpsDeviceService(provisioning, provisioning.clock)
        self._routes = [*self._enrollment_routes(GROUP), *self._enrollment_routes(INDIVIDUAL)]
        one = "/registrations/{registration}"
        self._routes += [
            self._route("POST", "/registrations/{group}/query", _STATUS_READ, self._query_registrations),
            self._route("GET", one, _STATUS_READ, self._get_registration),
            self._route("DELETE", one, _STATUS_WRITE, self._delete_registration),
        ]

    def answer(self, call: Call) -> Answer:
        """The response; refusals are answers too."""
        if is_from_device(call.path):
            return self._devices.answer(call)
        try:
            return dispatch(self._routes, call)
        except DpsError as refused:
            return self._refused(refused)
        except UnauthorizedError as refused:
            return self._refused(refusal(401, f"Unauthorized: {refused}."))
        except (BadBodyError, BadPageError) as bad:
            return self._refused(refusal(400, str(bad)))
        except NoRouteError as missing:
            return self.fault(missing.status, str(missing))

    def fault(self, status: int, message: str) -> Answer:
        """An error outside the API."""
        return self._refused(refusal(status, message))

    def _enrollment_routes(self, kind: Kind) -> list[Route]:
        every, one = f"/{kind.table}", f"/{kind.table}/{{identifier}}"
        return [
            self._route("POST", every, _WRITE, partial(self._bulk, kind)),
            self._route("POST", f"{every}/query", _READ, partial(self._query, kind)),
            self._route("POST", f"{one}/attestationmechanism", _WRITE, partial(self._mechanism, kind)),
            self._route("PUT", one, _WRITE, partial(self._put, kind)),
            self._route("GET", one, _READ, partial(self._get, kind)),
            self._route("DELETE", one, _WRITE, partial(self._delete, kind)),
        ]

    def _route(self, method: str, template: str, right: str, handler: Callable[..., Answer]) -> Route:
        """A route behind the gate, for who has the right."""

        def guarded(call: Call, **parameters: str) -> Answer:
            self._admit(call, right)
            return handler(call, **parameters)

        return route(method, template, guarded)

    def _admit(self, call: Call, right: str) -> None:
        service = self._directory.dps_by_name(_name(call))
        if service is None:
            raise refusal(404, f"There is no provisioning service {call.host}.")
        self._gate.admit(call, DPS, service, right)
        fault = fault_of(call.query.get("api-version"))
        if fault:
            raise refusal(400, fault)

    def _put(self, kind: Kind, call: Call, identifier: str) -> Answer:
        enrollments, name = self._registry.enrollments, _name(call)
        around = enrollments.surroundings(name, _version(call))
        if_match = call.header("if-match")
        return Answer(body=enrollments.put(kind, name, identifier, call.document(), if_match, around))

    def _get(self, kind: Kind, call: Call, identifier: str) -> Answer:
        return _with_etag(self._registry.enrollments.get(kind, _name(call), identifier, _version(call)))

    def _delete(self, kind: Kind, call: Call, identifier: str) -> Answer:
        self._registry.enrollments.delete(kind, _name(call), identifier, call.header("if-match"))
        return Answer(204)

    def _mechanism(self, kind: Kind, call: Call, identifier: str) -> Answer:
        return Answer(body=self._registry.enrollments.mechanism(kind, _name(call), identifier))

    def _bulk(self, kind: Kind, call: Call) -> Answer:
        enrollments, name = self._registry.enrollments, _name(call)
        around = enrollments.surroundings(name, _version(call))
        return Answer(body=bulk.run(enrollments, kind, name, call.document(), around))

    def _query(self, kind: Kind, call: Call) -> Answer:
        query = call.document().get("query")
        if not isinstance(query, str) or not _is_everything(query, kind):
            served = " ".join(("SELECT * FROM", kind.table))
            raise refusal(400, f"query: the local cloud serves '{served}' only, not {str(query)[:200]!r}.")
        fetch = partial(self._registry.enrollments.page, kind, _name(call), version=_version(call))
        return fetched_page(call, fetch, kind.member, kind.item_type)

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

    def _refused(self, refused: DpsError) -> Answer:
        body = error_body(refused, self._registry.clock.text())
        return Answer(refused.status, body, {"x-ms-error-code": str(refused.error_code)})


def _is_everything(query: str, kind: Kind) -> bool:
    words = rf"\*|\s*select\s+\*\s+from\s+{kind.table}\s*;?\s*"
    return re.fullmatch(words, query, re.IGNORECASE) is not None


def _name(call: Call) -> str:
    return call.host.partition(".")[0]


def _version(call: Call) -> str:
    return call.query.get("api-version", "")


def _with_etag(document: Document) -> Answer:
    headers = {"ETag": f'"{document["etag"]}"'} if document.get("etag") else {}
    return Answer(body=document, headers=headers)
