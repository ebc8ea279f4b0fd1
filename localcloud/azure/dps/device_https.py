"""DPS' device API over HTTPS: register, ask for the state, poll (device.json 2021-10-01 and 2026-11-01).

A device proves itself by its TLS certificate, by a shared access signature ("SharedAccessSignature sr=…" as
Authorization; learn.microsoft.com/azure/iot-dps/iot-dps-https-sym-key-support), or as a TPM: its first
registration without a token is answered 401 with a key locked for it, `authenticationKey`, and it comes
again with a token signed with that key (azure-iot-sdk-csharp, provisioning/transport/http/src/TPM). With
2026-11-01 a registration may bring a `csr`, and gets `issuedCertificateChain`. A registration is answered
202 with where to poll.
"""

from dataclasses import replace

from localcloud.azure.dps.admission import Presented
from localcloud.azure.dps.csr import refused as certificate_refused
from localcloud.azure.dps.errors import Challenge, DpsError, error_body, refusal
from localcloud.azure.dps.keys import POLICY
from localcloud.azure.dps.matching import Refused
from localcloud.azure.dps.protocol import (
    RETRY_AFTER_SECONDS,
    Asked,
    accepted_body,
    operation_body,
    read_registration,
)
from localcloud.azure.dps.records import Match
from localcloud.azure.dps.registry import ProvisioningRegistry
from localcloud.azure.dps.versions import fault_of
from localcloud.calls import Answer, BadBodyError, Call, NoRouteError, dispatch, route
from localcloud.clock import Clock

GLOBAL_HOST = "global.azure-devices-provisioning.net"
_SCHEME = "sharedaccesssignature "
_NOTHING = Asked(None, None, None)
_SERVICE_PATHS = ("enrollments", "enrollmentgroups", "registrations")


def is_from_device(path: str) -> bool:
    """Whether a path of a service's host is the device API's: `/{idScope}/registrations/…`."""
    first, _, rest = path.strip("/").lower().partition("/")
    return rest.split("/")[0] == "registrations" and first not in _SERVICE_PATHS


class DpsDeviceService:
    """The device API of every provisioning service, at the global host and at each service's own."""

    def __init__(self, registry: ProvisioningRegistry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        one = "/{scope}/registrations/{registration}"
        self._routes = [
            route("PUT", f"{one}/register", self._register),
            route("POST", one, self._state),
            route("GET", f"{one}/operations/{{operation}}", self._operation),
        ]

    def answer(self, call: Call) -> Answer:
        """The response; refusals are answers too."""
        try:
            fault = fault_of(call.query.get("api-version"))
            if fault:
                raise refusal(400, fault)
            return dispatch(self._routes, call)
        except DpsError as failed:
            return self._refused(failed)
        except BadBodyError as bad:
            return self._refused(refusal(400, str(bad)))
        except NoRouteError as missing:
            return self.fault(missing.status, str(missing))

    def fault(self, status: int, message: str) -> Answer:
        """An error outside the API."""
        return self._refused(refusal(status, message))

    def _register(self, call: Call, scope: str, registration: str) -> Answer:
        asked = read_registration(call.document(), registration)
        try:
            match = self._admitted(call, scope, registration, asked)
        except Challenge as challenge:
            return self._challenge(challenge)
        try:
            wanted = asked.registering(registration, call.query["api-version"])
            assignment = self._registry.begin(match, wanted)
        except Refused as refused:
            raise self._told(match.dps, registration, refused, 403) from refused
        except DpsError as failed:
            self._registry.count_failure(match.dps, registration, failed)
            raise
        body = accepted_body(assignment, match.registration_id)
        return Answer(202, body, self._poll_headers(call, scope, registration, assignment.operation_id))

    def _operation(self, call: Call, scope: str, registration: str, operation: str) -> Answer:
        match = self._known(call, scope, registration, _NOTHING)
        assignment = self._registry.operation(match.dps, match.registration_id, operation)
        if assignment.status != "assigning":
            return Answer(body=operation_body(assignment))
        headers = self._poll_headers(call, scope, registration, operation)
        return Answer(202, operation_body(assignment), headers)

    def _state(self, call: Call, scope: str, registration: str) -> Answer:
        """DeviceRegistrationResult; this look-up does not show `issuedCertificateChain`."""
        asked = read_registration(call.document(), registration)
        if asked.csr is not None:
            raise certificate_refused("csr: the look-up of a registration's state takes none.")
        match = self._known(call, scope, registration, asked)
        return Answer(body=self._registry.registration(match.dps, match.registration_id))

    def _known(self, call: Call, scope: str, registration: str, asked: Asked) -> Match:
        """A device that has registered before: a TPM is not challenged again, its token has to do."""
        try:
            return self._admitted(call, scope, registration, asked)
        except Challenge as challenge:
            words = "no-credential: the request lacks the token that the registration was signed with"
            raise refusal(401, words) from challenge

    def _admitted(self, call: Call, scope: str, registration: str, asked: Asked) -> Match:
        header = call.header("authorization") or ""
        token = header if header.lower().startswith(_SCHEME) else ""
        presented = Presented(scope, call.peer, token, asked.tpm, over_https=True)
        dps = self._registry.owner_of(scope)
        try:
            _check_host(call, dps, scope)
            return self._registry.admit(registration, presented)
        except Refused as refused:
            raise self._told(dps, registration, refused, 401) from refused

    def _told(self, dps: str, registration: str, refused: Refused, status: int) -> DpsError:
        self._registry.refuse(dps, registration, refused)
        return refusal(status, f"{refused.reason}: {refused.message}")

    def _challenge(self, challenge: Challenge) -> Answer:
        """TpmChallenge of the public SDKs: `authenticationKey`, and the `keyName` for the token."""
        answer = self._refused(refusal(401, f"Unauthorized: {challenge}."))
        body = {**answer.body, "authenticationKey": challenge.authentication_key, "keyName": POLICY}
        return replace(answer, body=body)

    def _poll_headers(self, call: Call, scope: str, registration: str, operation: str) -> dict[str, str]:
        path = f"/{scope}/registrations/{registration}/operations/{operation}"
        where = f"https://{call.host}{path}?api-version={call.query['api-version']}"
        return {"Location": where, "retry-after": str(RETRY_AFTER_SECONDS)}

    def _refused(self, failed: DpsError) -> Answer:
        body = error_body(failed, self._clock.text())
        return Answer(failed.status, body, {"x-ms-error-code": str(failed.error_code)})


def _check_host(call: Call, dps: str, scope: str) -> None:
    if call.host != GLOBAL_HOST and call.host.partition(".")[0] != dps:
        raise Refused("wrong-id-scope", f"{call.host} does not serve the id scope {scope[:64]!r}")
