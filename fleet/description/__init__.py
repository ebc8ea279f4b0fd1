"""The fleet description: what a stack file may say, field by field.

These dataclasses are the one source: loading, the JSON Schema and docs/fleet.md follow their types and
constraints. A field is spelt in snake_case here and in camelCase in the file. Instances are complete: what
the file may leave out is filled in, and None stands for what is not wanted. A union of dataclasses is exactly
one of them, named by its key in the file (`fleet.shapes.OneOfShape`).

names, arm        forms of names, of ids of resources that exist
azure, hub        the provisioning service and what serves it; a hub
aws, defender     the account's endpoint, what watches and serves devices; audits and alarms
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
from fleet.description.aws import (
    AccountWide,
    Aws,
    CertificateProvider,
    Claim,
    Credentials,
    Domain,
    GroupOnAws,
    Jitp,
    Jitr,
    OnAws,
    Permissions,
    Provisioner,
    Queue,
    Stream,
    Telemetry,
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
from fleet.description.defender import AUDIT_CHECKS, Audit, Behavior, Detect
from fleet.description.devices import Authentication, CertificateAuthority, Device, Module, Thumbprints
from fleet.description.hub import Hub
from fleet.description.identity import DeviceProfile, Identity
from fleet.description.names import Cloud
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
    "AUDIT_CHECKS",
    "BUILT_IN_ENDPOINT",
    "X509",
    "AccountWide",
    "Alerts",
    "Allocation",
    "Audit",
    "Authentication",
    "Aws",
    "Azure",
    "Behavior",
    "CaReference",
    "CertificateAuthority",
    "CertificatePolicy",
    "CertificateProvider",
    "Certificates",
    "Claim",
    "ClientCertificate",
    "Cloud",
    "Configuration",
    "ConnectionFailures",
    "Content",
    "Credentials",
    "Detect",
    "Device",
    "DeviceContent",
    "DeviceProfile",
    "Diagnostics",
    "Domain",
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
    "GroupOnAws",
    "Hub",
    "Identity",
    "Jitp",
    "Jitr",
    "LocalAuth",
    "Manifest",
    "Module",
    "ModuleContent",
    "Network",
    "OnAws",
    "Permissions",
    "PrivateEndpoint",
    "Provisioner",
    "Provisioning",
    "Queue",
    "Registry",
    "Route",
    "ServiceBusQueue",
    "ServiceBusTopic",
    "Storage",
    "Stream",
    "SymmetricKey",
    "Telemetry",
    "Thumbprints",
    "Tpm",
    "Twin",
]
