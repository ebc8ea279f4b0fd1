"""The pre-provisioning hook: a Lambda function that says yes or no to a device, within five seconds.

Source: "Pre-provisioning hooks" (AWS IoT developer guide), payload version 2020-04-01. The function must let
`iot.amazonaws.com` invoke it. An answer without `allowProvisioning: true`, a fault or a late answer is a no.
"""

import asyncio
import json
from typing import Any

from localcloud.aws.api import ApiError
from localcloud.aws.broker.connection import Connection
from localcloud.aws.functions import FunctionRefused, Functions
from localcloud.aws.iot.certificates import Certificate

LONGEST_SECONDS = 5.0


class HookRefused(Exception):  # noqa: N818 - a decision, not a fault
    """The hook did not allow it; says how."""


class Hook:
    """Asks hooks."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    async def ask(
        self,
        template: dict[str, Any],
        certificate: Certificate,
        connection: Connection,
        parameters: dict[str, str],
    ) -> dict[str, str]:
        """The parameters that the hook overrides. Raises HookRefused."""
        asked = {
            "claimCertificateId": connection.principal.certificate.id,
            "certificateId": certificate.id,
            "certificatePem": certificate.pem,
            "templateArn": template["templateArn"],
            "clientId": connection.client_id,
            "parameters": parameters,
        }
        arn = template["preProvisioningHook"]["targetArn"]
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                payload = await self._functions.invoke(arn, asked, source=template["templateArn"])
        except TimeoutError as error:
            raise HookRefused(f"the hook did not answer within {LONGEST_SECONDS:.0f} seconds") from error
        except (FunctionRefused, ApiError) as error:
            raise HookRefused(f"the hook failed: {error}") from error
        return _overrides(payload)


def _overrides(payload: bytes) -> dict[str, str]:
    """What the hook answered. Raises HookRefused."""
    try:
        answer = json.loads(payload)
    except ValueError as error:
        raise HookRefused("the hook's answer is no JSON") from error
    if not isinstance(answer, dict) or answer.get("allowProvisioning") is not True:
        raise HookRefused("the hook does not allow the provisioning")
    overrides = answer.get("parameterOverrides") or {}
    if not isinstance(overrides, dict) or not all(isinstance(it, str) for it in overrides.values()):
        raise HookRefused("the hook's parameterOverrides are no object of texts")
    return overrides
