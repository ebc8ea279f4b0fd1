"""Which hub gets a device: weighted rendezvous hashing over the hubs a group may use.

DPS spreads devices by a hash in proportion to `allocationWeight` (learn.microsoft.com/azure/iot-dps/
how-to-use-allocation-policies). Its hash is not published; rendezvous hashing gives the same registration
id the same hub always, and moves only the devices of a hub that goes.
"""

import hashlib
import math
from collections.abc import Mapping


def pick(registration_id: str, weights: Mapping[str, int]) -> str | None:
    """The hub for a device; `weights` maps hub host to its weight. None when no hub has a positive weight."""
    hosts = [host for host, weight in weights.items() if weight > 0]
    return max(hosts, key=lambda host: _score(registration_id, host, weights[host]), default=None)


def _score(registration_id: str, host: str, weight: int) -> float:
    digest = hashlib.sha256(f"{registration_id.lower()}\n{host.lower()}".encode()).digest()
    uniform = (int.from_bytes(digest[:6], "big") + 1) / (2**48 + 1)
    return -weight / math.log(uniform)
