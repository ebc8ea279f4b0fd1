"""Which hub gets a device, by the policies that need nobody's advice: hashed, geoLatency, static. Pure.

Policies: learn.microsoft.com/azure/iot-dps/how-to-use-allocation-policies. DPS spreads devices by a hash in
proportion to `allocationWeight`. Its hash is not published; rendezvous hashing gives the same registration
id the same hub always, and moves only the devices of a hub that goes.

Where a device is, nobody can tell on loopback. For `geoLatency` it is taken to be where the provisioning
service is: the hubs in the service's location have the lowest latency, and when there is none, all have the
same. Among hubs of the same latency DPS hashes by weight.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Hub:
    """A hub that may get devices."""

    host: str
    weight: int
    location: str


def choose(policy: str, registration_id: str, hubs: Sequence[Hub], here: str) -> str | None:
    """The host for a device, or None when no hub is to be had; `here` is the service's location."""
    return _POLICIES[policy.lower()](registration_id, hubs, here)


def pick(registration_id: str, weights: Mapping[str, int]) -> str | None:
    """The hub for a device; `weights` maps hub host to its weight. None when no hub has a positive weight."""
    hosts = [host for host, weight in weights.items() if weight > 0]
    return max(hosts, key=lambda host: _score(registration_id, host, weights[host]), default=None)


def _hashed(registration_id: str, hubs: Sequence[Hub], _here: str) -> str | None:
    return pick(registration_id, {hub.host: hub.weight for hub in hubs})


def _nearest(registration_id: str, hubs: Sequence[Hub], here: str) -> str | None:
    near = [hub for hub in hubs if hub.weight > 0 and _plain(hub.location) == _plain(here)]
    return _hashed(registration_id, near or hubs, here)


def _static(_registration_id: str, hubs: Sequence[Hub], _here: str) -> str | None:
    return hubs[0].host if len(hubs) == 1 else None


_POLICIES: dict[str, Callable[[str, Sequence[Hub], str], str | None]] = {
    "hashed": _hashed,
    "geolatency": _nearest,
    "static": _static,
}


def _plain(location: str) -> str:
    """ "West Europe" and "westeurope" are one."""
    return "".join(location.lower().split())


def _score(registration_id: str, host: str, weight: int) -> float:
    digest = hashlib.sha256(f"{registration_id.lower()}\n{host.lower()}".encode()).digest()
    uniform = (int.from_bytes(digest[:6], "big") + 1) / (2**48 + 1)
    return -weight / math.log(uniform)
