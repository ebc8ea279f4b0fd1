"""Where devices connect to: the account's endpoint, or one with a TLS policy of its own."""

import pytest

from components.aws.endpoint_security import CustomDomainArgs, EndpointSecurity
from tests.components.aws.engine import PLACE, Engine, run

CONFIGURATION = "aws:iot/domainConfiguration:DomainConfiguration"
DOMAIN: CustomDomainArgs = {
    "name": "iot.example.com",
    "certificate_arn": "arn:aws:acm:eu-west-1:111122223333:certificate/a1",
}


def declared(
    minimum_tls: str, domain: CustomDomainArgs | None, made: list[EndpointSecurity] | None = None
) -> Engine:
    kept: list[EndpointSecurity] = [] if made is None else made
    return run(
        lambda: kept.append(
            EndpointSecurity(
                "coldchain-endpoint",
                {"place": PLACE, "minimum_tls": minimum_tls, "domain": domain, "tags": {}},
            )
        )
    )


@pytest.mark.parametrize(
    ("minimum_tls", "policy"),
    [("1.2", "IoTSecurityPolicy_TLS13_1_2_2022_10"), ("1.3", "IoTSecurityPolicy_TLS13_1_3_2022_10")],
)
def test_a_domain_of_ones_own_has_the_policy(minimum_tls: str, policy: str) -> None:
    inputs = declared(minimum_tls, DOMAIN).one(CONFIGURATION).inputs
    assert inputs["tlsConfig"] == {"securityPolicy": policy}
    assert inputs["domainName"] == "iot.example.com"
    assert inputs["serverCertificateArns"] == [DOMAIN["certificate_arn"]]
    assert (inputs["serviceType"], inputs["name"]) == ("DATA", "coldchain-prod")


def test_tls_13_without_a_domain_has_an_address_that_aws_gives() -> None:
    made: list[EndpointSecurity] = []
    inputs = declared("1.3", None, made).one(CONFIGURATION).inputs
    assert "domainName" not in inputs
    assert "serverCertificateArns" not in inputs
    assert made[0].host is not None


def test_the_accounts_own_endpoint_is_never_touched() -> None:
    made: list[EndpointSecurity] = []
    assert [each.token for each in declared("1.2", None, made).resources] == ["muster:aws:EndpointSecurity"]
    assert made[0].host is None
