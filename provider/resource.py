"""The pattern every resource follows: a `Handler` declares its properties and says how to reach the service.

A handler holds what is special to a resource; check, diff, preview and the shape of the state come from
here. To add one, see docs/provider.md."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Generic, TypeVar

from provider.checking import Checked, Fault, check
from provider.differing import Change, Difference, bared, changes, differences, keep_spelling
from provider.errors import AlreadyExistsError, ConflictError
from provider.fields import conceal, props, read, write
from provider.values import UNKNOWN, Plain, Properties, has_unknown

I = TypeVar("I")  # noqa: E741 - inputs
O = TypeVar("O")  # noqa: E741 - outputs


@dataclass(frozen=True)
class Notice:
    """Something the person should read beside the diff: a warning, or plain information."""

    text: str
    warning: bool = False


@dataclass(frozen=True, kw_only=True)
class NoOutputs:
    """For a resource of which all is known beforehand."""


@dataclass(frozen=True)
class Made(Generic[O]):
    """What `create` and `update` give back: the computed properties, and what the person should know."""

    outputs: O
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class State(Generic[I, O]):
    """A resource as the state holds it, or as `read` finds it live: its inputs and its computed
    properties.
    """

    inputs: I
    outputs: O


@dataclass(frozen=True)
class Diff:
    """What an `up` would do to an existing resource."""

    changes: tuple[Change, ...]
    delete_first: bool
    notices: tuple[Notice, ...]


@dataclass(frozen=True)
class Snapshot:
    """Plain inputs and properties of a resource, ready for the state."""

    inputs: Properties
    properties: Properties


class Handler(ABC, Generic[I, O]):
    """One resource type. Subclasses set the class variables and talk to the service; nothing here does.

    The methods that subclasses write get known values only, except `between`, `replaced`, `notices` and
    `drift`, which a preview calls too: there any value may be UNKNOWN. All raise ProviderError or ClientError
    with a text for the person."""

    token: ClassVar[str]
    title: ClassVar[str]
    doc: ClassVar[str]
    inputs: ClassVar[type]
    outputs: ClassVar[type] = NoOutputs

    @abstractmethod
    def resource_id(self, inputs: I) -> str:
        """The id that follows from the inputs; the one `pulumi import` takes."""

    @abstractmethod
    def create(self, inputs: I) -> Made[O]:
        """Make it. Raises AlreadyExistsError, and InitFailedError when it is made but not ready."""

    @abstractmethod
    def read(self, resource_id: str, known: State[I, O] | None) -> State[I, O] | None:
        """What is there now; None when it is gone. `known` is None for an import."""

    @abstractmethod
    def update(self, old: State[I, O], new: I) -> Made[O]:
        """Change it. Raises ConflictError when it is not as the state says."""

    @abstractmethod
    def delete(self, resource_id: str) -> tuple[Notice, ...] | None:
        """Remove it. One that is gone already is no error. What the person should know, if anything."""

    def between(self, inputs: I) -> Iterable[Fault]:  # noqa: ARG002 - for subclasses
        """What is wrong between properties that are right by themselves. One with a fault of its own comes as
        UNKNOWN, so that all faults are told at once.
        """
        return ()

    def replaced(self, old: I, new: I) -> Mapping[str, str]:  # noqa: ARG002 - for subclasses
        """Properties (by name) whose change needs a new resource this time, although other changes of them
        may not, with the reason; for those that always do, a better reason than the declaration's.
        """
        return {}

    def notices(self, old: I | None, new: I) -> tuple[Notice, ...]:  # noqa: ARG002 - for subclasses
        """What a person should know before this change is made; `old` is None before a creation."""
        return ()

    def drift(self, outputs: O) -> tuple[Change, ...]:  # noqa: ARG002 - for subclasses
        """Changes that the computed properties call for, although the inputs stay the same."""
        return ()

    # What follows is the same for every resource.

    def adopt(
        self,
        named: str,
        inputs: I,
        current: I,
        *,
        differs: str = "differs from the program",
        same: str = "exactly as declared",
    ) -> Notice:
        """What to say of a thing that a creation found in place, alike to what it would have made: a run that
        was killed between the service's answer and the state's write leaves that.

        Raises AlreadyExistsError when it is not alike.
        """
        if found := self.differing(inputs, current):
            raise AlreadyExistsError(
                f"{named} exists, is not in this stack's state, and {differs}:",
                found,
                f"To manage it here: pulumi import {self.token} NAME {self.resource_id(inputs)}",
            )
        return Notice(f"{named} existed already, {same}; it was taken into the state", warning=True)

    def differing(self, ours: I, theirs: I) -> list[Difference]:
        """Where two sets of inputs do not say the same."""
        return list(differences(self.inputs, write(ours), write(theirs)))

    def gone(self, named: str) -> ConflictError:
        """To raise when what should be changed is not there any more."""
        return ConflictError(f"{named} is gone from the service", (), REFRESH)

    def overtaken(self, named: str, old: I, current: I, versions: tuple[str, str]) -> ConflictError:
        """To raise when somebody else changed it; `versions` are the state's and the service's ETag."""
        return ConflictError(
            f"{named} was changed in the service after this stack's state was written; nothing was sent. "
            f"The state has ETag {versions[0]}, the service {versions[1]}:",
            self.differing(old, current),
            REFRESH,
        )

    def check(self, given: Mapping[str, Plain]) -> Checked:
        """The inputs with defaults, and all their faults. Needs no service."""
        checked = check(self.inputs, given)
        sound = {**checked.inputs, **{fault.name: UNKNOWN for fault in checked.faults}}
        return Checked(checked.inputs, (*checked.faults, *self.between(read(self.inputs, sound))))

    def diff(
        self, old_inputs: Mapping[str, Plain], old: Mapping[str, Plain], new: Mapping[str, Plain]
    ) -> Diff:
        """What changes, why, and in which order. `old` are the whole properties. Needs no service."""
        found = changes(self.inputs, old_inputs, new) + self.drift(read(self.outputs, old))
        found += tuple(each for each in bared(old, new) if each.name not in {other.name for other in found})
        before: I = read(self.inputs, old_inputs)
        after: I = read(self.inputs, new)
        why = self.replaced(before, after)
        found = tuple(replace(each, replaces=why.get(each.name, each.replaces)) for each in found)
        said = tuple(Notice(self._reason(change)) for change in found if change.replaces)
        if found and not said:  # of a replacement, its creation tells
            said = self.notices(before, after)
        return Diff(found, self._collides(old_inputs, new), said)

    def planned(self, new: Mapping[str, Plain]) -> Properties:
        """The properties that a preview of a creation or an update can promise: computed ones are unknown."""
        return self._concealed({**new, **{each.name: UNKNOWN for each in props(self.outputs)}}, new)

    def properties(self, inputs: Mapping[str, Plain], outputs: O) -> Properties:
        """The properties for the state: the inputs as given, and what was computed; secrets marked."""
        return self._concealed({**inputs, **write(outputs)}, inputs)

    def found(self, known: Mapping[str, Plain], live: State[I, O]) -> Snapshot:
        """A live resource for the state, in the spelling that the state knows already."""
        inputs = conceal(self.inputs, keep_spelling(self.inputs, known, write(live.inputs)), known)
        return Snapshot(inputs, self.properties(inputs, live.outputs))

    def state(self, inputs: Mapping[str, Plain], properties: Mapping[str, Plain]) -> State[I, O]:
        """The typed form of what the engine holds."""
        return State(read(self.inputs, inputs), read(self.outputs, properties))

    def stable(self) -> list[str]:
        """The properties that no update ever changes."""
        return [each.name for each in props(self.inputs) if each.replaces]

    def _concealed(self, properties: Properties, like: Mapping[str, Plain]) -> Properties:
        return conceal(self.outputs, conceal(self.inputs, properties, like), {})

    def _reason(self, change: Change) -> str:
        return (
            f"{change.path} {_CHANGES[change.kind.value]}, so the {self.title} is replaced: {change.replaces}"
        )

    def _collides(self, old: Mapping[str, Plain], new: Mapping[str, Plain]) -> bool:
        # Two of one name cannot stand side by side: then the old one goes first.
        if has_unknown([new.get(name) for name in self.stable()]):
            return False
        return self.resource_id(read(self.inputs, old)) == self.resource_id(read(self.inputs, new))


REFRESH = "Run `pulumi refresh` to take the service's side into the state, then `pulumi up` to decide on it"
"""What to do about a conflict."""

_CHANGES = {"add": "is new", "delete": "is gone", "update": "changes"}
