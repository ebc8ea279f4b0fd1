"""What the stand-in serves. To add a resource type or a function, add an entry; no code follows."""

from __future__ import annotations

from localcloud.providers.azure_native.table import (
    base,
    devices,
    messaging,
    monitoring,
    networks,
    registry,
    sites,
    storage,
)

_PARTS = (base, devices, registry, messaging, storage, monitoring, networks, sites)
TYPES = tuple(entry for part in _PARTS for entry in part.TYPES)
FUNCTIONS = (*devices.FUNCTIONS, *sites.FUNCTIONS)
