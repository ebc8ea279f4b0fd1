"""What an account has once, and what devices sign in with, through boto3."""

from typing import Any

import pytest

from localcloud.aws.cloud import Aws
from localcloud.clock import Clock
from tests.localcloud.aws.control.refusals import ROLE, code_of, words_of

Client = Any
CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/0a1b"


def test_a_role_alias_comes_changes_and_goes(iot: Client, aws: Aws) -> None:
    made = iot.create_role_alias(roleAlias="devices", roleArn=ROLE, tags=[{"Key": "a", "Value": "b"}])
    assert made["roleAliasArn"] == "arn:aws:iot:eu-west-1:111122223333:rolealias/devices"
    iot.update_role_alias(roleAlias="devices", credentialDurationSeconds=900)
    shown = iot.describe_role_alias(roleAlias="devices")["roleAliasDescription"]
    assert (shown["credentialDurationSeconds"], shown["owner"]) == (900, "111122223333")
    found = aws.world.role_aliases.find("devices")
    assert found is not None
    assert found["roleArn"] == ROLE
    iot.delete_role_alias(roleAlias="devices")
    assert code_of(iot.describe_role_alias, roleAlias="devices") == "ResourceNotFoundException"
    assert code_of(iot.list_tags_for_resource, resourceArn=made["roleAliasArn"]) == (
        "ResourceNotFoundException"
    )


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"credentialDurationSeconds": 899}, "greater than or equal to 900"),
        ({"credentialDurationSeconds": 43201}, "less than or equal to 43200"),
        ({"roleArn": "arn:aws:iam::111122223333:policy/x"}, "not the ARN of a role"),
        ({"roleAlias": "a b"}, "regular expression"),
    ],
)
def test_a_role_alias_with_a_fault_is_refused(iot: Client, params: dict[str, Any], words: str) -> None:
    refused = words_of(iot.create_role_alias, **{"roleAlias": "devices", "roleArn": ROLE, **params})
    assert words in refused


def test_role_aliases_are_listed_page_by_page(iot: Client) -> None:
    names = [f"alias-{it}" for it in range(5)]
    for name in names:
        iot.create_role_alias(roleAlias=name, roleArn=ROLE)
    found: list[str] = []
    marker: dict[str, str] = {}
    while True:
        page = iot.list_role_aliases(pageSize=2, ascendingOrder=True, **marker)
        found += page["roleAliases"]
        if "nextMarker" not in page:
            break
        marker = {"marker": page["nextMarker"]}
    assert found == names


def test_endpoints_have_their_hosts(iot: Client) -> None:
    hosts = {
        kind: iot.describe_endpoint(endpointType=kind)["endpointAddress"]
        for kind in ("iot:Data-ATS", "iot:CredentialProvider", "iot:Jobs")
    }
    prefix = hosts["iot:Data-ATS"].partition("-ats")[0]
    assert hosts == {
        "iot:Data-ATS": f"{prefix}-ats.iot.eu-west-1.amazonaws.com",
        "iot:CredentialProvider": f"{prefix}.credentials.iot.eu-west-1.amazonaws.com",
        "iot:Jobs": f"{prefix}.jobs.iot.eu-west-1.amazonaws.com",
    }
    assert "none of iot:Data" in words_of(iot.describe_endpoint)


def test_the_account_s_own_endpoint_takes_a_tls_policy(iot: Client, aws: Aws) -> None:
    policy = {"securityPolicy": "IoTSecurityPolicy_TLS13_1_3_2022_10"}
    iot.update_domain_configuration(domainConfigurationName="iot:Data-ATS", tlsConfig=policy)
    shown = iot.describe_domain_configuration(domainConfigurationName="iot:Data-ATS")
    host = iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    assert (shown["tlsConfig"], shown["domainType"], shown["domainName"]) == (policy, "ENDPOINT", host)
    assert aws.world.domains.hosts() == {host: "1.3"}
    assert "must be one of" in words_of(
        iot.update_domain_configuration,
        domainConfigurationName="iot:Data-ATS",
        tlsConfig={"securityPolicy": "TLS12"},
    )
    listed = iot.list_domain_configurations()["domainConfigurations"]
    assert {it["domainConfigurationName"] for it in listed} == {
        "iot:Data-ATS",
        "iot:CredentialProvider",
        "iot:Jobs",
    }


def test_a_domain_of_one_s_own(iot: Client) -> None:
    assert "given together" in words_of(
        iot.create_domain_configuration, domainConfigurationName="own", domainName="iot.example.com"
    )
    made = iot.create_domain_configuration(
        domainConfigurationName="own",
        domainName="iot.example.com",
        serverCertificateArns=[CERTIFICATE],
        tlsConfig={"securityPolicy": "IoTSecurityPolicy_TLS12_1_2_2022_10"},
    )
    assert made["domainConfigurationArn"].startswith(
        "arn:aws:iot:eu-west-1:111122223333:domainconfiguration/own/"
    )
    shown = iot.describe_domain_configuration(domainConfigurationName="own")
    assert (shown["domainType"], shown["serverCertificates"][0]["serverCertificateStatus"]) == (
        "CUSTOMER_MANAGED",
        "VALID",
    )
    assert "DISABLED" in words_of(iot.delete_domain_configuration, domainConfigurationName="own")
    iot.update_domain_configuration(domainConfigurationName="own", domainConfigurationStatus="DISABLED")
    iot.delete_domain_configuration(domainConfigurationName="own")
    assert code_of(iot.describe_domain_configuration, domainConfigurationName="own") == (
        "ResourceNotFoundException"
    )


def test_a_domain_of_aws_is_a_host_for_devices(iot: Client, aws: Aws) -> None:
    own = aws.place.endpoint("-ats")
    policy = {"securityPolicy": "IoTSecurityPolicy_TLS13_1_3_2022_10"}
    iot.create_domain_configuration(domainConfigurationName="more", tlsConfig=policy)
    host = iot.describe_domain_configuration(domainConfigurationName="more")["domainName"]
    assert host.endswith("-ats.iot.eu-west-1.amazonaws.com")
    assert aws.world.domains.hosts() == {own: "1.2", host: "1.3"}
    iot.update_domain_configuration(domainConfigurationName="more", domainConfigurationStatus="DISABLED")
    assert aws.world.domains.hosts() == {own: "1.2"}


def test_a_domain_of_aws_waits_seven_days_before_it_goes(iot: Client, clock: Clock) -> None:
    iot.create_domain_configuration(domainConfigurationName="more")
    iot.update_domain_configuration(domainConfigurationName="more", domainConfigurationStatus="DISABLED")
    assert "7 days" in words_of(iot.delete_domain_configuration, domainConfigurationName="more")
    clock.advance(7 * 86400 + 1)
    iot.delete_domain_configuration(domainConfigurationName="more")


def test_tags_follow_a_domain_s_arn(iot: Client) -> None:
    made = iot.create_domain_configuration(domainConfigurationName="more", tags=[{"Key": "a", "Value": "b"}])
    found = iot.list_tags_for_resource(resourceArn=made["domainConfigurationArn"])["tags"]
    assert found == [{"Key": "a", "Value": "b"}]


def test_authorizers(iot: Client) -> None:
    function = "arn:aws:lambda:eu-west-1:111122223333:function:let-in"
    assert "unless signingDisabled" in words_of(
        iot.create_authorizer, authorizerName="own", authorizerFunctionArn=function
    )
    iot.create_authorizer(
        authorizerName="own", authorizerFunctionArn=function, signingDisabled=True, status="ACTIVE"
    )
    iot.set_default_authorizer(authorizerName="own")
    shown = iot.describe_default_authorizer()["authorizerDescription"]
    assert (shown["authorizerName"], shown["signingDisabled"]) == ("own", True)
    assert code_of(iot.set_default_authorizer, authorizerName="own") == "ResourceAlreadyExistsException"
    assert code_of(iot.delete_authorizer, authorizerName="own") == "DeleteConflictException"
    iot.clear_default_authorizer()
    iot.update_authorizer(authorizerName="own", status="INACTIVE")
    iot.delete_authorizer(authorizerName="own")
    assert iot.list_authorizers()["authorizers"] == []


def test_one_certificate_provider_an_account(iot: Client) -> None:
    function = "arn:aws:lambda:eu-west-1:111122223333:function:sign"
    given = {"lambdaFunctionArn": function, "accountDefaultForOperations": ["CreateCertificateFromCsr"]}
    iot.create_certificate_provider(certificateProviderName="one", **given)
    assert code_of(iot.create_certificate_provider, certificateProviderName="two", **given) == (
        "LimitExceededException"
    )
    iot.update_certificate_provider(certificateProviderName="one", lambdaFunctionArn=f"{function}-2")
    shown = iot.describe_certificate_provider(certificateProviderName="one")
    assert shown["lambdaFunctionArn"] == f"{function}-2"
    listed = iot.list_certificate_providers()["certificateProviders"]
    assert [it["certificateProviderArn"] for it in listed] == [shown["certificateProviderArn"]]
    iot.delete_certificate_provider(certificateProviderName="one")
    assert iot.list_certificate_providers()["certificateProviders"] == []


def test_events_are_off_until_they_are_on(iot: Client, aws: Aws) -> None:
    found = iot.describe_event_configurations()["eventConfigurations"]
    assert len(found) == 11
    assert not any(it["Enabled"] for it in found.values())
    iot.update_event_configurations(eventConfigurations={"THING": {"Enabled": True}})
    iot.update_event_configurations(eventConfigurations={"JOB": {"Enabled": True}})
    found = iot.describe_event_configurations()["eventConfigurations"]
    assert {name for name, it in found.items() if it["Enabled"]} == {"THING", "JOB"}
    assert aws.world.events.is_on("JOB")
    assert code_of(iot.update_event_configurations, eventConfigurations={"TEA": {"Enabled": True}}) == (
        "InvalidRequestException"
    )


def test_indexing_keeps_what_goes_together(iot: Client, aws: Aws) -> None:
    assert not aws.world.indexing.indexes_things
    things = {"thingIndexingMode": "REGISTRY", "thingConnectivityIndexingMode": "STATUS"}
    iot.update_indexing_configuration(thingIndexingConfiguration=things)
    iot.update_indexing_configuration(thingGroupIndexingConfiguration={"thingGroupIndexingMode": "ON"})
    shown = iot.get_indexing_configuration()
    assert shown["thingIndexingConfiguration"]["thingConnectivityIndexingMode"] == "STATUS"
    assert (aws.world.indexing.indexes_things, aws.world.indexing.indexes_groups) == (True, True)
    off = {"thingIndexingMode": "OFF", "thingConnectivityIndexingMode": "STATUS"}
    assert "not OFF" in words_of(iot.update_indexing_configuration, thingIndexingConfiguration=off)
    named = {"thingIndexingMode": "REGISTRY", "filter": {"namedShadowNames": ["a"]}}
    assert "namedShadowIndexingMode" in words_of(
        iot.update_indexing_configuration, thingIndexingConfiguration=named
    )
    many = {"thingIndexingMode": "REGISTRY", "customFields": [{"name": "x", "type": "String"}] * 6}
    assert "5 fields at most" in words_of(iot.update_indexing_configuration, thingIndexingConfiguration=many)


def test_logging_is_not_configured_until_it_is(iot: Client, aws: Aws) -> None:
    assert code_of(iot.get_v2_logging_options) == "NotConfiguredException"
    target = {"targetType": "THING_GROUP", "targetName": "plant"}
    assert code_of(iot.set_v2_logging_level, logTarget=target, logLevel="DEBUG") == "NotConfiguredException"
    assert "roleArn is required" in words_of(iot.set_v2_logging_options, defaultLogLevel="INFO")
    iot.set_v2_logging_options(roleArn=ROLE, defaultLogLevel="INFO")
    assert iot.get_v2_logging_options() | {"ResponseMetadata": None} == {
        "roleArn": ROLE,
        "defaultLogLevel": "INFO",
        "disableAllLogs": False,
        "ResponseMetadata": None,
    }
    assert aws.world.logging.is_on()
    iot.set_v2_logging_level(logTarget=target, logLevel="DEBUG")
    assert iot.list_v2_logging_levels()["logTargetConfigurations"] == [
        {"logTarget": target, "logLevel": "DEBUG"}
    ]
    iot.delete_v2_logging_level(**target)
    assert iot.list_v2_logging_levels()["logTargetConfigurations"] == []
    iot.set_v2_logging_options(disableAllLogs=True)
    assert not aws.world.logging.is_on()


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("create_package", {"packageName": "firmware"}),
        ("create_command", {"commandId": "reboot"}),
        ("list_managed_job_templates", {}),
        ("start_detect_mitigation_actions_task", None),
    ],
)
def test_what_is_not_served_says_so_by_name(
    iot: Client, operation: str, params: dict[str, Any] | None
) -> None:
    given = params
    if given is None:
        given = {
            "taskId": "t",
            "target": {"violationIds": ["a"]},
            "actions": ["a"],
            "clientRequestToken": "t",
        }
    refused = words_of(getattr(iot, operation), **given)
    assert refused.startswith("The local cloud does not serve iot:")
