"""One resource type of a table, from check to delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from localcloud.providers.boto import body, models, naming
from localcloud.providers.boto.codes import is_missing, is_taken
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind
from localcloud.providers.boto.session import Session
from localcloud.providers.difference import Change, Difference, compare
from localcloud.providers.documents import at
from localcloud.providers.errors import CloudRefused, Incomplete, ProviderError
from localcloud.providers.plugin import Checked, Declaration, Live
from localcloud.providers.shapes import Fault, faults


class BotoResource:
    """A `plugin.Resource` that a table entry describes."""

    def __init__(self, kind: Kind, session: Session) -> None:
        self._kind = kind
        self._session = session

    def check(self, declaration: Declaration) -> Checked:
        """Name and defaults filled in; the rest against the service's model."""
        named = naming.with_name(self._kind, declaration)
        defaults = {name: it.default for name, it in self._kind.properties.items() if it.default is not None}
        record = models.inputs(self._kind)
        inputs = body.ordered(defaults | named, record)
        found = [self._advised(it) for it in faults(inputs, record)]
        return Checked(inputs, (*found, *(self._kind.judge(inputs) if self._kind.judge else ())))

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
        """Inputs against inputs. Without a random name the old has to go before the new can come."""
        changes = compare(old, new, self._kind.replacing | {"region"}, body.same_at)
        return Difference(
            changes, delete_first=bool(self._kind.name) and not old.get(naming.CREATE_FIRST, False)
        )

    def preview(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
        """Outputs as far as they are known."""
        return body.preview(self._kind, inputs, outputs)

    def create(self, inputs: Mapping[str, Any]) -> Live:
        """Make it. What is there just as declared is taken over: an interrupted run left it (ADR 0006)."""
        to, wish = self._to(inputs), self._wish(inputs)
        try:
            identity = self._kind.calls.create(to, wish)
        except CloudRefused as refused:
            return self._taken_over(to, wish, inputs, refused)
        return self._completed(to, identity, wish, inputs)

    def _completed(
        self, to: Context, identity: str, wish: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> Live:
        """What a create cannot say, said to what is there."""
        try:
            self._kind.calls.complete(to, identity, wish)
            live = self._read(to, identity, inputs, inputs)
        except ProviderError as error:
            raise Incomplete(str(error), identity, inputs, inputs) from None
        if live is None:
            raise Incomplete(f"{identity}: made, and not there", identity, inputs, inputs)
        return live

    def _is_unfinished(self, changes: Iterable[Change], found: Mapping[str, Any]) -> bool:
        """Whether all that differs is what a create leaves to later, and is as the create leaves it."""
        live, late = body.to_inputs(self._kind, found), self._kind.late
        names = {str(it.path[0]) for it in changes}
        fresh = {it for it in late if not live.get(it) or live[it] == self._kind.properties[it].default}
        return names <= fresh

    def _taken_over(
        self, to: Context, wish: Mapping[str, Any], inputs: Mapping[str, Any], refused: CloudRefused
    ) -> Live:
        identity = self._kind.calls.existing(to, wish, refused) if is_taken(refused) else ""
        found = self._document(to, identity, inputs) if identity else None
        if found is None and identity:
            raise ProviderError(
                f"{refused}\n  {identity} is not in this account and region; another one may have it"
            )
        if found is None:
            raise refused
        changes = self.diff(inputs, body.project(self._kind, inputs, found)).changes
        if changes and self._is_unfinished(changes, found):
            return self._completed(to, identity, wish, inputs)
        if changes:
            raise ProviderError(
                f"{refused}\n  {identity} exists already and is not as declared; delete it, or take it over: "
                f"pulumi import {self._kind.token} <name> {identity}"
            )
        return Live(identity, self._outputs(to, found, inputs), dict(inputs))

    def read(self, identity: str, inputs: Mapping[str, Any]) -> Live | None:
        """Declared properties as they are now; all of them when none are declared (an import)."""
        return self._read(self._to(inputs), identity, inputs, None)

    def update(self, identity: str, inputs: Mapping[str, Any]) -> Live:
        """Make it as declared; what is no longer declared is taken away."""
        to = self._to(inputs)
        found = self._document(to, identity, inputs)
        if found is None:
            raise ProviderError(f"{self._kind.token} {identity} is gone; run pulumi refresh")
        wish = {**self._cleared(inputs, found), **self._wish(inputs)}
        self._kind.calls.update(to, identity, wish, found)
        if self._kind.tagging is not None and "tags" in self._kind.properties:
            self._tag(to, found, wish)
        live = self._read(to, identity, inputs, inputs)
        if live is None:
            raise ProviderError(f"{self._kind.token} {identity} is gone; run pulumi refresh")
        return live

    def delete(self, identity: str, state: Mapping[str, Any] | None = None) -> None:
        """Take it away."""
        known = state or {}
        try:
            self._kind.calls.delete(self._to(known), identity, known)
        except CloudRefused as refused:
            if not is_missing(refused):
                raise

    def _to(self, inputs: Mapping[str, Any]) -> Context:
        region = inputs.get("region") if self._kind.is_regional else None
        return Context(self._session, self._kind.service, region or self._session.settings.region)

    def _wish(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return body.to_wish(self._kind, inputs)

    def _cleared(self, inputs: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters that take away what is there and no longer declared."""
        live = body.to_inputs(self._kind, found)
        cleared: dict[str, Any] = {}
        for name, it in self._kind.properties.items():
            if name in live and name not in inputs:
                cleared |= it.cleared
        return cleared

    def _tag(self, to: Context, found: Mapping[str, Any], wish: Mapping[str, Any]) -> None:
        tagging = self._kind.tagging
        assert tagging is not None
        place = self._kind.properties["tags"].at
        tags = wish.get(place) or {}
        wanted = (
            dict(tags)
            if isinstance(tags, Mapping)
            else {it[tagging.pair[0]]: it[tagging.pair[1]] for it in tags if tagging.pair}
        )
        tagging.write(to.ask, str(at(found, tuple(tagging.by.split(".")))), wanted)

    def _document(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """It as it is, with its tags."""
        found = self._kind.calls.read(to, identity, inputs)
        tagging = self._kind.tagging
        if found is None or tagging is None or "tags" not in self._kind.properties:
            return found
        it = self._kind.properties["tags"]
        tags = tagging.read(to.ask, str(at(found, tuple(tagging.by.split(".")))))
        return {**found, it.seen or it.at: tagging.spelt(tags)}

    def _read(
        self, to: Context, identity: str, inputs: Mapping[str, Any], kept: Mapping[str, Any] | None
    ) -> Live | None:
        """It as it is; its inputs are `kept`, the projected or, for an import, all."""
        found = self._document(to, identity, inputs)
        if found is None:
            return None
        outputs = self._outputs(to, found, inputs)
        if kept is not None:
            return Live(identity, outputs, dict(kept))
        declared = body.project(self._kind, inputs, found) if inputs else body.to_inputs(self._kind, found)
        return Live(identity, outputs, declared)

    def _outputs(self, to: Context, found: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        return body.to_outputs(self._kind, found, inputs, to.region)

    def _advised(self, fault: Fault) -> Fault:
        """The fault, with what to do where a setting would have filled the property in."""
        if fault.path == (self._kind.name,) and "missing" in fault.reason:
            return Fault(fault.path, f"{fault.reason}; automatic names are switched off for this stack")
        return fault
