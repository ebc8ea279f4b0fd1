"""How devices' connections are protected, and at which address."""

from collections.abc import Mapping
from typing import Final, TypedDict

import pulumi
from pulumi_aws import iot

from components.aws.place import Place

POLICIES: Final[Mapping[str, str]] = {
    "1.2": "IoTSecurityPolicy_TLS13_1_2_2022_10",
    "1.3": "IoTSecurityPolicy_TLS13_1_3_2022_10",
}
"""The security policy by the oldest TLS that it speaks; the first speaks 1.3 as well. "Transport security in
AWS IoT Core", "Configuring TLS settings in domain configurations"; both are in all regions but China's."""


class CustomDomainArgs(TypedDict):
    """A domain of our own."""

    name: str
    certificate_arn: pulumi.Input[str]
    """ACM's ARN of the domain's certificate, in the same region."""


class EndpointSecurityArgs(TypedDict):
    """Arguments of EndpointSecurity."""

    place: Place
    minimum_tls: str
    """1.2 or 1.3."""
    domain: CustomDomainArgs | None
    """None: an address that AWS gives."""
    tags: Mapping[str, str]


class EndpointSecurity(pulumi.ComponentResource):
    """The address that devices connect to, with a TLS policy of its own where it can have one.

    | asked for | made | devices connect to |
    | --- | --- | --- |
    | a domain of our own | a domain configuration with its certificate and the TLS policy | the domain |
    | TLS 1.3, no domain | a domain configuration on an address that AWS gives | that address |
    | TLS 1.2, no domain | nothing | the account's own `-ats` endpoint |

    The account's own endpoint belongs to the whole account and no resource of a provider can change its
    policy, so it is never touched. It stays open beside whatever is made here. All of AWS' policies, the
    oldest among them, speak TLS 1.2 at least; which one the endpoint has depends on the region and on the
    account's age, and so does whether it speaks TLS 1.3. A device is bound to a domain configuration's
    address only if its IoT policy says so, by the condition key `iot:DomainName`.

    Fleet provisioning, jobs and shadows are served at the same address (service type DATA); credentials of
    role aliases are not: AWS takes no other service type here. A configuration on an address of AWS' can be
    deleted only after it was disabled for seven days: `pulumi destroy` fails on it until then.
    """

    host: pulumi.Output[str] | None
    """Where devices connect to; None: the account's own endpoint."""

    def __init__(
        self, name: str, args: EndpointSecurityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:aws:EndpointSecurity", name, {}, opts)
        domain = args["domain"]
        needed = domain is not None or args["minimum_tls"] == "1.3"
        self.host = self._configuration(name, args).domain_name if needed else None
        self.register_outputs({"host": self.host})

    def _configuration(self, name: str, args: EndpointSecurityArgs) -> iot.DomainConfiguration:
        domain = args["domain"]
        return iot.DomainConfiguration(
            f"{name}-domain",
            name=args["place"].name(),
            domain_name=None if domain is None else domain["name"],
            server_certificate_arns=None if domain is None else [domain["certificate_arn"]],
            service_type="DATA",
            status="ENABLED",
            tls_config=iot.DomainConfigurationTlsConfigArgs(security_policy=POLICIES[args["minimum_tls"]]),
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self),
        )
