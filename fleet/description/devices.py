"""Devices that are named one by one: gateways, and the children behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fleet.constraints import Count, Doc, Text
from fleet.description.attestation import SymmetricKey
from fleet.description.names import DeviceId, HubKey, ModuleId
from fleet.description.provisioning import Twin

Thumbprint = Annotated[
    str,
    Text(
        "[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}",
        "certificate thumbprint",
        "40 (SHA-1) or 64 (SHA-256) hexadecimal digits without colons",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbprints:
    """By a certificate that the hub knows by its thumbprint, as a self-signed one."""

    primary: Annotated[Thumbprint, Doc("Thumbprint of the certificate.")]
    secondary: Annotated[
        Thumbprint | None, Doc("Of a second one that is taken too, as while certificates are renewed.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateAuthority:
    """By a certificate that identity.root or one of identity.issuers signed; its CN is the device's id."""


Authentication = Thumbprints | CertificateAuthority | SymmetricKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module of a device: an identity and a twin of its own."""

    twin: Annotated[Twin, Doc("The first state of the module's twin.")] = field(default_factory=Twin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device that stands in its hub without being provisioned."""

    hub: Annotated[HubKey, Doc("The hub it is in: a key of azure.hubs.")]
    authentication: Annotated[Authentication, Doc("How it proves to the hub who it is.")]
    edge: Annotated[bool, Doc("Whether it is an IoT Edge device: a gateway that can have children.")] = False
    parent: Annotated[
        DeviceId | None, Doc("The gateway that it stands behind: another of `devices`, in the same hub.")
    ] = None
    enabled: Annotated[bool, Doc("Whether it may connect.")] = True
    twin: Annotated[Twin, Doc("The first state of its twin.")] = field(default_factory=Twin)
    modules: Annotated[Mapping[ModuleId, Module], Count("module", 0, 50), Doc("Its modules by their id.")] = (
        field(default_factory=dict)
    )
