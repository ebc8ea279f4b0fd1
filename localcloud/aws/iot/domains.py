"""Domain configurations: the account's own endpoints and their TLS policy, and custom domains.

Operations of botocore's iot 2015-05-28; security policies from docs.aws.amazon.com/iot/latest/developerguide/
iot-endpoints-tls-config.html and transport-security.html. An account has `iot:Data-ATS`,
`iot:CredentialProvider` and `iot:Jobs` from the beginning; which policy they have then the pages do not say,
so they have the region's oldest here, and whoever wants another has to set it. Devices are let in at `hosts`.
TLS policies and certificates of custom domains are kept, and no handshake is held to them.
"""

import string
from datetime import UTC, datetime, timedelta

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.iot.authorizers import Authorizers
from localcloud.aws.iot.named import Named, Noun, subset
from localcloud.aws.iot.paging import marked_page
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import ZONE, Place
from localcloud.store import Document

POLICIES = {
    "IoTSecurityPolicy_TLS13_1_3_2022_10": "1.3",
    "IoTSecurityPolicy_TLS13_1_2_2022_10": "1.2",
    "IoTSecurityPolicy_TLS12_1_2_2022_10": "1.2",
    "IoTSecurityPolicy_TLS12_1_0_2015_01": "1.2",  # as all do now, for all its name says
}
NEW_POLICY = "IoTSecurityPolicy_TLS13_1_2_2022_10"
_OWN_POLICY = "IoTSecurityPolicy_TLS12_1_0_2015_01"
_OWN = {"iot:Data-ATS": "DATA", "iot:CredentialProvider": "CREDENTIAL_PROVIDER", "iot:Jobs": "JOBS"}
_HOSTS = {"DATA": "-ats", "CREDENTIAL_PROVIDER": ".credentials", "JOBS": ".jobs"}
# "AWS Managed Domain Configuration must be disabled for at least 7 days before it can be deleted": the error
# that hashicorp/terraform-provider-aws documents for aws_iot_domain_configuration.
MANAGED_WAIT = timedelta(days=7)
_NOUN = Noun("aws-domain-configuration", "Domain configuration", "domainconfiguration")
_CHANGED = (
    "authorizerConfig",
    "domainConfigurationStatus",
    "tlsConfig",
    "serverCertificateConfig",
    "authenticationType",
    "applicationProtocol",
    "clientCertificateConfig",
)
_SHOWN = (
    *_CHANGED,
    "domainConfigurationName",
    "domainConfigurationArn",
    "domainName",
    "serverCertificates",
    "serviceType",
    "domainType",
    "lastStatusChangeDate",
)


class _Kept(Named):
    """Their ARNs end in letters of AWS' choice, as the examples of its CLI show."""

    def arn(self, name: str) -> str:
        """The ARN of what has this name."""
        return f"{super().arn(name)}/{self.suffix(name)}"

    def suffix(self, name: str) -> str:
        """The letters."""
        return self._place.setting(f"domain/{name}", 5, string.ascii_lowercase)


class DomainConfigurations:
    """Configurations by name."""

    def __init__(self, place: Place, tags: Tags, authorizers: Authorizers) -> None:
        self._place = place
        self._authorizers = authorizers
        self._kept = _Kept(place, tags, _NOUN)

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "CreateDomainConfiguration": self._create,
                "UpdateDomainConfiguration": self._update,
                "DescribeDomainConfiguration": self._describe,
                "ListDomainConfigurations": self._list,
                "DeleteDomainConfiguration": self._delete,
            }
        )

    def hosts(self) -> dict[str, str]:
        """Where devices connect, as far as it is not disabled, with the lowest version of TLS by policy."""
        found = [self._own("iot:Data-ATS"), *self._kept.all()]
        return {
            it["domainName"]: POLICIES[it["tlsConfig"]["securityPolicy"]]
            for it in found
            if it["serviceType"] == "DATA" and it["domainConfigurationStatus"] == "ENABLED"
        }

    def _create(self, params: Params) -> Params:
        _check_domain(params)
        self._check(params)
        name = params["domainConfigurationName"]
        if name in _OWN:
            raise invalid(f"{name} is a configuration of the account's own.")
        certificates = [
            {"serverCertificateArn": arn, "serverCertificateStatus": "VALID"}
            for arn in params.get("serverCertificateArns", [])
        ]
        document = {
            "domainConfigurationName": name,
            "domainConfigurationArn": self._kept.arn(name),
            "domainConfigurationStatus": "ENABLED",
            "domainType": "CUSTOMER_MANAGED" if "domainName" in params else "AWS_MANAGED",
            "domainName": params.get("domainName") or self._host(name),
            "serverCertificates": certificates,
            "serviceType": params.get("serviceType", "DATA"),
            "tlsConfig": {"securityPolicy": NEW_POLICY},
            "lastStatusChangeDate": self._place.now(),
            **subset(params, _CHANGED),
        }
        return _identified(self._kept.create(name, document, params.get("tags", [])))

    def _update(self, params: Params) -> Params:
        name = params["domainConfigurationName"]
        known = self._get(name)
        self._check(params)
        changes = subset(params, _CHANGED)
        if changes.get("domainConfigurationStatus") == "DISABLED" and name in _OWN:
            raise invalid(f"{name} is the account's own endpoint, which cannot be disabled.")
        if params.get("removeAuthorizerConfig"):
            changes["authorizerConfig"] = None
        if (
            changes.get("domainConfigurationStatus", known["domainConfigurationStatus"])
            != known["domainConfigurationStatus"]
        ):
            changes["lastStatusChangeDate"] = self._place.now()
        if self._kept.find(name) is None:
            self._kept.create(name, known)
        return _identified(self._kept.update(name, changes))

    def _describe(self, params: Params) -> Params:
        return subset(self._get(params["domainConfigurationName"]), _SHOWN)

    def _list(self, params: Params) -> Params:
        wanted = params.get("serviceType")
        every = {name: self._own(name) for name in _OWN}
        every |= {it["domainConfigurationName"]: it for it in self._kept.all()}
        members = ("domainConfigurationName", "domainConfigurationArn", "serviceType")
        found = [subset(it, members) for it in every.values() if wanted in (None, it["serviceType"])]
        return marked_page(
            "domainConfigurations", found, lambda it: str(it["domainConfigurationName"]), params
        )

    def _delete(self, params: Params) -> Params:
        known = self._get(params["domainConfigurationName"])
        if known["domainType"] == "ENDPOINT" or known["domainConfigurationStatus"] != "DISABLED":
            raise invalid(
                "Only a domain configuration that is DISABLED, and not the account's own, can be deleted."
            )
        since = datetime.fromtimestamp(known["lastStatusChangeDate"], UTC)
        if known["domainType"] == "AWS_MANAGED" and self._place.clock.now() - since < MANAGED_WAIT:
            raise invalid(
                "AWS Managed Domain Configuration must be disabled for at least 7 days "
                "before it can be deleted"
            )
        self._kept.remove(known["domainConfigurationName"])
        return {}

    def _get(self, name: str) -> Document:
        known = self._kept.find(name)
        if known is None and name in _OWN:
            return self._own(name)
        return self._kept.get(name)

    def _own(self, name: str) -> Document:
        """A configuration that every account has, as it is until it is changed."""
        return self._kept.find(name) or {
            "domainConfigurationName": name,
            "domainConfigurationArn": self._kept.arn(name),
            "domainConfigurationStatus": "ENABLED",
            "domainType": "ENDPOINT",
            "domainName": self._place.endpoint(_HOSTS[_OWN[name]]),
            "serverCertificates": [],
            "serviceType": _OWN[name],
            "tlsConfig": {"securityPolicy": _OWN_POLICY},
        }

    def _host(self, name: str) -> str:
        """An address of AWS', in the form of its CLI's examples."""
        return f"d{self._place.setting(f'domain-host/{name}', 20)}-ats.{ZONE}"

    def _check(self, params: Params) -> None:
        policy = params.get("tlsConfig", {}).get("securityPolicy", NEW_POLICY)
        if policy not in POLICIES:
            raise invalid(f"securityPolicy must be one of {', '.join(POLICIES)}, not {policy}.")
        name = params.get("authorizerConfig", {}).get("defaultAuthorizerName")
        if name is not None and not self._authorizers.knows(name):
            raise ApiError("ResourceNotFoundException", f"Authorizer {name} cannot be found.")


def _check_domain(params: Params) -> None:
    """A domain of one's own needs its certificate, and the other way round; DATA is the type to have one."""
    if ("domainName" in params) != bool(params.get("serverCertificateArns")):
        raise invalid("domainName and serverCertificateArns are given together, or neither.")
    if "validationCertificateArn" in params and "domainName" not in params:
        raise invalid("validationCertificateArn goes with domainName.")
    if params.get("serviceType", "DATA") != "DATA":
        raise invalid("AWS IoT Core currently supports only the DATA service type.")


def _identified(document: Document) -> Params:
    return subset(document, ("domainConfigurationName", "domainConfigurationArn"))
