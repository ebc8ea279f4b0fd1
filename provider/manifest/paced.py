"""Calls of AWS IoT at the rate that it allows: a quota for each operation, by account and region.

Quotas of Service Quotas, service iotcore, "{operation} API TPS" (also in "AWS IoT Core endpoints and quotas",
docs.aws.amazon.com/general/latest/gr/iot-core.html): CreateThing, UpdateThing, DeleteThing,
AddThingToThingGroup, AttachThingPrincipal, DetachThingPrincipal 100 (L-64CBACAC, L-211F680E, L-889800F7,
L-2904683A, L-F64D1AA6, L-B5EE4A16), DescribeThing 350 (L-0EF0F5EE), ListThings, ListThingPrincipals,
ListPrincipalThings 10 (L-57AAC135, L-FC3EF4D9, L-C481616A). They are defaults, lower in some regions, and may
be raised. What is not in this table is taken to be 10, the least of them. A throttled call was not done: it
holds the operation and slows its pace, as with Azure.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any, Final

from provider.clients.aws import Client, Document
from provider.clients.errors import ConfigurationError, NotFoundError
from provider.clients.retry import Clock
from provider.manifest.pacing import Pacer

VARIABLE: Final = "MUSTER_IOT_PACE"
LEAST: Final = 10.0
_PER_SECOND: Final[Mapping[str, float]] = {
    "create_thing": 100.0,
    "update_thing": 100.0,
    "delete_thing": 100.0,
    "add_thing_to_thing_group": 100.0,
    "attach_thing_principal": 100.0,
    "detach_thing_principal": 100.0,
    "describe_thing": 350.0,
}


class Paces:
    """The pace of each operation in one account and region. Thread-safe."""

    def __init__(self, clock: Clock, factor: float = 1.0) -> None:
        self._clock = clock
        self._factor = factor
        self._made: dict[str, Pacer] = {}
        self._guard = Lock()

    def of(self, operation: str) -> Pacer:
        """That of an operation by boto3's name."""
        with self._guard:
            if operation not in self._made:
                allowed = _PER_SECOND.get(operation, LEAST) * 60 * self._factor
                self._made[operation] = Pacer(self._clock, allowed)
            return self._made[operation]


class PacedClient:
    """A client whose calls wait for their turn."""

    def __init__(self, client: Client, paces: Paces) -> None:
        self._client = client
        self._paces = paces

    def call(self, operation: str, **parameters: Any) -> Document:  # noqa: ANN401 - as the service model has it
        """One operation; again, and slower, when it was throttled."""
        return self._paces.of(operation).call(lambda: self._client.call(operation, **parameters))

    def find(self, operation: str, **parameters: Any) -> Document | None:  # noqa: ANN401 - as the model has it
        """As `call`, for what may not be there: then None."""
        try:
            return self.call(operation, **parameters)
        except NotFoundError:
            return None


def factor(environment: Mapping[str, str]) -> float:
    """By how much the account's quotas are over the defaults; 0 for no pace. Raises ConfigurationError."""
    text = environment.get(VARIABLE) or "1"
    if not (text.isascii() and text.replace(".", "", 1).isdecimal()):
        raise ConfigurationError(
            f"{VARIABLE} is {text[:40]}; by how much the account's quotas for AWS IoT's operations are over "
            "AWS' defaults would be right, such as 1 or 2.5, or 0 for as fast as it answers"
        )
    return float(text)


def rows_per_minute(policies: int, environment: Mapping[str, str]) -> float:
    """How many devices a minute can be made; each policy of a certificate is a call. 0: no pace."""
    return LEAST * 60 * factor(environment) / max(1, policies)
