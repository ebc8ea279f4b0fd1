"""Enrolment by claim: AWS IoT fleet provisioning with the device's own key.

The claim certificate, which many devices share, is for the first contact alone. Over a connection that shows
it the device asks for a certificate for a key of its own (`$aws/certificates/create-from-csr/json`), has the
fleet's template register it (`$aws/provisioning-templates/{name}/provision/json`), and from then on shows
nothing but its own. AWS: "Device provisioning MQTT API", "Provisioning by claim". It goes on where an earlier
run was killed (`agent.aws.progress`).

A renewal is the same with the device's own certificate in the claim's place: that proves which thing it is,
as a certificate that many share does not.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from awscrt import mqtt_request_response  # type: ignore[import-untyped]  # the SDK has no types
from awsiot import V2ServiceException, iotidentity  # type: ignore[import-untyped]  # the same
from cryptography import x509

from agent import certificates
from agent.assignment import Assignment
from agent.aws.connection import Connection, LostError
from agent.aws.doubt import ASKING, Doubt, answer_error
from agent.aws.options import AwsOptions, Claim
from agent.aws.progress import Created, Progress
from agent.credentials import Certificate
from agent.errors import RefusedError, UnavailableError
from agent.identities import Identities, has_any
from agent.issuance import accept
from agent.options import Options

_RENEWING = (
    "instead of an answer",
    "the policy of the device's certificate does not let it renew by this provisioning template",
)
_ANSWER_SECONDS = 25
_SUBSCRIPTIONS = 4


@dataclass(frozen=True)
class Doubts:
    """What a claim met so far: when connecting with it, and when asking."""

    connecting: Doubt = field(default_factory=Doubt)
    asking: Doubt = field(default_factory=partial(Doubt, when=ASKING))

    @classmethod
    def of_renewals(cls) -> "Doubts":
        """The same of a device's own certificate."""
        return cls(asking=Doubt(when=_RENEWING))


class ClaimProvisioning:
    """One enrolment by claim, which is `shown`. `now` is the wall clock."""

    def __init__(
        self,
        options: Options,
        aws: AwsOptions,
        claim: Claim,
        identities: Identities,
        shown: Certificate,
        doubts: Doubts,
        now: Callable[[], datetime],
    ) -> None:
        self._options, self._aws, self._claim = options, aws, claim
        self._credential = shown
        self._identities = identities
        self._doubts = doubts
        self._progress = Progress(claim.folder, now)
        self._now = now
        self._given_up = threading.Event()
        self._connection: Connection | None = None

    def enrol(self) -> Assignment:
        """The thing and the certificate of this device, which is kept. Raises CloudError."""
        known = self._identities.known()
        if known is not None:
            return Assignment(self._aws.endpoint, known.device_id, known.certificate)
        if has_any(self._claim.folder):
            raise RefusedError(
                f"the device's own certificate in {self._claim.folder} is damaged, has ended or is another "
                "device's, and a claim is for the first contact alone: a person has to equip it anew"
            )
        return self._enrolled()

    def close(self) -> None:
        """Keep nothing that comes from now on."""
        self._given_up.set()
        connection = self._connection
        if connection is not None:
            connection.close()

    def _enrolled(self) -> Assignment:
        try:
            return self._made()
        except OSError as error:
            raise UnavailableError(f"the device's certificate cannot be kept: {error}") from error

    def _made(self) -> Assignment:
        key = self._progress.key()
        created = self._progress.created(key)
        thing = self._registered(key, created)
        made = self._progress.created(key)
        if made is None:
            raise UnavailableError("the certificate that AWS made is not in its file any more")
        identity = certificates.checked([_leaf(made.pem)], key, None, self._now())
        kept = accept(self._identities, identity, self._aws.endpoint, thing, self._given_up)
        self._progress.end()
        return kept

    def _registered(self, key: certificates.Key, resumed: Created | None) -> str:
        """The thing's name, once the certificate that was made belongs to it."""
        if resumed is not None and resumed.until <= self._now():
            return self._registered_late()
        connection = self._open(self._credential, self._doubts.connecting)
        try:
            client = _client(connection)
            created = resumed or self._create(connection, client, key)
            return self._register(connection, client, created)
        except RefusedError:
            if resumed is None or not self._is_let_in():
                raise
        finally:
            connection.close_quietly()
        return self._options.registration_id

    def _registered_late(self) -> str:
        """The thing's name when a certificate whose token is over was registered in time after all."""
        if self._is_let_in():
            return self._options.registration_id
        self._progress.forget()
        raise UnavailableError("the certificate of an earlier run was never registered; another is asked for")

    def _is_let_in(self) -> bool:
        """After a kill: whether the answer that never came was a yes. Then the certificate is let in."""
        try:
            self._open(self._progress.credential(), Doubt(refused_after=1)).close_quietly()
        except RefusedError:
            return False
        return True

    def _open(self, credential: Certificate, doubt: Doubt) -> Connection:
        if self._given_up.is_set():
            raise UnavailableError("the enrolment was given up")
        name = self._options.registration_id
        connection = Connection(self._options, self._aws, credential, name, doubt)
        self._connection = connection
        connection.open(lambda _: None)
        return connection

    def _create(self, connection: Connection, client: Any, key: certificates.Key) -> Created:  # noqa: ANN401  of the SDK
        asked = certificates.request_pem(self._options.registration_id, key)
        request = iotidentity.CreateCertificateFromCsrRequest(certificate_signing_request=asked)
        answer = self._answer(connection, "made no certificate", client.create_certificate_from_csr(request))
        pem, token = str(answer.certificate_pem or ""), str(answer.certificate_ownership_token or "")
        if not token or _leaf(pem).public_key() != key.public_key():
            raise RefusedError(
                "AWS IoT made a certificate for another key, or without a token to register it"
            )
        return self._progress.keep(pem, token)

    def _register(self, connection: Connection, client: Any, created: Created) -> str:  # noqa: ANN401  of the SDK
        request = iotidentity.RegisterThingRequest(
            template_name=self._claim.template,
            certificate_ownership_token=created.token,
            parameters=dict(self._claim.parameters),
        )
        answer = self._answer(connection, "registered no thing", client.register_thing(request))
        return str(answer.thing_name or self._options.registration_id)

    def _answer(self, connection: Connection, what: str, asked: Any) -> Any:  # noqa: ANN401  of the SDK
        try:
            answer = connection.wait(asked)
        except LostError as error:
            raise self._doubts.asking.judge("AWS_ERROR_MQTT_UNEXPECTED_HANGUP", str(error)) from error
        except V2ServiceException as error:
            told = error.modeled_error
            if told is None:
                name = getattr(error.inner_error, "name", "")
                raise self._doubts.asking.judge(name, f"AWS IoT {what}: {error.message} {name}") from error
            raise answer_error(what, told.status_code, told.error_code, told.error_message) from error
        self._doubts.asking.accepted()
        return answer


class ClaimRenewal(ClaimProvisioning):
    """One renewal: `shown` is the certificate that the device has, which AWS lets hold to its own end."""

    def enrol(self) -> Assignment:
        """The thing and its new certificate, which is kept. Raises CloudError."""
        return self._enrolled()

    def close(self) -> None:
        """Keep nothing that comes from now on. The connection ends by itself: this may not wait for it."""
        self._given_up.set()


def _client(connection: Connection) -> Any:  # noqa: ANN401  the SDK's own
    options = mqtt_request_response.ClientOptions(
        max_request_response_subscriptions=_SUBSCRIPTIONS,
        max_streaming_subscriptions=0,
        operation_timeout_in_seconds=_ANSWER_SECONDS,
    )
    return iotidentity.IotIdentityClientV2(connection.mqtt, options)


def _leaf(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise RefusedError("AWS IoT sent something that is no certificate") from error
