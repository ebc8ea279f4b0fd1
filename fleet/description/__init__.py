"""The fleet description: what a stack file may say, field by field.

These dataclasses are the one source: loading, the JSON Schema and docs/fleet.md follow their types and
constraints. A field is spelt in snake_case here and in camelCase in the file. Instances are complete: what
the file may leave out is filled in, and None stands for what is not wanted. A union of dataclasses is exactly
one of them, named by its key in the file (`fleet.shapes.OneOfShape`).

names, arm        forms of names, of ids of resources that exist
azure, hub        the provisioning service and what serves it; a hub
network, routing  who may reach a hub; where its messages go
identity, attestation, provisioning        certificates; proofs; groups, enrollments, manifests
devices, configurations                    gateways and children; automatic device management
whole, later      the fleet; what later versions bring
"""

from fleet.description.attestation import (
    X509,
    CaReference,
    ClientCertificate,
    EnrollmentAttestation,
    GroupAttestation,
    SymmetricKey,
    Tpm,
)
from fleet.description.azure import (
    Alerts,
    Azure,
    CertificatePolicy,
    ConnectionFailures,
    Diagnostics,
    FunctionApp,
    Registry,
)
from fleet.description.configurations import (
    Configuration,
    Content,
    DeviceContent,
    EdgeContent,
    ModuleContent,
)
from fleet.description.devices import Authentication, CertificateAuthority, Device, Module, Thumbprints
from fleet.description.hub import Hub
from fleet.description.identity import DeviceProfile, Identity
from fleet.description.network import LocalAuth, Network, PrivateEndpoint
from fleet.description.provisioning import (
    Allocation,
    Certificates,
    Enrollment,
    External,
    Function,
    Group,
    Manifest,
    Provisioning,
    Twin,
)
from fleet.description.routing import (
    BUILT_IN_ENDPOINT,
    Endpoint,
    Enrichment,
    EventHub,
    FileUpload,
    Route,
    ServiceBusQueue,
    ServiceBusTopic,
    Storage,
)
from fleet.description.whole import Fleet

__all__ = [
    "BUILT_IN_ENDPOINT",
    "X509",
    "Alerts",
    "Allocation",
    "Authentication",
    "Azure",
    "CaReference",
    "CertificateAuthority",
    "CertificatePolicy",
    "Certificates",
    "ClientCertificate",
    "Configuration",
    "ConnectionFailures",
    "Content",
    "Device",
    "DeviceContent",
    "DeviceProfile",
    "Diagnostics",
    "EdgeContent",
    "Endpoint",
    "Enrichment",
    "Enrollment",
    "EnrollmentAttestation",
    "EventHub",
    "External",
    "FileUpload",
    "Fleet",
    "Function",
    "FunctionApp",
    "Group",
    "GroupAttestation",
    "Hub",
    "Identity",
    "LocalAuth",
    "Manifest",
    "Module",
    "ModuleContent",
    "Network",
    "PrivateEndpoint",
    "Provisioning",
    "Registry",
    "Route",
    "ServiceBusQueue",
    "ServiceBusTopic",
    "Storage",
    "SymmetricKey",
    "Thumbprints",
    "Tpm",
    "Twin",
]
