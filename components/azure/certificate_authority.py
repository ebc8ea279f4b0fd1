"""A CA chain in the provisioning service and in hubs, each certificate with true proof of possession."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi

from components.muster import HubCertificate, VerifiedCertificate

ROOT = "root"
"""Name of the root certificate in the provisioning service; no issuer may have it."""


class CertificateAuthorityArgs(TypedDict):
    """Arguments of CertificateAuthority: public certificates only, in PEM."""

    provisioning_service_id: pulumi.Input[str]
    root: str
    issuers: Mapping[str, str]
    """PEM by the issuer's name, which is also its name in the service."""
    hubs: NotRequired[Mapping[str, pulumi.Input[str]]]
    """ARM ids, by key, of hubs that must know the CAs themselves: those with devices that sign in by a
    certificate of the chain without having been provisioned."""


class CertificateAuthority(pulumi.ComponentResource):
    """The root and the intermediates of a chain, trusted by DPS because their keys' holder proved to hold
    them, and in the same way by the hubs that ask for it.

    The provider asks the service for a verification code, has the signer issue a certificate on it, and hands
    that in. Keys stay with the signer: the program, its state and its previews hold public certificates.
    """

    thumbprints: dict[str, pulumi.Output[str]]

    def __init__(
        self, name: str, args: CertificateAuthorityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:azure:CertificateAuthority", name, {}, opts)
        chain = {ROOT: args["root"], **args["issuers"]}
        service = args["provisioning_service_id"]
        self.thumbprints = {
            which: self._certificate(name, service, which, pem).thumbprint for which, pem in chain.items()
        }
        for key, hub in args.get("hubs", {}).items():
            for which, pem in chain.items():
                self._hub_certificate(f"{name}/{key}", hub, which, pem)
        self.register_outputs({"thumbprints": self.thumbprints})

    def _certificate(
        self, name: str, service: pulumi.Input[str], which: str, pem: str
    ) -> VerifiedCertificate:
        return VerifiedCertificate(
            f"{name}-{which}",
            {"provisioning_service_id": service, "certificate_name": which, "certificate": pem},
            pulumi.ResourceOptions(parent=self),
        )

    def _hub_certificate(self, name: str, hub: pulumi.Input[str], which: str, pem: str) -> HubCertificate:
        return HubCertificate(
            f"{name}/{which}",
            {"hub_id": hub, "certificate_name": which, "certificate": pem},
            pulumi.ResourceOptions(parent=self),
        )
