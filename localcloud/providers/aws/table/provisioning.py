"""How devices enrol and sign in: provisioning templates, role aliases, domain configurations, authorizers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.aws.table.things import TAGS
from localcloud.providers.boto.calls import Plain, Wish
from localcloud.providers.boto.codecs import document
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.shapes import Scalar

_STATUS = Scalar("string", pattern=r"^(ENABLED|DISABLED)$", rule="ENABLED or DISABLED")


@dataclass(frozen=True)
class Templates(Plain):
    """Provisioning templates: a new body is a new version. Old ones are not pruned, as published."""

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """What stands beside the body, then the body."""
        super().update(to, identity, wish, live)
        if wish["templateBody"] != live.get("templateBody"):
            to.ask(
                "create_provisioning_template_version",
                templateName=identity,
                templateBody=wish["templateBody"],
                setAsDefault=True,
            )


@dataclass(frozen=True)
class Domains(Plain):
    """Domain configurations: a status of their own, and certificates told as summaries."""

    def complete(self, to: Context, identity: str, wish: Wish) -> None:
        """A new one is enabled; one that is declared otherwise is changed."""
        if wish.get("domainConfigurationStatus") == "DISABLED":
            to.ask(self.changer, domainConfigurationName=identity, domainConfigurationStatus="DISABLED")

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """With the certificates' addresses alone."""
        found = super().read(to, identity, inputs)
        if found is None:
            return None
        addresses = [it["serverCertificateArn"] for it in found.get("serverCertificates") or ()]
        return {**found, "serverCertificateArns": addresses}


KINDS = (
    Kind(
        "aws:iot/provisioningTemplate:ProvisioningTemplate",
        "iot",
        "create_provisioning_template",
        {
            "name": own("templateName"),
            "description": Property("description", cleared={"description": ""}),
            "enabled": Property("enabled", default=False),
            "preProvisioningHook": Property(
                "preProvisioningHook", cleared={"removePreProvisioningHook": True}
            ),
            "provisioningRoleArn": Property("provisioningRoleArn", required=True),
            "templateBody": Property("templateBody", how=document, required=True),
            "type": Property("type", fixed=True, computed=True),
            "tags": TAGS,
        },
        {"arn": "templateArn", "defaultVersionId": "defaultVersionId"},
        Templates(
            "templateName",
            "create_provisioning_template",
            "describe_provisioning_template",
            "update_provisioning_template",
            "delete_provisioning_template",
        ),
        tagging=Tagging("templateArn"),
    ),
    Kind(
        "aws:iot/roleAlias:RoleAlias",
        "iot",
        "create_role_alias",
        {
            "alias": own("roleAlias"),
            "roleArn": Property("roleArn", required=True),
            "credentialDuration": Property("credentialDurationSeconds", default=3600),
            "tags": TAGS,
        },
        {"arn": "roleAliasArn"},
        Plain(
            "roleAlias",
            "create_role_alias",
            "describe_role_alias",
            "update_role_alias",
            "delete_role_alias",
            inside="roleAliasDescription",
        ),
        name="",
        tagging=Tagging("roleAliasArn"),
    ),
    Kind(
        "aws:iot/domainConfiguration:DomainConfiguration",
        "iot",
        "create_domain_configuration",
        {
            "name": own("domainConfigurationName"),
            "applicationProtocol": Property("applicationProtocol", computed=True),
            "authenticationType": Property("authenticationType", computed=True),
            "authorizerConfig": Property("authorizerConfig", cleared={"removeAuthorizerConfig": True}),
            "domainName": Property("domainName", fixed=True, computed=True),
            "serverCertificateArns": Property("serverCertificateArns", fixed=True),
            "serviceType": Property("serviceType", fixed=True, default="DATA"),
            "status": Property("domainConfigurationStatus", shape=_STATUS, default="ENABLED"),
            "tlsConfig": Property("tlsConfig", computed=True),
            "validationCertificateArn": Property("validationCertificateArn", seen="-", fixed=True),
            "tags": TAGS,
        },
        {"arn": "domainConfigurationArn", "domainType": "domainType"},
        Domains(
            "domainConfigurationName",
            "create_domain_configuration",
            "describe_domain_configuration",
            "update_domain_configuration",
            "delete_domain_configuration",
            first=(("domainConfigurationStatus", "DISABLED"),),
        ),
        tagging=Tagging("domainConfigurationArn"),
        late=frozenset({"status"}),
        sets=frozenset({"serverCertificateArns"}),
    ),
    Kind(
        "aws:iot/authorizer:Authorizer",
        "iot",
        "create_authorizer",
        {
            "name": own("authorizerName"),
            "authorizerFunctionArn": Property("authorizerFunctionArn", required=True),
            "enableCachingForHttp": Property("enableCachingForHttp", default=False),
            "signingDisabled": Property("signingDisabled", fixed=True, default=False),
            "status": Property("status", default="ACTIVE"),
            "tokenKeyName": Property("tokenKeyName"),
            "tokenSigningPublicKeys": Property("tokenSigningPublicKeys", secret=True),
            "tags": TAGS,
        },
        {"arn": "authorizerArn"},
        Plain(
            "authorizerName",
            "create_authorizer",
            "describe_authorizer",
            "update_authorizer",
            "delete_authorizer",
            inside="authorizerDescription",
            first=(("status", "INACTIVE"),),
        ),
        tagging=Tagging("authorizerArn"),
    ),
)
