"""The certificate authorities that a hub trusts for devices of type certificateAuthority."""

from typing import Protocol

from cryptography import x509

from localcloud.azure.adr import Issuer
from localcloud.store import Document


class VerifiedAuthorities(Protocol):
    """The ARM read model."""

    def hub_authorities(self, hub: Document) -> list[x509.Certificate]:
        """The certificates of a hub whose owner has proved possession of the key."""


class HubAuthorities:
    """Verified ones of the hub, and the issuing ones of Device Registry policies of linked namespaces.

    Of a namespace the root itself is not trusted: an issuing authority that went with its policy takes what
    it issued along ("Revoke a certificate by deleting its policy").
    """

    def __init__(self, directory: VerifiedAuthorities, issuer: Issuer) -> None:
        self._directory = directory
        self._issuer = issuer

    def __call__(self, hub: Document) -> list[x509.Certificate]:
        """The authorities that a device's chain may lead to."""
        of_registry = self._issuer.trusted(hub["properties"]["hostName"])
        issuing = [it for it in of_registry if it.issuer != it.subject]
        return [*self._directory.hub_authorities(hub), *issuing]
