"""What all manifests have in common: many devices from one file, by content hash, as one resource.

The state holds counts and a revision; which rows are in the service is known from the ledger on disk, and
else from the marks in the service (docs/adr/0008). A run that refuses rows, or is stopped, ends as "made, but
not ready": the next `up` sends only what is missing."""

from __future__ import annotations

import os
import threading
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Final, TypeVar

from provider.checking import Fault
from provider.clients.retry import DEFAULT_SECONDS, Clock, Policy, remaining_seconds
from provider.differing import Change, ChangeKind
from provider.errors import InitFailedError, UnsupportedResourceError
from provider.fields import prop, props, write, write_value
from provider.handlers import rules
from provider.manifest.delivery import HASTE, PATIENCE, Delivery, Enrollments
from provider.manifest.errors import ManifestError, StoppedError
from provider.manifest.pacing import Pacer
from provider.manifest.place import place
from provider.manifest.records import CSV, PARQUET
from provider.manifest.run import Manifest, Result, Wanted
from provider.manifest.settings import Settings
from provider.manifest.telling import Pace
from provider.resource import Handler, Made, Notice, State
from provider.values import UNKNOWN, Plain, has_unknown

ADDRESS: Final = "all devices of the manifest carry it"


def file_name(path: str) -> str | None:
    """A rule: the path of a file whose name says what it holds."""
    right = f"the path of a {CSV} or {PARQUET} file, from the project's folder, would be right"
    return None if PurePath(path).suffix.lower() in (CSV, PARQUET) else right


def stem(path: str) -> str:
    """The name of a manifest that has none of its own: its file's, without folder and ending."""
    return PurePath(path).stem.lower()


manifest_name = rules.pattern(
    r"[a-z0-9]([a-z0-9._-]{0,126}[a-z0-9])?",
    "up to 128 letters, digits and . _ - with a letter or a digit at both ends would be right",
)


@dataclass(frozen=True, kw_only=True)
class Common:
    """What a program says of every manifest."""

    manifest_name: str | None = prop(
        "Name of the manifest, once in a service; by default its file's, without folder and ending.",
        default=None,
        rule=manifest_name,
        normal=rules.lower,
    )
    file: str = prop(
        "Path of the CSV or Parquet file, from the project's folder.", rule=file_name, normal=stem
    )
    content_hash: str = prop(
        "`sha256:…` of the file: what makes a change of the file a change of the resource.",
        rule=rules.pattern(r"sha256:[0-9a-f]{64}", "sha256: and 64 hexadecimal digits would be right"),
        normal=rules.lower,
    )
    allow_removals: bool = prop(
        "Whether an `up` may remove more than a tenth of the rows (and 10): a truncated file would.",
        default=False,
        normal=lambda _: None,
    )
    adopt: bool = prop(
        "Whether a creation may change and remove devices that carry this manifest's name already.",
        default=False,
        normal=lambda _: None,
    )


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What came of it. The rows themselves are in the file and in the service, not in the state."""

    rows: int = prop("Rows of the file.", default=0)
    accepted: int = prop("Rows that the service holds as the file says.", default=0)
    refused: int = prop("Rows that were refused, by us or by the service.", default=0)
    revision: str = prop("The version of the manifest: its file under its settings.", default="")


M = TypeVar("M", bound=Common)


def name_of(inputs: Common) -> str:
    """The manifest's name. It is in each device's mark, so a change of it is a replacement."""
    if inputs.manifest_name is not None:
        return inputs.manifest_name
    path: Plain = inputs.file
    return "unknown" if path is UNKNOWN else stem(path)


def name_faults(inputs: Common) -> Iterator[Fault]:
    """A manifest without a name has one by its file."""
    own: Plain = inputs.manifest_name
    path: Plain = inputs.file
    if own is None and path is not UNKNOWN and (right := manifest_name(stem(path))) is not None:
        yield Fault("manifestName", f'is missing, and the file\'s name "{stem(path)}" can be none: {right}')


class ManifestHandler(Handler[M, Outputs]):
    """Manifests of some service. Subclasses say where it is, and what a row becomes there."""

    title = "manifest"
    outputs = Outputs

    def __init__(self, clock: Clock, environment: Mapping[str, str] = os.environ) -> None:
        self._clock = clock
        self._environment = environment
        self._pacers: dict[str, Pacer] = {}
        self._guard = threading.Lock()

    @abstractmethod
    def host(self, inputs: M) -> Plain:
        """The service's host name, which is part of the manifest's address; it may be UNKNOWN."""

    @abstractmethod
    def settings(self, inputs: M) -> Settings:
        """What the inputs mean for the rows. All values are known."""

    @abstractmethod
    def service(self, host: str, name: str, inputs: M | None) -> Enrollments:
        """The service's calls for a manifest. Without inputs none is made or changed, only removed."""

    @abstractmethod
    def pacer(self) -> Pacer:
        """The pace of the service's calls, all threads and manifests of one host together."""

    @abstractmethod
    def pace(self, inputs: M) -> Pace:
        """How long rows take, for a preview. The inputs may have values that are not known."""

    def told(self, old: M | None, new: M) -> tuple[Notice, ...]:  # noqa: ARG002 - for subclasses
        """What a change does to devices, beside how many rows it is about."""
        return ()

    def faults(self, inputs: M) -> Iterable[Fault]:
        """Everything that does not go together, the file aside."""
        return name_faults(inputs)

    def resource_id(self, inputs: M) -> str:
        """`{host}/manifests/{manifestName}`."""
        return f"{self.host(inputs)}/manifests/{name_of(inputs)}".lower()

    def between(self, inputs: M) -> Iterable[Fault]:
        """As for every device; and the file is the one that the program hashed."""
        yield from self.faults(inputs)
        if not has_unknown([inputs.file, inputs.content_hash]):
            try:
                self._manifest(inputs).verify(Path(inputs.file), inputs.content_hash.lower())
            except ManifestError as error:
                yield Fault("contentHash", str(error))

    def replaced(self, old: M, new: M) -> Mapping[str, str]:
        """Another name is another manifest."""
        if has_unknown([new.file, new.manifest_name]) or name_of(old).lower() == name_of(new).lower():
            return {}
        changed = "manifestName" if (old.manifest_name, new.manifest_name) != (None, None) else "file"
        return {changed: ADDRESS}

    def create(self, inputs: M) -> Made[Outputs]:
        """Send all rows. What an earlier run left behind is gone on with; what another made is left alone."""
        return self._up(inputs, None)

    def update(self, old: State[M, Outputs], new: M) -> Made[Outputs]:
        """Send what the service does not hold as the file says, and remove what the file has no more."""
        return self._up(new, old.outputs.revision)

    def read(self, resource_id: str, known: State[M, Outputs] | None) -> State[M, Outputs] | None:
        """Whether the rows are still there. Raises UnsupportedResourceError to an import."""
        if known is None:
            raise UnsupportedResourceError(
                f"{resource_id}: a manifest is not imported, as the state could not tell its file; declare "
                "it with adopt = true, and `pulumi up` takes in the devices that carry its name"
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
        """Remove all devices that carry the manifest's name."""
        host, _, name = resource_id.partition("/manifests/")
        self._at(host, name).remove()

    def notices(self, old: M | None, new: M) -> tuple[Notice, ...]:
        """How many rows are added, changed and removed, which are refused, and what that does to devices."""
        return (*self._counted(old, new), *self.told(old, new))

    def drift(self, outputs: Outputs) -> tuple[Change, ...]:
        """Rows that were refused, not sent, or lost since, are sent by the next `up`."""
        if outputs.accepted == outputs.rows:
            return ()
        return (Change("accepted", ChangeKind.UPDATE, is_input=False),)

    def _counted(self, old: M | None, new: M) -> Iterator[Notice]:
        plain = write(new)
        if has_unknown([plain.get("file"), plain.get("contentHash"), plain.get("manifestName")]):
            return
        if has_unknown(plain) and old is not None:
            text = f"manifest {name_of(new)}: which rows change depends on values that `pulumi up` will know"
            yield Notice(text)
            return
        wanted = self._wanted(_guessed(new))
        revision = None if old is None else self.settings(old).revision(old.content_hash.lower())
        preview = self._manifest(new, HASTE).preview(wanted, revision, self.pace(new))
        yield from (Notice(text, warning=warning) for text, warning in preview)

    def _up(self, inputs: M, old_revision: str | None) -> Made[Outputs]:
        wanted = self._wanted(inputs)
        result = self._manifest(inputs).up(wanted, old_revision)
        counts = result.counts
        outputs = Outputs(
            rows=counts.rows, accepted=counts.held, refused=result.refused, revision=wanted.revision
        )
        if result.trouble and old_revision is None and not counts.held:
            raise StoppedError(f"manifest {name_of(inputs)}: no row was sent: {result.trouble}")
        if reasons := list(_reasons(name_of(inputs), result)):
            raise InitFailedError(reasons, outputs)
        return Made(outputs, tuple(_taken_in(name_of(inputs), result)))

    def _wanted(self, inputs: M) -> Wanted:
        return Wanted(
            file=Path(inputs.file),
            content_hash=inputs.content_hash.lower(),
            settings=self.settings(inputs),
            allow_removals=inputs.allow_removals,
            adopt=inputs.adopt,
        )

    def _manifest(self, inputs: M, patience: Policy = PATIENCE) -> Manifest:
        host = self.host(inputs)
        known = "unknown" if host is UNKNOWN else host
        name: Plain = name_of(inputs)
        return self._at(known, "unknown" if name is UNKNOWN else name, inputs, patience)

    def _at(self, host: str, name: str, inputs: M | None = None, patience: Policy = PATIENCE) -> Manifest:
        host, name = host.lower(), name.lower()
        with self._guard:
            if host not in self._pacers:
                self._pacers[host] = self.pacer()
        delivery = Delivery(
            lambda: self.service(host, name, inputs), name, self._pacers[host], self._clock, patience
        )
        return Manifest(name, host, place(host, name, self._environment), delivery, self._clock, self._ends())

    def _ends(self) -> float | None:
        # A manifest takes the time that the service's rate makes it take. Five minutes are what the engine's
        # calls get when the program says nothing; only what the program says with customTimeouts holds here.
        left = remaining_seconds(self._clock)
        return None if abs(left - DEFAULT_SECONDS) < 1.0 else self._clock.now() + left


def _guessed(inputs: M) -> M:
    """The inputs with something for what only `up` will know: enough to read the file."""
    unknown = [
        each for each in props(type(inputs)) if has_unknown(write_value(getattr(inputs, each.attribute)))
    ]
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
