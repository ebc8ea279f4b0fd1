"""Where device identities come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fleet.constraints import Between, Count, Doc
from fleet.description.names import IssuerKey, ProjectPath


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """What a device's own certificate (the leaf) looks like."""

    days: Annotated[int, Between(1, 3650), Doc("How long a leaf is valid, in days.")] = 365
    renew_before_days: Annotated[
        int,
        Between(0, 3649),
        Doc("How many days before its end a leaf counts as due for renewal; less than `days`."),
    ] = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Where device identities come from: public certificates only, keys never stand here."""

    root: Annotated[ProjectPath, Doc("PEM file of the root certificate, relative to the project's root.")]
    issuers: Annotated[
        Mapping[IssuerKey, ProjectPath],
        Count("issuer", 1),
        Doc("The intermediate certificates (one a factory) by the key that groups name: their PEM files."),
    ]
    device: Annotated[DeviceProfile, Doc("The devices' own certificates.")] = field(
        default_factory=DeviceProfile
    )
