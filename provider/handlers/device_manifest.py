"""muster:dps:DeviceManifest: many individual enrollments from one file, by content hash, as one resource.

DPS service API as for IndividualEnrollment, ten rows a call. The state holds counts and a revision; which
rows are in the service is known from the ledger on disk, and else from the marks in the service
(docs/adr/0008). A run that refuses rows, or is stopped, ends as "made, but not ready": the next `up` sends
only what is missing."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from provider.checking import Fault
from provider.clients.dps_bulk import DpsBulk
from provider.clients.dps_service import API_VERSION
from provider.clients.rest import Rest
from provider.clients.retry import DEFAULT_SECONDS, Clock, Policy, remaining_seconds
from provider.differing import Change, ChangeKind
from provider.errors import InitFailedError, UnsupportedResourceError
from provider.fields import props, write, write_value
from provider.handlers import device_manifest_inputs as said
from provider.handlers import enrollment_notices, individual_enrollment
from provider.handlers.device_manifest_inputs import Inputs, Outputs
from provider.manifest.delivery import HASTE, PATIENCE, Delivery
from provider.manifest.errors import ManifestError, StoppedError
from provider.manifest.pacing import Pacer, per_minute
from provider.manifest.place import place
from provider.manifest.run import Manifest, Result, Wanted
from provider.resource import Handler, Made, Notice, State
from provider.values import UNKNOWN, Plain, has_unknown

Live: TypeAlias = State[Inputs, Outputs]


class DeviceManifest(Handler[Inputs, Outputs]):
    """Manifests of provisioning services. `rest` gives the calls for a service host."""

    token = "muster:dps:DeviceManifest"  # noqa: S105 - a type token
    title = "manifest"
    doc = "Many DPS enrollments of single devices, one a row of a CSV or Parquet file."
    inputs = Inputs
    outputs = Outputs

    def __init__(
        self, rest: Callable[[str], Rest], clock: Clock, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._rest = rest
        self._clock = clock
        self._environment = environment
        self._pacers: dict[str, Pacer] = {}
        self._guard = threading.Lock()

    def resource_id(self, inputs: Inputs) -> str:
        """`{serviceHost}/manifests/{manifestName}`."""
        return f"{inputs.service_host}/manifests/{said.name(inputs)}".lower()

    def between(self, inputs: Inputs) -> Iterable[Fault]:
        """As for every enrollment; and the file is the one that the program hashed."""
        yield from said.faults(inputs)
        if not has_unknown([inputs.file, inputs.content_hash]):
            try:
                self._manifest(inputs).verify(Path(inputs.file), inputs.content_hash.lower())
            except ManifestError as error:
                yield Fault("contentHash", str(error))

    def replaced(self, old: Inputs, new: Inputs) -> Mapping[str, str]:
        """Another name is another manifest."""
        if has_unknown([new.file, new.manifest_name]) or said.name(old).lower() == said.name(new).lower():
            return {}
        changed = "manifestName" if (old.manifest_name, new.manifest_name) != (None, None) else "file"
        return {changed: said.ADDRESS}

    def create(self, inputs: Inputs) -> Made[Outputs]:
        """Send all rows. What an earlier run left behind is gone on with; what another made is left alone."""
        return self._up(inputs, None)

    def update(self, old: Live, new: Inputs) -> Made[Outputs]:
        """Send what the service does not hold as the file says, and remove what the file has no more."""
        return self._up(new, old.outputs.revision)

    def read(self, resource_id: str, known: Live | None) -> Live | None:
        """Whether the rows are still there. Raises UnsupportedResourceError to an import."""
        if known is None:
            raise UnsupportedResourceError(
                f"{resource_id}: a manifest is not imported, as the state could not tell its file; declare "
                "it with adopt = true, and `pulumi up` takes in the enrollments that carry its name"
            )
        outputs = known.outputs
        lost = self._manifest(known.inputs).lost(outputs.revision, outputs.accepted)
        if lost is None:
            return None
        left = max(0, outputs.accepted - lost)
        return State(
            known.inputs,
            Outputs(rows=outputs.rows, accepted=left, refused=outputs.refused, revision=outputs.revision),
        )

    def delete(self, resource_id: str) -> None:
        """Remove all enrollments that carry the manifest's name."""
        host, _, name = resource_id.partition("/manifests/")
        self._at(host, name).remove()

    def notices(self, old: Inputs | None, new: Inputs) -> tuple[Notice, ...]:
        """How many rows are added, changed and removed, which are refused, and what that does to devices."""
        name = said.name(new)
        who = enrollment_notices.Who(f"the devices of manifest {name}", "their", "twins", f"manifest {name}")
        before = None if old is None else said.enrollment(old)
        told = enrollment_notices.notices(individual_enrollment.INDIVIDUAL, who, before, said.enrollment(new))
        return (*self._counted(old, new), *told)

    def drift(self, outputs: Outputs) -> tuple[Change, ...]:
        """Rows that were refused, not sent, or lost since, are sent by the next `up`."""
        if outputs.accepted == outputs.rows:
            return ()
        return (Change("accepted", ChangeKind.UPDATE, is_input=False),)

    def _counted(self, old: Inputs | None, new: Inputs) -> Iterator[Notice]:
        plain = write(new)
        if has_unknown([plain.get("file"), plain.get("contentHash"), plain.get("manifestName")]):
            return
        if has_unknown(plain) and old is not None:
            text = (
                f"manifest {said.name(new)}: which rows change depends on values that `pulumi up` will know"
            )
            yield Notice(text)
            return
        wanted = self._wanted(_guessed(new))
        revision = None if old is None else said.settings(old).revision(old.content_hash.lower())
        preview = self._manifest(new, HASTE).preview(wanted, revision, per_minute(self._environment))
        yield from (Notice(text, warning=warning) for text, warning in preview)

    def _up(self, inputs: Inputs, old_revision: str | None) -> Made[Outputs]:
        wanted = self._wanted(inputs)
        result = self._manifest(inputs).up(wanted, old_revision)
        counts = result.counts
        outputs = Outputs(
            rows=counts.rows, accepted=counts.held, refused=result.refused, revision=wanted.revision
        )
        if result.trouble and old_revision is None and not counts.held:
            raise StoppedError(f"manifest {said.name(inputs)}: no row was sent: {result.trouble}")
        if reasons := list(_reasons(said.name(inputs), result)):
            raise InitFailedError(reasons, outputs)
        return Made(outputs, tuple(_taken_in(said.name(inputs), result)))

    def _wanted(self, inputs: Inputs) -> Wanted:
        return Wanted(
            file=Path(inputs.file),
            content_hash=inputs.content_hash.lower(),
            settings=said.settings(inputs),
            allow_removals=inputs.allow_removals,
            adopt=inputs.adopt,
        )

    def _manifest(self, inputs: Inputs, patience: Policy = PATIENCE) -> Manifest:
        host: Plain = inputs.service_host
        known = "unknown" if host is UNKNOWN else host
        name: Plain = said.name(inputs)
        return self._at(known, "unknown" if name is UNKNOWN else name, inputs.api_version, patience)

    def _at(
        self, host: str, name: str, api_version: str = API_VERSION, patience: Policy = PATIENCE
    ) -> Manifest:
        host, name = host.lower(), name.lower()
        with self._guard:
            if host not in self._pacers:
                self._pacers[host] = Pacer(self._clock, per_minute(self._environment))
        delivery = Delivery(
            lambda: DpsBulk(self._rest(host), api_version), name, self._pacers[host], self._clock, patience
        )
        return Manifest(name, host, place(host, name, self._environment), delivery, self._clock, self._ends())

    def _ends(self) -> float | None:
        # A manifest takes the time that the service's rate makes it take. Five minutes are what the engine's
        # calls get when the program says nothing; only what the program says with customTimeouts holds here.
        left = remaining_seconds(self._clock)
        return None if abs(left - DEFAULT_SECONDS) < 1.0 else self._clock.now() + left


def _guessed(inputs: Inputs) -> Inputs:
    """The inputs with something for what only `up` will know: enough to read the file."""
    unknown = [each for each in props(Inputs) if has_unknown(write_value(getattr(inputs, each.attribute)))]
    guesses: dict[str, Any] = {each.attribute: () if each.required else each.default for each in unknown}
    return replace(inputs, **guesses)


def _reasons(name: str, result: Result) -> Iterator[str]:
    if result.trouble:
        left = result.counts.rows - result.counts.held - result.refused
        yield (
            f"manifest {name}: {result.counts.held:,} of {result.counts.rows:,} rows are in the service, "
            f"{left:,} are left: {result.trouble}"
        )
    if result.refusals:
        yield result.refusals


def _taken_in(name: str, result: Result) -> Iterator[Notice]:
    if result.taken_in:
        yield Notice(
            f"manifest {name}: {result.taken_in:,} rows were in the service already, as the file says; they "
            "were taken into the state",
            warning=True,
        )
