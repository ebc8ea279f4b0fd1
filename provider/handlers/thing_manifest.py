"""muster:aws:DeviceManifest: many things of AWS IoT from one file, by content hash, as one resource.

The file is of the same form as for DPS; rows attest by x509. A row's device is a thing with its certificate
and policies (`provider.clients.aws_things`); its tags are attributes of the thing, its desired properties the
first shadow. A row that is taken out takes thing, certificate and shadow with it."""

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
from provider.manifest.settings import X509, Settings
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
        )

    def service(self, host: str, name: str, inputs: Inputs | None) -> Things:
        """AWS IoT and its data plane, in the region of the host."""
        match = rules.id_parts(_HOST, host, "a data endpoint", "a1b2c3-ats.iot.eu-west-1.amazonaws.com")
        region = match["region"]
        kind = _NO_KIND
        if inputs is not None:
            kind = Kind(inputs.thing_type, inputs.thing_group, tuple(inputs.policies))
        return Things(
            self._client("iot", region, None), self._client("iot-data", region, f"https://{host}"), name, kind
        )

    def faults(self, inputs: Inputs) -> Iterable[Fault]:
        """A manifest without a name has one by its file; tags are texts."""
        yield from name_faults(inputs)
        tags: Plain = inputs.initial_twin.tags if not has_unknown([write(inputs)]) else {}
        for key, value in tags.items():
            if isinstance(value, dict | list):
                yield Fault(
                    "initialTwin", f"tags.{key} can be no attribute of a thing; one text would be right"
                )

    def told(self, old: Inputs | None, new: Inputs) -> tuple[Notice, ...]:
        """What a change does to devices that are there."""
        if old is None or has_unknown([write(old), write(new)]) or old.initial_twin == new.initial_twin:
            return ()
        text = (
            f"manifest {name_of(new)}: things that are there get new tags as attributes, keep those that are "
            "taken out, and keep their shadow: a first shadow is for new things"
        )
        return (Notice(text),)
