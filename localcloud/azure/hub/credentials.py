"""A connected device asks its hub for its next operational certificate.

"Renew a device certificate (operational certificate)" (learn.microsoft.com/azure/iot-hub/
iot-mqtt-connect-to-iot-hub): published to `$iothub/credentials/POST/issueCertificate/?$rid={id}` as
`{"id", "csr", "replace"?}`; answered with 202, and then with 200 and the chain, or with an error. Where that
page and Microsoft's device SDKs (azure-sdk-for-c, azure-iot-sdk-java) differ, the SDKs are followed, because
they are tested against the service: answers come on `$iothub/credentials/res/`, the chain as base64 of DER,
leaf first (the page says `$iothub/credential/res/` and shows PEM). Error codes are the SDKs' too.

Chosen here, because nothing is published about it: the certificate is issued by the policy that issued the
one the device connected with; a device that showed none, or one that no policy of a linked namespace issued,
is refused as one whose request the registry did not take (so is everybody at a hub without a namespace); the
enrollment is not asked, so disable the device in its hub as well; an operation would expire after five
minutes, but is over at once, so `replace` never finds one; modules may not ask; the API version of the
connection is not looked at.
"""

import base64
import binascii
import uuid
from datetime import timedelta

from cryptography import x509

from localcloud.azure.adr import Issuer
from localcloud.azure.dps import csr
from localcloud.azure.dps.errors import DpsError
from localcloud.clock import Clock
from localcloud.mqtt.payloads import BadPayload, read_object, write_object
from localcloud.pem import der_text

REQUEST = "$iothub/credentials/POST/issueCertificate/"
ANSWERS = "$iothub/credentials/res/"
LARGEST_CSR = 8 * 1024

_INVALID, _MALFORMED, _FAILED, _NOTHING_TO_REPLACE = 400004, 400006, 400040, 412001
_KNOWN = {"id", "csr", "replace"}
_EXPIRES = timedelta(minutes=5)

Reply = tuple[int, bytes]


class _Refused(Exception):  # noqa: N818 - a decision, not a fault
    """The first three digits of `code` are the status; `words` are for the person."""

    def __init__(self, code: int, words: str, info: dict[str, str] | None = None) -> None:
        super().__init__(words)
        self.code = code
        self.info = info


class Credentials:
    """Answers devices of all hubs."""

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock

    def answer(
        self, host: str, device_id: str, shown: x509.Certificate | None, payload: bytes
    ) -> list[Reply]:
        """Status and body of each answer to a device that connected with the certificate `shown`."""
        try:
            text = _checked(payload, device_id)
        except _Refused as refused:
            return [self._error(refused)]
        operation = {"correlationId": str(uuid.uuid4())}
        expires = (self._clock.now() + _EXPIRES).isoformat().replace("+00:00", "Z")
        accepted = 202, write_object({**operation, "operationExpires": expires})
        try:
            chain = self._issued(host, device_id, shown, text)
        except _Refused as refused:
            return [accepted, self._error(refused)]
        return [accepted, (200, write_object({**operation, "certificates": chain}))]

    def _issued(self, host: str, device_id: str, shown: x509.Certificate | None, text: str) -> list[str]:
        found = None if shown is None else self._issuer.policy_of(host, shown)
        if found is None:
            raise _failed("the device did not connect with a certificate of a linked namespace's policy")
        try:
            request = csr.read(text, device_id)
            chain = self._issuer.issue(*found, request, device_id)
        except DpsError as fault:
            raise _failed(fault.message) from fault
        except LookupError as fault:
            raise _failed(str(fault.args[0])) from fault
        return [der_text(it) for it in chain]

    def _error(self, refused: _Refused) -> Reply:
        body = {
            "errorCode": refused.code,
            "message": str(refused),
            "trackingId": uuid.uuid4().hex.upper(),
            "timestampUtc": self._clock.text(),
            "info": refused.info,
        }
        return refused.code // 1000, write_object(body)


def _failed(words: str) -> _Refused:
    """What the registry says no to, after the hub accepted it."""
    told = "The certificate request was not fulfilled."
    return _Refused(_FAILED, told, {"credentialError": "400000", "credentialMessage": words})


def _checked(payload: bytes, device_id: str) -> str:
    """The request in base64, as far as the hub itself looks at it. Raises _Refused."""
    if not payload:
        raise _Refused(_INVALID, "The payload is missing: a JSON object with 'id' and 'csr'.")
    try:
        body = read_object(payload)
    except BadPayload as fault:
        raise _Refused(_MALFORMED, str(fault)) from fault
    unknown = sorted(body.keys() - _KNOWN)
    if unknown:
        raise _Refused(_INVALID, f"unknown field {unknown[0][:64]}; there are 'id', 'csr' and 'replace'")
    if body.get("id") != device_id:
        raise _Refused(_INVALID, "'id' must be the id of the device that is connected")
    text = _csr(body.get("csr"))
    _check_replace(body.get("replace"))
    return text


def _csr(text: object) -> str:
    if not isinstance(text, str) or not text:
        raise _Refused(_INVALID, "'csr' is missing: a PKCS#10 request, base64 of DER")
    if len(text) > LARGEST_CSR:
        raise _Refused(_INVALID, f"'csr' has more than {LARGEST_CSR} characters")
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise _Refused(_INVALID, "'csr' is no base64") from fault
    return text


def _check_replace(replace: object) -> None:
    if replace is None or replace == "*":
        return
    plain = replace.replace("-", "") if isinstance(replace, str) else ""
    well_formed = isinstance(replace, str) and 4 <= len(replace) <= 36 and replace.strip("-") == replace
    if not well_formed or not (plain.isascii() and plain.isalnum()):
        raise _Refused(_INVALID, "'replace' is '*' or a request id of 4 to 36 letters, digits and inner -")
    raise _Refused(_NOTHING_TO_REPLACE, "no active request to replace", {"requestId": str(replace)})
