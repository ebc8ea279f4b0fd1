"""muster:aws:DeviceManifest: many things of AWS IoT from one file, by content hash, as one resource.

The file is of the same form as for DPS; rows attest by x509. A row's device is a thing with its certificate
and policies (`provider.clients.aws_things`); its tags are attributes of the thing, its desired properties the
first shadow. A row that is taken out takes thing, certificate and shadow with it. docs/adr/0011 says why rows
are registered one by one and by no task."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from provider.checking import Fault
from provider.clients.aws import Client
from provider.clients.aws_things import Kind, Things
from provider.clients.retry import Clock
from provider.fields import prop, write
from provider.handlers import rules
from provider.handlers.enrollment_inputs import NO_TWIN, InitialTwin
from provider.handlers.manifests import ADDRESS, Common, ManifestHandler, name_faults, name_of
from provider.manifest import paced, things
from provider.manifest.paced import PacedClient, Paces
from provider.manifest.pacing import Pacer
from provider.manifest.settings import X509, Settings
from provider.manifest.telling import Pace
from provider.resource import Notice
from provider.values import Plain, has_unknown

_HOST = re.compile(r"[a-z0-9-]+\.iot\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?", re.IGNORECASE)
_NO_KIND: Final = Kind("", "", ())

data_endpoint = rules.pattern(
    _HOST.pattern,
    "the account's data endpoint would be right, such as a1b2c3-ats.iot.eu-west-1.amazonaws.com",
)
thing_name = rules.pattern(
    r"[a-zA-Z0-9:_-]{1,128}", "up to 128 letters, digits and : _ - would be right", flags=re.NOFLAG
)
policy_name = rules.pattern(
    r"[\w+=,.@-]{1,128}", "up to 128 letters, digits and _ + = , . @ - would be right", flags=re.NOFLAG
)


@dataclass(frozen=True, kw_only=True)
class Inputs(Common):
    """What the program says."""

    data_endpoint: str = prop(
        "Host of the account's data plane in the region (iot:Data-ATS).",
        replaces=ADDRESS,
        rule=data_endpoint,
        normal=rules.lower,
    )
    thing_type: str = prop("The things' type.", replaces="a thing keeps its type", rule=thing_name)
    thing_group: str = prop("The group that the things join.", rule=thing_name)
    policies: tuple[str, ...] = prop(
        "Names of the policies that the certificates get.",
        rule=rules.every(policy_name),
        normal=rules.unordered(str),
    )
    initial_twin: InitialTwin = prop(  # noqa: RUF009 - prop makes the field
        "Attributes (tags) and first shadow (desired) of a new thing; a row's lie over it.", default=NO_TWIN
    )
    enabled: bool = prop("Whether certificates are active, where a row says nothing.", default=True)


class ThingManifest(ManifestHandler[Inputs]):
    """Manifests of AWS IoT. `client` gives the calls of a service: its name, a region, an endpoint's URL."""

    token = "muster:aws:DeviceManifest"  # noqa: S105 - a type token
    doc = "Many things of AWS IoT with their certificates, one a row of a CSV or Parquet file."
    inputs = Inputs

    def __init__(
        self,
        client: Callable[[str, str, str | None], Client],
        clock: Clock,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        super().__init__(clock, environment)
        self._client = client
        self._paces: dict[str, Paces] = {}

    def host(self, inputs: Inputs) -> Plain:
        """The account's data plane: another one in each account and region."""
        return inputs.data_endpoint

    def settings(self, inputs: Inputs) -> Settings:
        """What the rows share; the policies count, as another one is given to all of them."""
        twin: dict[str, Any] = write(inputs.initial_twin)
        return Settings(
            manifest=name_of(inputs).lower(),
            attestation=X509,
            enabled=inputs.enabled,
            tags=twin["tags"],
            desired=twin["desired"],
            shared={"thingGroup": inputs.thing_group, "policies": sorted(inputs.policies)},
            whole=things.fault,
        )

    def pacer(self) -> Pacer:
        """None for rows: each of their calls waits for its own turn."""
        return Pacer(self._clock, 0)

    def pace(self, inputs: Inputs) -> Pace:
        """As fast as the policies can be attached."""
        policies = 1 if has_unknown([write(inputs)["policies"]]) else len(inputs.policies)
        return Pace(paced.rows_per_minute(policies, self._environment), 1, "devices")

    def service(self, host: str, name: str, inputs: Inputs | None) -> Things:
        """AWS IoT and its data plane, in the region of the host."""
        match = rules.id_parts(_HOST, host, "a data endpoint", "a1b2c3-ats.iot.eu-west-1.amazonaws.com")
        region = match["region"]
        kind = _NO_KIND
        if inputs is not None:
            kind = Kind(inputs.thing_type, inputs.thing_group, tuple(inputs.policies))
        with self._guard:
            paces = self._paces.setdefault(host, Paces(self._clock, paced.factor(self._environment)))
        iot = PacedClient(self._client("iot", region, None), paces)
        data = PacedClient(self._client("iot-data", region, f"https://{host}"), paces)
        return Things(iot, data, name, kind, self._clock.sleep)

    def faults(self, inputs: Inputs) -> Iterable[Fault]:
        """A manifest without a name has one by its file; the twin is one that AWS can hold."""
        yield from name_faults(inputs)
        twin: dict[str, Any] = write(inputs.initial_twin)
        if not has_unknown(twin):
            every = (*things.tag_faults(twin["tags"]), *things.desired_faults(twin["desired"]))
            yield from (Fault("initialTwin", each) for each in every)

    def told(self, old: Inputs | None, new: Inputs) -> tuple[Notice, ...]:
        """What a change does to devices that are there."""
        if old is None or has_unknown([write(old), write(new)]) or old.initial_twin == new.initial_twin:
            return ()
        text = (
            f"manifest {name_of(new)}: things that are there get new tags as attributes, keep those that are "
            "taken out, and keep their shadow: a first shadow is for new things"
        )
        return (Notice(text),)
