"""Just-in-time provisioning: devices of a CA become things by a template, at their first connection."""

from typing import TypedDict

import pulumi
from pulumi_aws import iot

from components.aws import roles
from components.aws.place import Place
from components.aws.provisioning_template import Registered, by_certificate


class JustInTimeProvisioningArgs(TypedDict):
    """Arguments of JustInTimeProvisioning."""

    place: Place
    key: str
    """Short name of the group, for its role."""
    template_name: str
    """1 to 36 of letters, digits, `-`, `_`."""
    registered: Registered
    enabled: bool
    tags: dict[str, str]


class JustInTimeProvisioning(pulumi.ComponentResource):
    """A provisioning template of the type JITP, and the role by which AWS IoT follows it.

    No code runs: whoever the CA signed is let in, and there is no first shadow. The CA's registration names
    template and role (CertificateAuthority).
    """

    template_name: pulumi.Output[str]
    role_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: JustInTimeProvisioningArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:aws:JustInTimeProvisioning", name, {}, opts)
        place, registered = args["place"], args["registered"]
        role = roles.provisioning_role(
            name,
            place,
            place.name(args["key"], "jitp"),
            roles.by_template(place, registered),
            pulumi.ResourceOptions(parent=self),
            args["tags"],
        )
        template = self._template(name, args, role, opts)
        self.template_name = template.name
        self.role_arn = role.arn
        self.register_outputs({"templateName": self.template_name, "roleArn": self.role_arn})

    def _template(
        self,
        name: str,
        args: JustInTimeProvisioningArgs,
        role: roles.ReadyRole,
        opts: pulumi.ResourceOptions | None,
    ) -> iot.ProvisioningTemplate:
        return iot.ProvisioningTemplate(
            f"{name}-template",
            name=args["template_name"],
            type="JITP",
            description="Registers devices of a CA at their first connection.",
            enabled=args["enabled"],
            template_body=by_certificate(args["registered"]),
            provisioning_role_arn=role.arn,
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=roles.awaited(opts, role.rights)),
        )
