"""Typed resources of the muster provider: what no other provider has.

provider    Provider: an explicit instance of it, without inputs
dps         VerifiedCertificate, HubLink, RegistryLink (ServiceRegistryLink here), EnrollmentGroup,
            IndividualEnrollment, DeviceManifest
hub         Configuration, Device, Module, VerifiedCertificate (HubCertificate here), RegistryLink
            (HubRegistryLink here)
aws         VerificationCertificate, DeviceManifest (ThingManifest here)

The provider checks every argument itself and says all that is wrong at once, so these classes only carry
names and types. What each resource does, and when it is replaced, is told beside its handler in
`provider/handlers/`. An argument that is left out, or None, is not sent.
"""

from components.muster.aws import (
    ThingManifest,
    ThingManifestArgs,
    VerificationCertificate,
    VerificationCertificateArgs,
)
from components.muster.dps import (
    DeviceManifest,
    DeviceManifestArgs,
    EnrollmentGroup,
    EnrollmentGroupArgs,
    HubLink,
    HubLinkArgs,
    IndividualEnrollment,
    IndividualEnrollmentArgs,
    ServiceRegistryLink,
    ServiceRegistryLinkArgs,
    VerifiedCertificate,
    VerifiedCertificateArgs,
)
from components.muster.hub import (
    Configuration,
    ConfigurationArgs,
    Device,
    DeviceArgs,
    HubCertificate,
    HubCertificateArgs,
    HubRegistryLink,
    HubRegistryLinkArgs,
    Module,
    ModuleArgs,
)
from components.muster.provider import Provider
from components.muster.shapes import Authentication, Capabilities, Content, IssuedBy, Twin

__all__ = [
    "Authentication",
    "Capabilities",
    "Configuration",
    "ConfigurationArgs",
    "Content",
    "Device",
    "DeviceArgs",
    "DeviceManifest",
    "DeviceManifestArgs",
    "EnrollmentGroup",
    "EnrollmentGroupArgs",
    "HubCertificate",
    "HubCertificateArgs",
    "HubLink",
    "HubLinkArgs",
    "HubRegistryLink",
    "HubRegistryLinkArgs",
    "IndividualEnrollment",
    "IndividualEnrollmentArgs",
    "IssuedBy",
    "Module",
    "ModuleArgs",
    "Provider",
    "ServiceRegistryLink",
    "ServiceRegistryLinkArgs",
    "ThingManifest",
    "ThingManifestArgs",
    "Twin",
    "VerificationCertificate",
    "VerificationCertificateArgs",
    "VerifiedCertificate",
    "VerifiedCertificateArgs",
]
