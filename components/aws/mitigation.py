"""What can be done about an audit's findings: actions in readiness, each with a role for just that."""

from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

import pulumi
from pulumi_aws import iot
from pulumi_aws_native import TagArgs
from pulumi_aws_native import iot as native

from components.aws.place import Place
from components.aws.roles import ReadyRole, ready_role
from components.aws.service_role import IOT, Statement, allow, document

QUARANTINE: Final = "quarantine"
DEACTIVATE: Final = "deactivate"
DEACTIVATE_CA: Final = "deactivate-ca"
OF_DEVICES: Final = frozenset(
    {
        "deviceCertificateExpiring",
        "deviceCertificateKeyQuality",
        "deviceCertificateShared",
        "intermediateCaRevokedForActiveDeviceCertificates",
        "revokedDeviceCertificateStillActive",
    }
)
"""Checks that find device certificates: UPDATE_DEVICE_CERTIFICATE and ADD_THINGS_TO_THING_GROUP apply."""
OF_AUTHORITIES: Final = frozenset(
    {"caCertificateExpiring", "caCertificateKeyQuality", "revokedCaCertificateStillActive"}
)
"""Checks that find CA certificates: UPDATE_CA_CERTIFICATE applies. "Mitigation actions", AWS IoT Device
Defender developer guide; for the other checks it names neither."""
_KEPT_FROM: Final = (
    "iot:Publish",
    "iot:RetainPublish",
    "iot:Subscribe",
    "iot:Receive",
    "iot:GetThingShadow",
    "iot:UpdateThingShadow",
    "iot:DeleteThingShadow",
    "iot:AssumeRoleWithCertificate",
)


class MitigationArgs(TypedDict):
    """Arguments of Mitigation."""

    place: Place
    answers: Mapping[str, str]
    """quarantine or deactivate by check (camel case)."""
    tags: Mapping[str, str]


class Mitigation(pulumi.ComponentResource):
    """Mitigation actions for the findings of audits, as far as they are asked for.

    quarantine      the things join a group of their own, whose policy denies all but to be connected
    deactivate      the device's certificate becomes INACTIVE
    deactivate-ca   the CA's certificate becomes INACTIVE: `deactivate` for a check of CAs

    Raises pulumi.RunError for an answer that AWS has not for a check.
    """

    actions: dict[str, str]
    """The name of an action by check."""

    def __init__(self, name: str, args: MitigationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("muster:aws:Mitigation", name, {}, opts)
        self._opts = pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on if opts else None)
        kinds = {check: kind_of(check, answer) for check, answer in args["answers"].items()}
        for kind in sorted(set(kinds.values())):
            self._action(name, args, kind)
        self.actions = {check: args["place"].name(kind) for check, kind in kinds.items()}
        self.register_outputs({"actions": self.actions})

    def _action(self, name: str, args: MitigationArgs, kind: str) -> None:
        role = self._role(name, args, kind)
        awaited = [role.rights, *(self._quarantine_group(name, args) if kind == QUARANTINE else ())]
        native.MitigationAction(
            f"{name}-{kind}",
            action_name=args["place"].name(kind),
            role_arn=role.arn,
            action_params=_parameters(args, kind),
            tags=[TagArgs(key=key, value=value) for key, value in args["tags"].items()],
            opts=pulumi.ResourceOptions.merge(self._opts, pulumi.ResourceOptions(depends_on=awaited)),
        )

    def _role(self, name: str, args: MitigationArgs, kind: str) -> ReadyRole:
        place = args["place"]
        return ready_role(
            f"{name}-{kind}",
            {
                "place": place,
                "role_name": args["place"].name(kind),
                "service": IOT,
                "source": place.arn("iot", f"mitigationaction/{place.name(kind)}"),
                "description": "AWS IoT Device Defender answers findings of an audit.",
                "tags": args["tags"],
            },
            _rights(args, kind),
            self._opts,
        )

    def _quarantine_group(self, name: str, args: MitigationArgs) -> Sequence[pulumi.Resource]:
        """What must be there before a thing is put into quarantine: the group, and that it denies."""
        called = args["place"].name(QUARANTINE)
        group = iot.ThingGroup(f"{name}-group", name=called, tags=args["tags"], opts=self._opts)
        denied = {"Effect": "Deny", "Action": _KEPT_FROM, "Resource": "*"}  # whatever it is, it is denied
        policy = iot.Policy(
            f"{name}-policy", name=called, policy=document([denied]), tags=args["tags"], opts=self._opts
        )
        attached = iot.PolicyAttachment(
            f"{name}-attached", policy=policy.name, target=group.arn, opts=self._opts
        )
        return group, attached


def kind_of(check: str, answer: str) -> str:
    """Which action answers what a check finds. Raises pulumi.RunError when AWS has none."""
    if check in OF_DEVICES and answer in (QUARANTINE, DEACTIVATE):
        return answer
    if check in OF_AUTHORITIES and answer == DEACTIVATE:
        return DEACTIVATE_CA
    raise pulumi.RunError(
        f"aws.accountWide.audit.mitigate.{check}: AWS has no mitigation action to {answer} what this check "
        f"finds. quarantine and deactivate: {', '.join(sorted(OF_DEVICES))}. deactivate: "
        f"{', '.join(sorted(OF_AUTHORITIES))}"
    )


def _rights(args: MitigationArgs, kind: str) -> Sequence[Statement]:
    """Which certificate or thing a finding will be about nobody knows beforehand: all of the account, then.

    `ListPrincipalThings` is the one action here for which AWS knows no resource ("Actions, resources, and
    condition keys for AWS IoT").
    """
    place = args["place"]
    if kind == DEACTIVATE:
        return [allow(["iot:UpdateCertificate"], place.arn("iot", "cert/*"))]
    if kind == DEACTIVATE_CA:
        return [allow(["iot:UpdateCACertificate"], place.arn("iot", "cacert/*"))]
    group = place.arn("iot", f"thinggroup/{place.name(QUARANTINE)}")
    return [
        allow(["iot:ListPrincipalThings"], "*"),
        allow(["iot:AddThingToThingGroup"], [group, place.arn("iot", "thing/*")]),
    ]


def _parameters(args: MitigationArgs, kind: str) -> native.MitigationActionActionParamsArgs:
    if kind == QUARANTINE:
        into = native.MitigationActionAddThingsToThingGroupParamsArgs(
            thing_group_names=[args["place"].name(QUARANTINE)], override_dynamic_groups=True
        )
        return native.MitigationActionActionParamsArgs(add_things_to_thing_group_params=into)
    if kind == DEACTIVATE_CA:
        authority = native.MitigationActionUpdateCaCertificateParamsArgs(
            action=native.MitigationActionUpdateCaCertificateParamsAction.DEACTIVATE
        )
        return native.MitigationActionActionParamsArgs(update_ca_certificate_params=authority)
    device = native.MitigationActionUpdateDeviceCertificateParamsArgs(
        action=native.MitigationActionUpdateDeviceCertificateParamsAction.DEACTIVATE
    )
    return native.MitigationActionActionParamsArgs(update_device_certificate_params=device)
