"""Enrolment with a certificate request: DPS' device API over HTTPS, which MQTT and the SDK do not have.

device.json 2026-11-01 of the DPS data plane: `PUT /{idScope}/registrations/{id}/register` takes `csr`, and
the registration state then holds `issuedCertificateChain`. The device proves itself to DPS with its
onboarding credential; hubs never see that. The next certificates come from the hub (`agent.hub_renewal`);
this is for the first one, and for a device whose certificate has ended or is refused ("What happens when a
certificate expires", learn.microsoft.com/azure/iot-hub/concept-certificate-renewal).
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from cryptography import x509

from agent import certificates, https
from agent.assignment import Assignment
from agent.credentials import Certificate, SymmetricKey, token
from agent.errors import CloudError, RefusedError, UnavailableError
from agent.https import Answer, Json, Request, Way
from agent.identities import Identities
from agent.options import Options

API_VERSION = "2026-11-01"
POLICY = "registration"
"""What a registration's token names as its policy ("How to use symmetric key attestation over HTTPS")."""

_ALL_SECONDS = 75.0
_POLL_SECONDS = 2.0
_LONGEST_POLL_SECONDS = 30.0
_TOKEN_SECONDS = 600
_BUSY = (408, 429)


class CertificateProvisioning:
    """One registration that brings a certificate. `now` is the wall clock."""

    def __init__(self, options: Options, identities: Identities, now: Callable[[], datetime]) -> None:
        self._options = options
        self._identities = identities
        self._now = now
        self._way = Way(options.proxy, options.trust_pem)
        self._given_up = threading.Event()

    def enrol(self) -> Assignment:
        """Make a key, register with a request for it, and keep what comes. Raises CloudError."""
        key = certificates.new_key()
        name = self._options.registration_id
        body: Json = {"registrationId": name, "csr": certificates.request(name, key)}
        state = self._registered(self._ask("PUT", "/register", body))
        hub, device_id = str(state.get("assignedHub") or ""), str(state.get("deviceId") or "")
        if not hub or not device_id:
            raise UnavailableError("DPS assigned no hub")
        try:
            identity = certificates.checked(_chain(state), key, name, self._now())
        except ValueError as error:
            raise RefusedError(f"DPS issued no usable certificate: {error}") from error
        return accept(self._identities, identity, hub, device_id, self._given_up)

    def close(self) -> None:
        """Keep nothing that comes from now on."""
        self._given_up.set()

    def _registered(self, answer: Answer) -> Json:
        """Poll until the registration has ended; its state."""
        ends = time.monotonic() + _ALL_SECONDS
        while answer.body.get("status") == "assigning":
            wait = min(answer.retry_after or _POLL_SECONDS, _LONGEST_POLL_SECONDS)
            if time.monotonic() + wait > ends:
                raise UnavailableError("DPS did not finish the registration in time")
            if self._given_up.wait(wait):
                raise UnavailableError("the enrolment was given up")
            operation = quote(str(answer.body.get("operationId", "")), safe="")
            answer = self._ask("GET", f"/operations/{operation}", None)
        state = answer.body.get("registrationState")
        state = state if isinstance(state, dict) else {}
        if answer.body.get("status") != "assigned":
            raise RefusedError(
                f"DPS: {state.get('errorMessage') or answer.body.get('status') or 'no status'}"
            )
        return state

    def _ask(self, method: str, path: str, body: Json | None) -> Answer:
        options = self._options
        scope, name = quote(options.id_scope, safe=""), quote(options.registration_id, safe="")
        address = f"/{scope}/registrations/{name}{path}?api-version={API_VERSION}"
        credential = options.credential
        shown = credential if isinstance(credential, Certificate) else None
        signed = self._token(credential) if isinstance(credential, SymmetricKey) else ""
        answer = https.send(
            self._way, Request(method, options.provisioning_host, address, body, signed, shown)
        )
        if answer.status >= 300:
            raise _refusal(answer)
        return answer

    def _token(self, credential: SymmetricKey) -> str:
        resource = f"{self._options.id_scope}/registrations/{self._options.registration_id}"
        expires = int(self._now().timestamp()) + _TOKEN_SECONDS
        try:
            return token(resource, credential.read(), expires, POLICY)
        except (OSError, ValueError) as error:
            raise UnavailableError(f"the symmetric key cannot be used: {error}") from error


def accept(
    identities: Identities,
    identity: certificates.Identity,
    hub: str,
    device_id: str,
    given_up: threading.Event,
) -> Assignment:
    """Keep what was issued. Raises UnavailableError when it cannot be kept, or is not wanted any more."""
    try:
        kept = identities.keep(identity, hub, device_id, given_up)
    except OSError as error:
        raise UnavailableError(f"the certificate cannot be kept: {error}") from error
    if kept is None:
        raise UnavailableError("the enrolment was given up")
    return kept


def _chain(state: Json) -> tuple[x509.Certificate, ...]:
    chain = state.get("issuedCertificateChain")
    if chain is None:
        raise ValueError(
            "it assigned a hub alone; the enrollment must name a certificate policy, which takes a service "
            f"of API version {API_VERSION}"
        )
    return certificates.read_chain(chain)


def _refusal(answer: Answer) -> CloudError:
    """DPS' own words; a 4xx is a refusal unless it only says: later."""
    words = f"DPS {answer.status}: {answer.body.get('message') or 'without a message'}"
    if answer.status == 400 and "version" in words.lower():
        words += f" (certificates from a request take API version {API_VERSION})"
    is_refused = 400 <= answer.status < 500 and answer.status not in _BUSY
    return RefusedError(words) if is_refused else UnavailableError(words)
