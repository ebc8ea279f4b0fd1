"""The credential endpoint: a device's certificate and a role alias for a role's temporary credentials.

Source: "Authorizing direct calls to AWS services using AWS IoT Core credential provider" (developer guide):
GET /role-aliases/{alias}/credentials with the certificate in TLS; `x-amzn-iot-thingname`, where it is sent,
names a thing that the certificate is attached to; the policy needs `iot:AssumeRoleWithCertificate` on the
alias, the role trusts `credentials.iot.amazonaws.com`. Refusals are 403 and say little, as there.
"""

import logging
from datetime import UTC, datetime
from typing import Any, Protocol

from localcloud.aws.api import ApiError
from localcloud.aws.broker import variables
from localcloud.aws.broker.admission import NotAdmitted
from localcloud.aws.broker.broker import Broker
from localcloud.aws.broker.permissions import Principal
from localcloud.aws.roles import CREDENTIALS, RoleRefused, Roles
from localcloud.aws.world import World
from localcloud.calls import Answer, Call, NoRouteError, dispatch, route

LOG = logging.getLogger("localcloud.aws.credentials")
_THING = "x-amzn-iot-thingname"


class Sessions(Protocol):
    """Whoever makes sessions of roles."""

    async def assume(
        self, role_arn: str, name: str, seconds: int, variables: dict[str, str]
    ) -> dict[str, Any]:
        """`Credentials` as STS gives them, of a role that is known to trust AWS IoT. Raises ApiError."""


class _Forbidden(Exception):  # noqa: N818 - an answer, not a fault
    """403; says why, for the log."""


class CredentialService:
    """The host `….credentials.iot.…`."""

    def __init__(self, world: World, broker: Broker, roles: Roles, sessions: Sessions) -> None:
        self._world = world
        self._broker = broker
        self._roles = roles
        self._sessions = sessions
        self._routes = [route("GET", "/role-aliases/{alias}/credentials", lambda _call, alias: str(alias))]

    async def answer(self, call: Call) -> Answer:
        """The response; refusals are answers too."""
        try:
            return await self._credentials(call, dispatch(self._routes, call))
        except NoRouteError as missing:
            return self.fault(missing.status, str(missing))
        except (_Forbidden, NotAdmitted, RoleRefused, ApiError) as refused:
            LOG.warning("refused", extra={"fields": {"path": call.path, "reason": str(refused)}})
            return self.fault(403, "Access Denied")

    def fault(self, status: int, message: str) -> Answer:
        """An error."""
        return Answer(status, {"message": message})

    async def _credentials(self, call: Call, name: str) -> Answer:
        principal = self._broker.admission.admit_leaf(call.peer[0] if call.peer else None)
        thing = call.header(_THING)
        self._check(principal, thing, name)
        alias = self._world.role_aliases.find(name)
        if alias is None:
            raise _Forbidden(f"there is no role alias {name}")
        await self._roles.require_trust(alias["roleArn"], CREDENTIALS)
        identity, seconds = principal.certificate.id, int(alias["credentialDurationSeconds"])
        given = await self._sessions.assume(
            alias["roleArn"], identity, seconds, self._variables(identity, thing)
        )
        LOG.info("credentials given", extra={"fields": {"alias": name, "thing": thing}})
        return Answer(body={"credentials": _shown(given)})

    def _variables(self, certificate_id: str, thing: str | None) -> dict[str, str]:
        """What the role's policies can refer to; the thing's only when it is named in the request."""
        found = {"credentials-iot:AwsCertificateId": certificate_id}
        known = self._world.things.get(thing) if thing is not None else None
        if known is not None:
            found["credentials-iot:ThingName"] = known["name"]
            if known["type"]:
                found["credentials-iot:ThingTypeName"] = known["type"]
        return found

    def _check(self, principal: Principal, thing: str | None, alias: str) -> None:
        """The thing, if one is named, and the permission. Raises _Forbidden."""
        values = variables.of_thing(None)
        if thing is not None:
            if thing not in self._world.things.of_principal(principal.certificate.id):
                raise _Forbidden(f"the certificate is not attached to thing {thing[:128]}")
            values = variables.of_thing(self._world.things.get(thing))
        asker = Principal(principal.certificate, {**principal.values, **values})
        resource = f"rolealias/{alias}"
        if not self._broker.permissions.allow(asker, None, "iot:AssumeRoleWithCertificate", resource):
            raise _Forbidden(f"the certificate's policies do not allow role alias {alias}")


def _shown(given: dict[str, Any]) -> dict[str, str]:
    ends: datetime = given["Expiration"]
    return {
        "accessKeyId": given["AccessKeyId"],
        "secretAccessKey": given["SecretAccessKey"],
        "sessionToken": given["SessionToken"],
        "expiration": ends.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
