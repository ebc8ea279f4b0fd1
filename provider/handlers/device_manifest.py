"""muster:dps:DeviceManifest: many individual enrollments from one file, by content hash, as one resource.

DPS service API as for IndividualEnrollment, ten rows a call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

from provider.checking import Fault
from provider.clients.dps_bulk import DpsBulk
from provider.clients.dps_service import API_VERSION
from provider.clients.rest import Rest
from provider.clients.retry import Clock
from provider.handlers import device_manifest_inputs as said
from provider.handlers import enrollment_notices, individual_enrollment
from provider.handlers.device_manifest_inputs import Inputs
from provider.handlers.manifests import ManifestHandler, name_of
from provider.manifest.pacing import Pacer, per_minute
from provider.manifest.settings import Settings
from provider.manifest.telling import Pace
from provider.resource import Notice
from provider.values import Plain


class DeviceManifest(ManifestHandler[Inputs]):
    """Manifests of provisioning services. `rest` gives the calls for a service host."""

    token = "muster:dps:DeviceManifest"  # noqa: S105 - a type token
    doc = "Many DPS enrollments of single devices, one a row of a CSV or Parquet file."
    inputs = Inputs

    def __init__(
        self, rest: Callable[[str], Rest], clock: Clock, environment: Mapping[str, str] = os.environ
    ) -> None:
        super().__init__(clock, environment)
        self._rest = rest

    def host(self, inputs: Inputs) -> Plain:
        """The provisioning service."""
        return inputs.service_host

    def settings(self, inputs: Inputs) -> Settings:
        """As the enrollment of a device by itself would have it."""
        return said.settings(inputs)

    def service(self, host: str, name: str, inputs: Inputs | None) -> DpsBulk:  # noqa: ARG002 - marks name it
        """Its data plane."""
        return DpsBulk(self._rest(host), API_VERSION if inputs is None else inputs.api_version)

    def pacer(self) -> Pacer:
        """A service's operations a minute."""
        return Pacer(self._clock, per_minute(self._environment))

    def pace(self, inputs: Inputs) -> Pace:  # noqa: ARG002 - the same for all
        """Ten rows an operation."""
        return Pace(per_minute(self._environment))

    def faults(self, inputs: Inputs) -> Iterable[Fault]:
        """As for every enrollment."""
        return said.faults(inputs)

    def told(self, old: Inputs | None, new: Inputs) -> tuple[Notice, ...]:
        """As of a single enrollment, of them all."""
        name = name_of(new)
        who = enrollment_notices.Who(f"the devices of manifest {name}", "their", "twins", f"manifest {name}")
        before = None if old is None else said.enrollment(old)
        return tuple(
            enrollment_notices.notices(individual_enrollment.INDIVIDUAL, who, before, said.enrollment(new))
        )
