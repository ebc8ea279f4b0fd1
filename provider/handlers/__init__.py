"""One handler a resource: check, diff, create, read, update, delete.

To add one: write its file, add it to `handlers` below; docs/provider.md tells the rest.
"""

from __future__ import annotations

import os
from typing import Any

from cryptography import x509

from certs.signers import Signer
from certs.store import KeyStore
from provider.clients import Azure
from provider.clients.aws import Aws
from provider.handlers.device_manifest import DeviceManifest
from provider.handlers.enrollment_group import EnrollmentGroup
from provider.handlers.hub_configuration import HubConfiguration
from provider.handlers.hub_device import HubDevice
from provider.handlers.hub_link import HubLink
from provider.handlers.hub_module import HubModule
from provider.handlers.individual_enrollment import IndividualEnrollment
from provider.handlers.registry_link import HubRegistryLink, ServiceRegistryLink
from provider.handlers.thing_manifest import ThingManifest
from provider.handlers.verification_certificate import VerificationCertificate
from provider.handlers.verified_certificate import HubCertificate, VerifiedCertificate
from provider.resource import Handler

__all__ = ["handlers"]


def handlers(azure: Azure, aws: Aws | None = None) -> dict[str, Handler[Any, Any]]:
    """Every resource type of the provider, by its token. `aws`: by default as this process's environment
    says.
    """
    amazon = aws or Aws(os.environ)
    every: list[Handler[Any, Any]] = [
        EnrollmentGroup(azure.groups),
        IndividualEnrollment(azure.individuals),
        DeviceManifest(azure.dps, azure.clock),
        VerifiedCertificate(azure.certificates, _signer_for),
        HubLink(azure.links),
        ServiceRegistryLink(azure.registry_links),
        HubRegistryLink(azure.registry_links),
        HubCertificate(azure.hub_certificates, _signer_for),
        HubConfiguration(azure.hub),
        HubDevice(azure.hub),
        HubModule(azure.hub),
        VerificationCertificate(_signer_for),
        ThingManifest(amazon.client, azure.clock),
    ]
    return {each.token: each for each in every}


def _signer_for(certificate: x509.Certificate) -> Signer:
    return KeyStore.from_environment().signer_for(certificate)
