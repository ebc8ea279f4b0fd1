"""Fleet provisioning over MQTT: for a claim a certificate (by CSR, or with a key), and a thing for that.

Source: "Device provisioning MQTT API", "Pre-provisioning hooks" (AWS IoT developer guide). Answers go to
the connection that asked. A certificate is PENDING_ACTIVATION until the template says otherwise; its
ownership token is good for an hour, for one registration that succeeds, and for the principal that asked
for it; when the time is over a certificate that is still pending is deleted. CBOR is not served, and said
so.
"""

import hashlib
import logging
import re
import secrets
from typing import Any, NamedTuple

from localcloud.aws.api import ApiError
from localcloud.aws.background import Background
from localcloud.aws.broker.connection import Connection
from localcloud.aws.broker.provisioning_hook import Hook, HookRefused
from localcloud.aws.broker.sessions import Posted
from localcloud.aws.csr_signing import CsrSigning
from localcloud.aws.functions import Functions
from localcloud.aws.iot.certificates import Certificate
from localcloud.aws.iot.templates import FLEET
from localcloud.aws.roles import RoleRefused, Roles
from localcloud.aws.world import World
from localcloud.mqtt.payloads import BadPayload, read_object, write_object

LOG = logging.getLogger("localcloud.aws.provisioning")
TOKEN_SECONDS = 3600
PENDING = "PENDING_ACTIVATION"
_TOKENS = "aws-ownership-token"
_CREATE = re.compile(r"\$aws/certificates/(create|create-from-csr)/(json|cbor)")
_PROVISION = re.compile(r"\$aws/provisioning-templates/([0-9A-Za-z_-]{1,36})/provision/(json|cbor)")


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """What `…/rejected` tells."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class _Asked(NamedTuple):
    """A request to register, its form checked."""

    template: str
    token: str
    parameters: dict[str, str]


class ProvisioningTopics:
    """Requests of devices that have a claim, and of those that come back for another certificate."""

    def __init__(
        self,
        world: World,
        signing: CsrSigning,
        functions: Functions,
        roles: Roles,
        background: Background,
    ) -> None:
        self._world = world
        self._store = world.place.store
        self._signing = signing
        self._roles = roles
        self._hook = Hook(functions)
        self._background = background

    def handle(self, connection: Connection | None, message: Posted) -> bool:
        """Answer, at once or when the hook has; False when the topic is none of these."""
        create, provision = _CREATE.fullmatch(message.topic), _PROVISION.fullmatch(message.topic)
        if connection is None:
            return False  # a rule or a caller over HTTPS, to whom nothing could be answered
        if create is not None and create[1] == "create-from-csr" and self._signing.is_a_functions:
            self._background.start(self._sign(connection, message, create[2]))
        elif create is not None:
            self._create(connection, message, create[1], create[2])
        elif provision is not None:
            self._background.start(self._provision(connection, message, provision[1], provision[2]))
        return create is not None or provision is not None

    def tidy(self) -> None:
        """Forget tokens whose time is over, and their certificates if nothing came of them."""
        now = self._world.place.now()
        for key, kept in self._store.list(_TOKENS):
            if kept["expires"] > now:
                continue
            self._store.delete(_TOKENS, key)
            known = self._world.certificates.by_fingerprint(kept["certificate"])
            if known is not None and known.status == PENDING:
                self._world.certificates.delete(known.id, force=True)

    def _create(self, connection: Connection, message: Posted, how: str, form: str) -> None:
        try:
            body = _body(message, form)
            is_own_key = how == "create-from-csr"
            answer = self._issued(connection, body) if is_own_key else self._with_key(connection)
        except (Refusal, ApiError) as error:
            self._reject(connection, message.topic, _unsigned(error))
        else:
            self._answer(connection, f"{message.topic}/accepted", answer)

    async def _sign(self, connection: Connection, message: Posted, form: str) -> None:
        principal, client_id = connection.principal.certificate.id, connection.client_id
        try:
            csr = _csr(_body(message, form))
            made = await self._signing.issue(csr, PENDING, principal, client_id)
        except (Refusal, ApiError) as error:
            self._reject(connection, message.topic, _unsigned(error))
        else:
            self._answer(connection, f"{message.topic}/accepted", self._told(connection, made))

    def _issued(self, connection: Connection, body: dict[str, Any]) -> dict[str, Any]:
        return self._told(connection, self._world.certificates.issue(_csr(body), PENDING))

    def _with_key(self, connection: Connection) -> dict[str, Any]:
        made, _, private = self._world.certificates.issue_with_key(PENDING)
        return {**self._told(connection, made), "privateKey": private}

    def _told(self, connection: Connection, made: Certificate) -> dict[str, Any]:
        token = secrets.token_urlsafe(48)
        kept = {
            "certificate": made.id,
            "principal": connection.principal.certificate.id,
            "expires": self._world.place.now() + TOKEN_SECONDS,
        }
        self._store.put(_TOKENS, _digest(token), kept)
        return {"certificateId": made.id, "certificatePem": made.pem, "certificateOwnershipToken": token}

    async def _provision(self, connection: Connection, message: Posted, template: str, form: str) -> None:
        try:
            answer = await self._registered(connection, _asked(template, _body(message, form)))
        except (Refusal, HookRefused, RoleRefused, ApiError) as error:
            refusal = error if isinstance(error, Refusal) else Refusal(*_status(error))
            self._reject(connection, message.topic, refusal)
        else:
            self._answer(connection, f"{message.topic}/accepted", answer)

    async def _registered(self, connection: Connection, asked: _Asked) -> dict[str, Any]:
        """Raises Refusal, HookRefused, RoleRefused, ApiError."""
        template = self._template(asked.template)
        certificate = self._owned(connection, asked.token)
        await self._roles.require_trust(template["provisioningRoleArn"], source_arn=template["templateArn"])
        parameters = asked.parameters
        if template.get("preProvisioningHook"):
            parameters |= await self._hook.ask(template, certificate, connection, asked.parameters)
        with self._store.transaction():
            self._owned(connection, asked.token)  # the hook took its time: another request may have used it
            made = self._world.registration.register(
                template["templateBody"], parameters, certificate, is_fleet=True
            )
            self._store.delete(_TOKENS, _digest(asked.token))
        LOG.info("provisioned", extra={"fields": {"thing": made.thing_name, "template": asked.template}})
        answer = {"thingName": made.thing_name, "deviceConfiguration": dict(made.configuration)}
        return {name: value for name, value in answer.items() if value is not None}

    def _template(self, name: str) -> dict[str, Any]:
        found = self._world.templates.get(name)
        if found is None or found["type"] != FLEET:
            raise Refusal(404, "ResourceNotFound", f"there is no fleet provisioning template {name}")
        if not found["enabled"]:
            raise Refusal(403, "TemplateDisabled", f"the template {name} is not enabled")
        return dict(found)

    def _owned(self, connection: Connection, token: str) -> Certificate:
        """The certificate that a token is for."""
        kept = self._store.get(_TOKENS, _digest(token))
        known = kept and self._world.certificates.by_fingerprint(kept["certificate"])
        is_own = kept is not None and kept["principal"] == connection.principal.certificate.id
        if not kept or not known or not is_own or kept["expires"] <= self._world.place.now():
            raise Refusal(400, "InvalidCertificateOwnershipToken", "Invalid certificate ownership token")
        return known

    def _reject(self, connection: Connection, topic: str, refused: Refusal) -> None:
        fields = {"clientId": connection.client_id, "topic": topic, "reason": refused.message}
        LOG.warning("provisioning refused", extra={"fields": fields})
        told = {"statusCode": refused.status, "errorCode": refused.code, "errorMessage": refused.message}
        self._answer(connection, f"{topic}/rejected", told)

    def _answer(self, connection: Connection, topic: str, body: dict[str, Any]) -> None:
        connection.answer(Posted(topic, write_object(body)))


def _asked(template: str, body: dict[str, Any]) -> _Asked:
    token, parameters = body.get("certificateOwnershipToken"), body.get("parameters", {})
    if not isinstance(token, str):
        raise Refusal(400, "InvalidPayload", "certificateOwnershipToken is missing or no text")
    if not isinstance(parameters, dict) or not all(isinstance(it, str) for it in parameters.values()):
        raise Refusal(400, "InvalidPayload", "parameters must be an object of texts")
    return _Asked(template, token, dict(parameters))


def _body(message: Posted, form: str) -> dict[str, Any]:
    if form != "json":
        raise Refusal(400, "InvalidPayload", "the local cloud serves the payload format json only")
    try:
        return read_object(message.payload or b"{}")
    except BadPayload as error:
        raise Refusal(400, "InvalidPayload", f"the payload is {error}") from error


def _csr(body: dict[str, Any]) -> str:
    csr = body.get("certificateSigningRequest")
    if not isinstance(csr, str):
        raise Refusal(400, "InvalidPayload", "certificateSigningRequest is missing or no text")
    return csr


def _unsigned(error: Refusal | ApiError) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if error.code == "ServiceUnavailableException":
        return Refusal(503, "ServiceUnavailable", error.message)
    return Refusal(400, "InvalidCertificateSigningRequest", error.message)


def _status(error: Exception) -> tuple[int, str, str]:
    if isinstance(error, HookRefused):
        return 403, "AccessDenied", str(error)
    if isinstance(error, ApiError):
        return error.status or 400, error.code, error.message
    return 403, "AccessDenied", str(error)


def _digest(token: str) -> str:
    """Tokens are credentials: the store has their hashes."""
    return hashlib.sha256(token.encode()).hexdigest()
