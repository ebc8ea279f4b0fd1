"""Who calls AWS IoT's data services over HTTPS: a device by its certificate, or somebody who signs.

Source: "Device communication protocols" and "Authorization" (AWS IoT developer guide): a certificate is held
to its IoT policies, with no client id and so no thing; a signature (Signature Version 4) to IAM's.
"""

from typing import Any

from cryptography import x509

from localcloud.aws.api import ApiError, Caller, Doorkeeper
from localcloud.aws.broker.admission import NotAdmitted
from localcloud.aws.broker.broker import Broker
from localcloud.aws.broker.permissions import Principal
from localcloud.calls import Call

_PREFIXES = {"iot-data": "iot", "iot-jobs-data": "iotjobsdata"}
_RESOURCES = {"topic": "topic/{topic}", "thingName": "thing/{thingName}", "clientId": "client/{clientId}"}


class DeviceDoorkeeper:
    """Lets devices in beside those whom `signers` knows."""

    def __init__(self, broker: Broker, signers: Doorkeeper) -> None:
        self._broker = broker
        self._signers = signers

    def identify(self, call: Call, signing_name: str) -> Caller:
        """Whoever signed the call; without a signature, whose certificate it is. Raises ApiError."""
        if call.header("authorization") or not call.peer:
            return self._signers.identify(call, signing_name)
        try:
            principal = self._broker.admission.admit_leaf(call.peer[0])
        except NotAdmitted as refused:
            raise ApiError("ForbiddenException", f"Forbidden: {refused.reason}", 403) from refused
        place = self._broker.permissions.place
        return Caller(place.account, place.region, principal.certificate.arn)

    async def authorize(self, caller: Caller, service: str, operation: str, params: dict[str, Any]) -> None:
        """Let it pass. Raises ApiError."""
        principal = self._device(caller)
        if principal is None:
            await self._signers.authorize(caller, service, operation, params)
            return
        action = f"{_PREFIXES[service]}:{operation}"
        resource = next((it.format_map(params) for name, it in _RESOURCES.items() if name in params), "*")
        if not self._broker.permissions.allow(principal, None, action, resource):
            words = f"{caller.arn} is not authorized to perform {action} on {resource}"
            raise ApiError("ForbiddenException", words, 403)

    def _device(self, caller: Caller) -> Principal | None:
        """The certificate that calls; None for a signer."""
        certificate = self._broker.certificate(caller.arn)
        if certificate is None:
            return None
        return Principal.of(certificate, x509.load_pem_x509_certificate(certificate.pem.encode()))
