"""One resource type of the table, from check to delete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from localcloud.providers import assets
from localcloud.providers.azure_native import body, models, naming
from localcloud.providers.azure_native.calls import Calls
from localcloud.providers.azure_native.entries import ResourceType
from localcloud.providers.azure_native.session import Session
from localcloud.providers.difference import Difference, compare
from localcloud.providers.errors import CloudRefused, Incomplete, ProviderError
from localcloud.providers.paths import Path, render
from localcloud.providers.plugin import Checked, Declaration, Live
from localcloud.providers.shapes import Fault, faults
from localcloud.providers.wire import Data


class ArmResource:
    """A `plugin.Resource` that an ARM table entry describes.

    Args:
        kind: its entry.
        session: how it reaches ARM; check, diff and preview do not.
        group_location: where a resource group is, for a resource that declares no location.
    """

    def __init__(
        self, kind: ResourceType, session: Session, group_location: Callable[[str], str | None]
    ) -> None:
        self._kind = kind
        self._calls = self._made_calls(kind, session)
        self._settings = session.settings
        self._group_location = group_location

    def _made_calls(self, kind: ResourceType, session: Session) -> Calls:
        return Calls(kind, session)

    def identity(self, inputs: Mapping[str, Any]) -> str:
        """The ARM id of declared path parameters."""
        return self._calls.identity(inputs)

    def check(self, declaration: Declaration) -> Checked:
        """Name and location filled in; the rest against the published model."""
        named = naming.with_name(self._kind, declaration)
        inputs = naming.with_location(
            self._kind, named, declaration.old, self._settings.location, self._group_location
        )
        found = faults(inputs, models.inputs(self._kind))
        return Checked(inputs, tuple(_advised(found, self._kind)))

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
        """Inputs against inputs. Without a random name the old has to go before the new can come."""
        fixed = self._kind.fixed | set(self._kind.path_names)
        changes = compare(old, new, fixed, _same)
        return Difference(changes, delete_first=not old.get(naming.CREATE_FIRST, False))

    def preview(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs as far as they are known."""
        return body.preview(self._kind, inputs, outputs)

    def create(self, inputs: Mapping[str, Any]) -> Live:
        """Put it where nothing is. What is there just as declared is taken over: an interrupted run left it.

        (azure-native refuses that too; on the local stack a killed `up` has to be finished by the next.)
        """
        identity = self._calls.identity(inputs)
        found = self._calls.get(identity)
        if found is None:
            return self._put(identity, inputs)
        if self.diff(inputs, body.project(self._kind, inputs, found)).changes:
            raise ProviderError(
                f"{identity} exists already and is not as declared; delete it, or take it over: "
                f"pulumi import {self._kind.token} <name> {identity}"
            )
        return self._live(found, inputs)

    def read(self, identity: str, inputs: Mapping[str, Any]) -> Live | None:
        """Declared properties as they are now; all of them when none are declared (an import)."""
        found = self._calls.get(identity)
        if found is None:
            return None
        if inputs:
            return self._live(found, body.project(self._kind, inputs, found))
        parameters = self._calls.parameters(found["id"])
        return self._live(found, body.to_inputs(self._kind, found) | parameters)

    def update(self, identity: str, inputs: Mapping[str, Any]) -> Live:
        """Put what is declared; ARM drops what is not, as it does for azure-native."""
        return self._put(identity, inputs)

    def delete(self, identity: str, state: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - its id says all
        """Remove it."""
        self._calls.delete(identity)

    def _put(self, identity: str, inputs: Mapping[str, Any]) -> Live:
        finish = self._calls.put(identity, body.to_body(self._kind, inputs))
        try:
            finish()
            found = self._calls.get(identity)
        except CloudRefused as refused:
            raise self._incomplete(str(refused), identity, inputs) from None
        if found is None:
            raise self._incomplete(f"{identity}: accepted by ARM, and not there", identity, inputs)
        return self._live(found, inputs)

    def _incomplete(self, reason: str, identity: str, inputs: Mapping[str, Any]) -> Incomplete:
        return Incomplete(reason, identity, inputs, inputs)

    def _live(self, document: Mapping[str, Any], inputs: Mapping[str, Any]) -> Live:
        return Live(document["id"], body.to_outputs(self._kind, document), dict(inputs))


def _same(path: Path, old: Data, new: Data) -> bool:
    """ARM's idea of sameness, for a location and for ids (`body.same`); an asset is its content."""
    if assets.both(old, new):
        return bool(old.get("hash") == new.get("hash"))
    name = path[-1]
    return isinstance(name, str) and (len(path) == 1 or name != "location") and body.same(name, old, new)


def _advised(found: Iterable[Fault], kind: ResourceType) -> Iterable[Fault]:
    """The faults, with what to do where a setting would have filled the property in."""
    for fault in found:
        if render(fault.path) == "location" and "missing" in fault.reason:
            advice = "set it, or run pulumi config set azure-native:location <region>"
            yield Fault(fault.path, f"{fault.reason}; {advice}")
        elif render(fault.path) == kind.name and "missing" in fault.reason:
            yield Fault(fault.path, f"{fault.reason}; automatic names are switched off for this stack")
        else:
            yield fault
