"""The CAs that AWS IoT registers devices of by itself, each with true proof of possession."""

from collections.abc import Mapping
from typing import Final, Literal, NotRequired, TypedDict

import pulumi
from pulumi_aws import iot

from components.muster import VerificationCertificate

_MODES: Final = {"default": "DEFAULT", "sniOnly": "SNI_ONLY"}


class TemplateArgs(TypedDict):
    """What just-in-time provisioning makes of the devices of a CA."""

    name: pulumi.Input[str]
    role_arn: pulumi.Input[str]


class IssuerArgs(TypedDict):
    """A CA that signs devices."""

    certificate: str
    """PEM, public."""
    enabled: bool
    """Whether devices that AWS IoT does not know yet are registered at their first connection."""
    template: NotRequired[TemplateArgs | None]
    """Without it they wait (PENDING_ACTIVATION) for somebody to activate them: just-in-time registration."""


class CertificateAuthorityArgs(TypedDict):
    """Arguments of CertificateAuthority."""

    issuers: Mapping[str, IssuerArgs]
    mode: Literal["default", "sniOnly"]
    """default: a CA is registered in one account of a region, by proof of its key; sniOnly: in any number of
    accounts, without proof, for devices that send the endpoint's name."""
    protect: NotRequired[bool]
    """Whether Pulumi refuses to remove a CA: devices of it that are not known yet would stay outside."""
    tags: Mapping[str, str]


class CertificateAuthority(pulumi.ComponentResource):
    """Issuers registered with AWS IoT: those that sign devices, not the root above them.

    The account gives a registration code, the muster provider has the issuer's own signer certify it, and
    that is handed in beside the CA (RegisterCACertificate, botocore iot 2015-05-28). Keys stay with the
    signer: the program, its state and its previews hold public certificates.
    """

    ids: dict[str, pulumi.Output[str]]
    """Ids of the CAs in AWS IoT, by issuer."""

    def __init__(
        self, name: str, args: CertificateAuthorityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:aws:CertificateAuthority", name, {}, opts)
        code = self._registration_code() if args["mode"] == "default" and args["issuers"] else None
        self.ids = {
            issuer: self._registered(f"{name}-{issuer}", args, each, code).id
            for issuer, each in args["issuers"].items()
        }
        self.register_outputs({"ids": self.ids})

    def _registration_code(self) -> pulumi.Output[str]:
        return iot.get_registration_code_output(
            opts=pulumi.InvokeOutputOptions(parent=self)
        ).registration_code

    def _registered(
        self, name: str, args: CertificateAuthorityArgs, issuer: IssuerArgs, code: pulumi.Output[str] | None
    ) -> iot.CaCertificate:
        template = issuer.get("template")
        configuration = template and iot.CaCertificateRegistrationConfigArgs(
            template_name=template["name"], role_arn=template["role_arn"]
        )
        return iot.CaCertificate(
            f"{name}-ca",
            ca_certificate_pem=issuer["certificate"],
            verification_certificate_pem=None if code is None else self._proof(name, issuer, code),
            certificate_mode=_MODES[args["mode"]],
            active=True,
            allow_auto_registration=issuer["enabled"],
            registration_config=configuration or None,
            tags=args["tags"],
            # Another proof of the same key is no reason to register the CA anew. What does replace it, as
            # another mode does, is the same CA again, which AWS has once: the old registration goes first.
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=args.get("protect"),
                delete_before_replace=True,
                ignore_changes=["verificationCertificatePem"],
            ),
        )

    def _proof(self, name: str, issuer: IssuerArgs, code: pulumi.Output[str]) -> pulumi.Output[str]:
        return VerificationCertificate(
            f"{name}-proof",
            {"ca_certificate": issuer["certificate"], "registration_code": code},
            pulumi.ResourceOptions(parent=self),
        ).certificate
