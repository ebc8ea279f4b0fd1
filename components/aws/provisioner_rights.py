"""What somebody must be allowed to do who provisions a fleet: statements of policies.

Actions and the resources that they know: "Actions, resources, and condition keys for AWS IoT" and the same
for the other services (Service Authorization Reference). Everything is bound to names that begin with the
fleet's, but for what AWS names itself (ids of certificates are their digests) or what devices are called
(a thing is called as its registration id), and for actions that know no resource: those stand alone. A name
is all that AWS tells fleets of one account apart by: `cold` may change what is called `cold-storage-…`, so
fleets that must not reach each other have other accounts, or names none of which begins another. A role alias
that is named by hand is within reach only if its name begins so.

No right to make or change a role is among them: whoever can do that gives himself whatever he likes, this
role's own limits included. Roles are an administrator's business: he runs the first `up`, and any later one
whose preview shows a role. What is here may read roles, and hand those of the fleet to AWS IoT and Lambda.
"""

from collections.abc import Sequence
from typing import Final

import pulumi

from components.aws.account_wide import FOLDER, MARK
from components.aws.certificate_provider import resource
from components.aws.place import Place
from components.aws.service_role import CREDENTIALS, IOT, Statement, allow

_TAGS: Final = ("iot:ListTagsForResource", "iot:TagResource", "iot:UntagResource")
_REGISTRY: Final = (
    "iot:AddThingToBillingGroup",
    "iot:AddThingToThingGroup",
    "iot:AttachPolicy",
    "iot:CreateBillingGroup",
    "iot:CreateDynamicThingGroup",
    "iot:CreateThing",
    "iot:CreateThingGroup",
    "iot:CreateThingType",
    "iot:DeleteBillingGroup",
    "iot:DeleteCACertificate",
    "iot:DeleteCertificate",
    "iot:DeleteDynamicThingGroup",
    "iot:DeleteThing",
    "iot:DeleteThingGroup",
    "iot:DeleteThingShadow",
    "iot:DeleteThingType",
    "iot:DeprecateThingType",
    "iot:DescribeBillingGroup",
    "iot:DescribeCACertificate",
    "iot:DescribeCertificate",
    "iot:DescribeThing",
    "iot:DescribeThingGroup",
    "iot:DescribeThingType",
    "iot:DetachPolicy",
    "iot:GetThingShadow",
    "iot:ListAttachedPolicies",
    "iot:ListThingGroupsForThing",
    "iot:ListThingPrincipals",
    "iot:RemoveThingFromBillingGroup",
    "iot:RemoveThingFromThingGroup",
    "iot:UpdateBillingGroup",
    "iot:UpdateCACertificate",
    "iot:UpdateCertificate",
    "iot:UpdateDynamicThingGroup",
    "iot:UpdateThing",
    "iot:UpdateThingGroup",
    "iot:UpdateThingShadow",
)
_CONFIGURED: Final = (
    "iot:CreateDomainConfiguration",
    "iot:CreatePolicy",
    "iot:CreatePolicyVersion",
    "iot:CreateProvisioningTemplate",
    "iot:CreateProvisioningTemplateVersion",
    "iot:CreateRoleAlias",
    "iot:CreateTopicRule",
    "iot:DeleteDomainConfiguration",
    "iot:DeletePolicy",
    "iot:DeletePolicyVersion",
    "iot:DeleteProvisioningTemplate",
    "iot:DeleteProvisioningTemplateVersion",
    "iot:DeleteRoleAlias",
    "iot:DeleteTopicRule",
    "iot:DescribeDomainConfiguration",
    "iot:DescribeProvisioningTemplate",
    "iot:DescribeProvisioningTemplateVersion",
    "iot:DescribeRoleAlias",
    "iot:GetPolicy",
    "iot:GetPolicyVersion",
    "iot:GetTopicRule",
    "iot:ListPolicyVersions",
    "iot:ListProvisioningTemplateVersions",
    "iot:ListTargetsForPolicy",
    "iot:ReplaceTopicRule",
    "iot:SetDefaultPolicyVersion",
    "iot:UpdateDomainConfiguration",
    "iot:UpdateProvisioningTemplate",
    "iot:UpdateRoleAlias",
)
_DEFENDER: Final = (
    "iot:AttachSecurityProfile",
    "iot:CreateCustomMetric",
    "iot:CreateMitigationAction",
    "iot:CreateScheduledAudit",
    "iot:CreateSecurityProfile",
    "iot:DeleteCustomMetric",
    "iot:DeleteMitigationAction",
    "iot:DeleteScheduledAudit",
    "iot:DeleteSecurityProfile",
    "iot:DescribeCustomMetric",
    "iot:DescribeMitigationAction",
    "iot:DescribeScheduledAudit",
    "iot:DescribeSecurityProfile",
    "iot:DetachSecurityProfile",
    "iot:ListTargetsForSecurityProfile",
    "iot:UpdateCustomMetric",
    "iot:UpdateMitigationAction",
    "iot:UpdateScheduledAudit",
    "iot:UpdateSecurityProfile",
)
_NO_RESOURCE: Final = (
    "iot:AttachThingPrincipal",
    "iot:DescribeEndpoint",
    "iot:DetachThingPrincipal",
    "iot:GetIndexingConfiguration",
    "iot:GetRegistrationCode",
    "iot:GetV2LoggingOptions",
    "iot:ListPrincipalThings",
    "iot:ListThings",
    "iot:RegisterCACertificate",
    "iot:RegisterCertificate",
    "iot:RegisterCertificateWithoutCA",
    "iot:DescribeEventConfigurations",
    "logs:DescribeLogGroups",
    "sns:GetSubscriptionAttributes",
    "sns:Unsubscribe",
)
_ACCOUNT: Final = (
    "iot:DeleteAccountAuditConfiguration",
    "iot:DescribeAccountAuditConfiguration",
    "iot:SetV2LoggingOptions",
    "iot:UpdateAccountAuditConfiguration",
    "iot:UpdateEventConfigurations",
    "iot:UpdateIndexingConfiguration",
)
_PROVIDER: Final = (
    "iot:CreateCertificateProvider",
    "iot:DeleteCertificateProvider",
    "iot:DescribeCertificateProvider",
    "iot:UpdateCertificateProvider",
)
_SIGNER: Final = ("lambda:AddPermission", "lambda:GetPolicy", "lambda:RemovePermission")
"""On a function that is nobody's of ours: who may call it, and no more."""
_CLOUD_CONTROL: Final = (
    "cloudformation:CancelResourceRequest",
    "cloudformation:CreateResource",
    "cloudformation:DeleteResource",
    "cloudformation:GetResource",
    "cloudformation:GetResourceRequestStatus",
    "cloudformation:UpdateResource",
)
"""What pulumi_aws_native works by; behind each call stands the service's own action, which must be allowed as
well. Cloud Control knows no resources."""
_ROLES_READ: Final = (
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:ListRoleTags",
)
_OTHERS: Final = {
    "lambda": (
        "lambda:AddPermission",
        "lambda:CreateFunction",
        "lambda:DeleteFunction",
        "lambda:DeleteFunctionEventInvokeConfig",
        "lambda:GetFunction",
        "lambda:GetFunctionCodeSigningConfig",
        "lambda:GetFunctionConfiguration",
        "lambda:GetFunctionEventInvokeConfig",
        "lambda:GetPolicy",
        "lambda:ListTags",
        "lambda:ListVersionsByFunction",
        "lambda:PutFunctionEventInvokeConfig",
        "lambda:RemovePermission",
        "lambda:TagResource",
        "lambda:UntagResource",
        "lambda:UpdateFunctionCode",
        "lambda:UpdateFunctionConfiguration",
        "lambda:UpdateFunctionEventInvokeConfig",
    ),
    "logs": (
        "logs:CreateLogGroup",
        "logs:DeleteLogGroup",
        "logs:DeleteRetentionPolicy",
        "logs:ListTagsForResource",
        "logs:PutRetentionPolicy",
        "logs:TagResource",
        "logs:UntagResource",
    ),
    "dynamodb": (
        "dynamodb:CreateTable",
        "dynamodb:DeleteTable",
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeTable",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:ListTagsOfResource",
        "dynamodb:TagResource",
        "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateTimeToLive",
    ),
    "sqs": (
        "sqs:CreateQueue",
        "sqs:DeleteQueue",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ListQueueTags",
        "sqs:SetQueueAttributes",
        "sqs:TagQueue",
        "sqs:UntagQueue",
    ),
    "sns": (
        "sns:CreateTopic",
        "sns:DeleteTopic",
        "sns:GetTopicAttributes",
        "sns:ListTagsForResource",
        "sns:SetTopicAttributes",
        "sns:Subscribe",
        "sns:TagResource",
        "sns:UntagResource",
    ),
    "kinesis": (
        "kinesis:AddTagsToStream",
        "kinesis:CreateStream",
        "kinesis:DecreaseStreamRetentionPeriod",
        "kinesis:DeleteStream",
        "kinesis:DescribeStreamSummary",
        "kinesis:IncreaseStreamRetentionPeriod",
        "kinesis:ListTagsForStream",
        "kinesis:RemoveTagsFromStream",
        "kinesis:StartStreamEncryption",
        "kinesis:UpdateShardCount",
    ),
    "cloudwatch": (
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:ListTagsForResource",
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:TagResource",
        "cloudwatch:UntagResource",
    ),
}
_RESOURCES: Final = {
    "lambda": "function:{}-*",
    "logs": "log-group:/aws/lambda/{}-*",
    "dynamodb": "table/{}-*",
    "sqs": "{}-*",
    "sns": "{}-*",
    "kinesis": "stream/{}-*",
    "cloudwatch": "alarm:{}-*",
}


def rights(
    place: Place, *, account_wide: bool, signer: pulumi.Input[str] | None
) -> dict[str, Sequence[Statement]]:
    """The statements, by the name of the policy that they stand in."""
    return {
        "registry": _registry(place),
        "iot": _iot(place),
        "around": _around(place),
        **({"account": _account(place)} if account_wide else {}),
        **({"signer": _signer(place, signer)} if signer is not None else {}),
    }


def only_from(sources: Sequence[str]) -> Statement:
    """Nothing at all from elsewhere, except what AWS' services do on the caller's behalf: such calls have the
    services' addresses ("AWS: Denies access to AWS based on the source IP", IAM user guide)."""
    return {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {
            "NotIpAddress": {"aws:SourceIp": list(sources)},
            "Bool": {"aws:ViaAWSService": "false"},
        },
    }


def _registry(place: Place) -> list[Statement]:
    fleet = place.fleet
    kinds = ("billinggroup", "dynamicthinggroup", "thinggroup", "thingtype")
    named = [f"{kind}/{fleet}{rest}" for kind in kinds for rest in ("", "-*")]
    resources = [place.arn("iot", each) for each in (*named, "thing/*", "cert/*", "cacert/*")]
    return [allow([*_REGISTRY, *_TAGS], resources), allow(_NO_RESOURCE, "*")]


def _iot(place: Place) -> list[Statement]:
    fleet = place.fleet
    configured = (
        f"policy/{fleet}-*",
        f"policy/{fleet}.*",
        f"provisioningtemplate/{fleet}-*",
        f"rolealias/{fleet}-*",
        f"rule/{place.rules()}_*",
        f"domainconfiguration/{place.name()}/*",
        f"domainconfiguration/{place.name()}",
    )
    kinds = ("custommetric", "mitigationaction", "scheduledaudit", "securityprofile")
    defender = [*(f"{kind}/{place.name()}-*" for kind in kinds), f"thinggroup/{fleet}-*"]
    return [
        allow([*_CONFIGURED, *_TAGS], [place.arn("iot", each) for each in configured]),
        allow([*_DEFENDER, *_TAGS], [place.arn("iot", each) for each in defender]),
        allow(_CLOUD_CONTROL, "*"),
    ]


def _around(place: Place) -> list[Statement]:
    roles = place.iam(f"role/{place.name()}-*")
    passed = {"iam:PassedToService": [IOT, CREDENTIALS, "lambda.amazonaws.com"]}
    return [
        allow(_ROLES_READ, roles),
        allow(["iam:PassRole"], roles, StringEquals=passed),
        *(
            allow(actions, place.arn(service, _RESOURCES[service].format(place.name())))
            for service, actions in _OTHERS.items()
        ),
        # AWS names the folder in some places, and what is in it in others; both are only this.
        allow(
            ["ssm:GetParametersByPath"],
            [place.arn("ssm", f"parameter{FOLDER}"), place.arn("ssm", f"parameter{FOLDER}/*")],
        ),
    ]


def _account(place: Place) -> list[Statement]:
    mark = ("ssm:AddTagsToResource", "ssm:DeleteParameter", "ssm:GetParameter", "ssm:GetParameters")
    actions = [*mark, "ssm:ListTagsForResource", "ssm:PutParameter", "ssm:RemoveTagsFromResource"]
    return [
        allow(_ACCOUNT, "*"),
        allow(actions, place.arn("ssm", f"parameter{MARK}")),
        allow(["ssm:DescribeParameters"], "*"),
    ]


def _signer(place: Place, signer: pulumi.Input[str]) -> list[Statement]:
    return [
        allow([*_PROVIDER, *_TAGS], place.arn("iot", resource(place))),
        allow(_SIGNER, signer),
    ]
