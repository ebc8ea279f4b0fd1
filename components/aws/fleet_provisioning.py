"""Fleet provisioning by claim: devices that share a certificate get one each, for a key of their own."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Literal, TypedDict

import pulumi
from cryptography import x509
from pulumi_aws import dynamodb, iot, lambda_

from components.aws import enrolment_function, names, policy, roles
from components.aws.place import Place
from components.aws.provisioning_template import Registered, by_claim
from components.aws.service_role import Statement, allow

_SECONDS: Final = 4
"""AWS IoT waits five for the hook's answer."""
_PAYLOAD_VERSION: Final = "2020-04-01"


class FleetProvisioningArgs(TypedDict):
    """Arguments of FleetProvisioning."""

    place: Place
    key: str
    """Short name of the group, for what is made for it alone."""
    scope: policy.Scope
    template_name: str
    """1 to 36 of letters, digits, `-`, `_`."""
    claims: Mapping[str, str]
    """PEM of the claim certificates, public, by a name. Two while one replaces the other."""
    data_endpoint: pulumi.Input[str]
    """Host of the account's data plane (`iot:Data-ATS`), where shadows are."""
    allow: Literal["registered", "any"]
    """registered: things that are in the registry already; any: whoever shows a claim."""
    limit: int | None
    """How many devices a claim can register."""
    renews: bool
    """Whether a device may have another certificate, which it asks for with the one that it has."""
    registered: Registered
    desired: Mapping[str, Any]
    """The first shadow; one that is there stays."""
    enabled: bool
    tags: dict[str, str]


class FleetProvisioning(pulumi.ComponentResource):
    """A provisioning template for claims, with a hook that looks at each device first, and the claims.

    A claim may do nothing but have a certificate signed, for a key that the device made (CSR), and be
    registered by this template (`policy.claim`). The hook (components/aws/functions/hook) lets in by claim,
    time, template and registry, and counts; where it fails, nobody is let in. To exchange a claim, add the
    new one, take the old one out when no device has it any more: then its certificate is gone from AWS IoT.
    Devices that it registered keep their own.

    The claims are registered without a CA (RegisterCertificateWithoutCA, botocore iot 2015-05-28): AWS takes
    them from any issuer, from devices that send the endpoint's name.
    """

    template_name: pulumi.Output[str]
    hook_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: FleetProvisioningArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:aws:FleetProvisioning", name, {}, opts)
        self._opts = pulumi.ResourceOptions(parent=self)
        claims = self._claims(name, args)
        hook = self._hook(name, args, claims)
        template = self._template(name, args, hook, opts)
        self._grant(name, args, claims)
        self.template_name, self.hook_arn = template.name, hook.arn
        self.register_outputs({"templateName": self.template_name, "hookArn": self.hook_arn})

    def _claims(self, name: str, args: FleetProvisioningArgs) -> dict[str, iot.Certificate]:
        return {
            each: iot.Certificate(
                f"{name}-{each}-claim", certificate_pem=pem, active=args["enabled"], opts=self._opts
            )
            for each, pem in args["claims"].items()
        }

    def _grant(self, name: str, args: FleetProvisioningArgs, claims: Mapping[str, iot.Certificate]) -> None:
        granted = iot.Policy(
            f"{name}-claims",
            name=names.part(args["template_name"], "claim"),
            policy=policy.text_of(policy.claim(args["scope"], args["template_name"])),
            tags=args["tags"],
            opts=self._opts,
        )
        for each, certificate in claims.items():
            iot.PolicyAttachment(
                f"{name}-{each}-grant", policy=granted.name, target=certificate.arn, opts=self._opts
            )

    def _hook(
        self, name: str, args: FleetProvisioningArgs, claims: Mapping[str, iot.Certificate]
    ) -> lambda_.Function:
        place = args["place"]
        table = None if args["limit"] is None else self._table(name, args)
        ids = pulumi.Output.all(**{each: made.id for each, made in claims.items()})
        variables: dict[str, pulumi.Input[str]] = {
            "CLAIMS": pulumi.Output.json_dumps(ids.apply(_by_id)),
            "DATA_ENDPOINT": args["data_endpoint"],
        }
        if table is not None:
            variables["CLAIMS_TABLE"] = table.name
        return enrolment_function.enrolment_function(
            name,
            {
                "place": place,
                "function_name": place.name(args["key"], "hook"),
                "code": "hook",
                "settings": _settings(args),
                "variables": variables,
                "statements": _rights(args, table),
                "seconds": _SECONDS,
                "description": "Says whether a device with a claim may be registered.",
                "tags": args["tags"],
            },
            self._opts,
        )

    def _table(self, name: str, args: FleetProvisioningArgs) -> dynamodb.Table:
        attribute = partial(dynamodb.TableAttributeArgs, type="S")
        return dynamodb.Table(
            f"{name}-counted",
            name=args["place"].name(args["key"], "claims"),
            billing_mode="PAY_PER_REQUEST",
            hash_key="claim",
            range_key="thing",
            attributes=[attribute(name="claim"), attribute(name="thing")],
            point_in_time_recovery=dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
            tags=args["tags"],
            opts=self._opts,
        )

    def _template(
        self,
        name: str,
        args: FleetProvisioningArgs,
        hook: lambda_.Function,
        opts: pulumi.ResourceOptions | None,
    ) -> iot.ProvisioningTemplate:
        place, registered = args["place"], args["registered"]
        role = roles.provisioning_role(
            f"{name}-provisioning",
            place,
            place.name(args["key"], "claim"),
            roles.by_template(place, registered),
            self._opts,
            args["tags"],
        )
        source = place.arn("iot", f"provisioningtemplate/{args['template_name']}")
        caller = enrolment_function.called_by_iot(name, place, hook.name, source, self._opts)
        return iot.ProvisioningTemplate(
            f"{name}-template",
            name=args["template_name"],
            type="FLEET_PROVISIONING",
            description="Registers devices that show a claim.",
            enabled=args["enabled"],
            template_body=by_claim(registered),
            provisioning_role_arn=role.arn,
            pre_provisioning_hook=iot.ProvisioningTemplatePreProvisioningHookArgs(
                target_arn=hook.arn, payload_version=_PAYLOAD_VERSION
            ),
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=roles.awaited(opts, role.rights, caller)),
        )


def _by_id(ids: Mapping[str, str]) -> dict[str, str]:
    return {certificate_id: name for name, certificate_id in ids.items()}


def _settings(args: FleetProvisioningArgs) -> dict[str, Any]:
    return {
        "template": args["template_name"],
        "claims": {each: _life(pem) for each, pem in args["claims"].items()},
        "allow": args["allow"],
        "limit": args["limit"],
        "renews": args["renews"],
        "thing_type": args["registered"]["thing_type"],
        "billing_group": args["registered"]["billing_group"],
        "desired": dict(args["desired"]),
    }


def _life(pem: str) -> dict[str, str]:
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return {
        "begins": certificate.not_valid_before_utc.isoformat(),
        "ends": certificate.not_valid_after_utc.isoformat(),
    }


def _rights(args: FleetProvisioningArgs, table: dynamodb.Table | None) -> list[Statement]:
    place = args["place"]
    things = place.arn("iot", "thing/*")  # which things, nobody knows beforehand
    rights = [allow(["iot:DescribeThing", "iot:ListThingPrincipals"], things)]
    if args["desired"]:
        rights += [
            *roles.creating(place, args["registered"]),
            allow(["iot:GetThingShadow", "iot:UpdateThingShadow"], things),
        ]
    if table is not None:
        rights.append(allow(["dynamodb:PutItem", "dynamodb:UpdateItem"], table.arn))
    return rights
