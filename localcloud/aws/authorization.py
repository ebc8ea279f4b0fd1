"""What IAM lets a caller do with AWS IoT: the policies of its user or role, and of its session.

Resources are those of the service authorization reference ("Actions, resources, and condition keys for AWS
IoT"), as far as known here; an action that is not in the table is allowed only by a policy with `*`.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from localcloud.aws import policy
from localcloud.aws.api import ApiError, Caller
from localcloud.aws.place import Place

Documents = list[Mapping[str, Any]]
_PREFIXES = {"iot": "iot", "iot-data": "iot", "iot-jobs-data": "iotjobsdata", "iotsecuretunneling": "iot"}
_BY_NAME = {
    "thing/{thingName}": (
        "CreateThing DescribeThing UpdateThing DeleteThing ListThingPrincipals ListThingPrincipalsV2 "
        "ListThingGroupsForThing AddThingToThingGroup RemoveThingFromThingGroup UpdateThingGroupsForThing "
        "AddThingToBillingGroup RemoveThingFromBillingGroup GetThingShadow UpdateThingShadow "
        "DeleteThingShadow ListNamedShadowsForThing DescribeJobExecution CancelJobExecution "
        "DeleteJobExecution GetPendingJobExecutions StartNextPendingJobExecution UpdateJobExecution "
        "ListJobExecutionsForThing GetThingConnectivityData"
    ),
    "thingtype/{thingTypeName}": (
        "CreateThingType DescribeThingType UpdateThingType DeprecateThingType DeleteThingType"
    ),
    "thinggroup/{thingGroupName}": (
        "CreateThingGroup DescribeThingGroup UpdateThingGroup DeleteThingGroup AddThingToThingGroup "
        "RemoveThingFromThingGroup ListThingsInThingGroup"
    ),
    "dynamicthinggroup/{thingGroupName}": (
        "CreateDynamicThingGroup UpdateDynamicThingGroup DeleteDynamicThingGroup"
    ),
    "billinggroup/{billingGroupName}": (
        "CreateBillingGroup DescribeBillingGroup UpdateBillingGroup DeleteBillingGroup "
        "AddThingToBillingGroup RemoveThingFromBillingGroup ListThingsInBillingGroup"
    ),
    "cert/{certificateId}": "DescribeCertificate UpdateCertificate DeleteCertificate",
    "cacert/{certificateId}": "DescribeCACertificate UpdateCACertificate DeleteCACertificate",
    "policy/{policyName}": (
        "CreatePolicy GetPolicy DeletePolicy CreatePolicyVersion GetPolicyVersion ListPolicyVersions "
        "SetDefaultPolicyVersion DeletePolicyVersion ListTargetsForPolicy"
    ),
    "provisioningtemplate/{templateName}": (
        "CreateProvisioningTemplate DescribeProvisioningTemplate UpdateProvisioningTemplate "
        "DeleteProvisioningTemplate CreateProvisioningTemplateVersion DescribeProvisioningTemplateVersion "
        "ListProvisioningTemplateVersions DeleteProvisioningTemplateVersion CreateProvisioningClaim"
    ),
    "rolealias/{roleAlias}": "CreateRoleAlias DescribeRoleAlias UpdateRoleAlias DeleteRoleAlias",
    "rule/{ruleName}": (
        "CreateTopicRule GetTopicRule ReplaceTopicRule EnableTopicRule DisableTopicRule DeleteTopicRule"
    ),
    "job/{jobId}": (
        "CreateJob DescribeJob GetJobDocument UpdateJob CancelJob DeleteJob ListJobExecutionsForJob "
        "AssociateTargetsWithJob DescribeJobExecution CancelJobExecution DeleteJobExecution"
    ),
    "jobtemplate/{jobTemplateId}": "CreateJobTemplate DescribeJobTemplate DeleteJobTemplate",
    "authorizer/{authorizerName}": ("CreateAuthorizer DescribeAuthorizer UpdateAuthorizer DeleteAuthorizer"),
    "domainconfiguration/{domainConfigurationName}/*": (
        "CreateDomainConfiguration DescribeDomainConfiguration UpdateDomainConfiguration "
        "DeleteDomainConfiguration"
    ),
    "securityprofile/{securityProfileName}": (
        "CreateSecurityProfile DescribeSecurityProfile UpdateSecurityProfile DeleteSecurityProfile "
        "AttachSecurityProfile DetachSecurityProfile ListTargetsForSecurityProfile"
    ),
    "scheduledaudit/{scheduledAuditName}": (
        "CreateScheduledAudit DescribeScheduledAudit UpdateScheduledAudit DeleteScheduledAudit"
    ),
    "mitigationaction/{actionName}": (
        "CreateMitigationAction DescribeMitigationAction UpdateMitigationAction DeleteMitigationAction"
    ),
    "topic/{topic}": "Publish",
    "stream/{streamId}": "CreateStream DescribeStream UpdateStream DeleteStream",
    "otaupdate/{otaUpdateId}": "CreateOTAUpdate GetOTAUpdate DeleteOTAUpdate",
    "index/{indexName}": (
        "SearchIndex DescribeIndex GetStatistics GetCardinality GetPercentiles GetBucketsAggregation"
    ),
}
_BY_ARN = {
    "target": "AttachPolicy DetachPolicy ListAttachedPolicies",
    "resourceArn": "TagResource UntagResource ListTagsForResource",
}
_DEFAULTS = {"indexName": "AWS_Things"}
_ACTIONS = {
    "DeletePackage": "DeletePackageVersion",
    "ListPrincipalThingsV2": "ListPrincipalThings",
    "ListThingPrincipalsV2": "ListThingPrincipals",
}
"""Operations whose right is called otherwise ("Requires permission to access the … action", botocore iot
2015-05-28)."""


class Authorization:
    """Decides. Others set `documents_of`: the policies of a user or role, as IAM has them."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.documents_of: Callable[[Caller], Awaitable[Documents]] = _no_documents

    async def check(self, caller: Caller, service: str, operation: str, params: Mapping[str, Any]) -> None:
        """Let the call pass. Raises ApiError AccessDeniedException."""
        action = f"{_PREFIXES.get(service, service)}:{_ACTIONS.get(operation, operation)}"
        held = await self.documents_of(caller)
        context = {
            "aws:SourceIp": caller.source_address,
            "aws:PrincipalArn": caller.arn,
            "aws:CurrentTime": self._place.clock.text(),
            "aws:EpochTime": str(int(self._place.now())),
            "aws:SecureTransport": "true",
            "aws:ViaAWSService": "false",
            "aws:RequestedRegion": self._place.region,
        }
        for resource in self.resources(operation, params):
            request = policy.Request(action, resource, context)
            limits: list[Documents] = [held]
            if caller.session_policy is not None:
                limits.append([caller.session_policy])
            if not all(policy.allows(it, request) for it in limits):
                words = f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource}"
                raise ApiError("AccessDeniedException", words, 403)

    def resources(self, operation: str, params: Mapping[str, Any]) -> list[str]:
        """The ARNs that an action is on; `*` where it has none."""
        given = {**_DEFAULTS, **params}
        found = [
            self._place.arn(template.format_map(given))
            for template, operations in _BY_NAME.items()
            if operation in operations.split() and _parameter(template) in given
        ]
        found += [str(given[name]) for name, operations in _BY_ARN.items() if operation in operations.split()]
        return found or ["*"]


def _parameter(template: str) -> str:
    return template.partition("{")[2].partition("}")[0]


async def _no_documents(_caller: Caller) -> Documents:
    return []
