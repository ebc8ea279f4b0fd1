"""The calls of a resource type: what a table entry's `calls` may be. Services add their own to these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from localcloud.providers.boto.codes import is_missing
from localcloud.providers.boto.context import Context
from localcloud.providers.documents import at
from localcloud.providers.errors import CloudRefused, ProviderError

Wish = Mapping[str, Any]
"""What is declared, as the parameters of the operation that creates."""


class Calls(Protocol):
    """How a resource is made, read, changed and taken away. Raises `CloudRefused`."""

    def create(self, to: Context, wish: Wish) -> str:
        """Make it; its id."""

    def complete(self, to: Context, identity: str, wish: Wish) -> None:
        """Do what is left to do once it is there and has its id."""

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:
        """The id of that which is in the way; "" when it cannot be told."""

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """It as it is; None when it is gone."""

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """Change it in place. `live` is it as it is."""

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:
        """Take it away; one that is gone already is in order."""


def missing_is_none(to: Context, operation: str, **parameters: object) -> dict[str, Any] | None:
    """An operation's answer; None when what it asks for is not there."""
    try:
        return to.ask(operation, **parameters)
    except CloudRefused as refused:
        if is_missing(refused):
            return None
        raise


@dataclass(frozen=True)
class Base:
    """What most have in common: nothing to complete or change, nothing known of what is in the way."""

    def complete(self, to: Context, identity: str, wish: Wish) -> None:
        """Nothing is left to do."""

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - for those that know
        """It cannot be told."""
        return ""

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """Nothing of it changes in place but tags."""


@dataclass(frozen=True)
class Plain(Base):
    """A resource with a name of its own: one operation each, all of which take the name as `key`.

    Attributes:
        key: the parameter that takes the name.
        creator: the operation that creates.
        reader: the operation that reads; `inside` is the place of the resource in its answer.
        changer: the operation that changes; empty when nothing changes but tags.
        remover: the operation that deletes; empty when nothing is to be deleted.
        identity: the place of the id in the answer of `creator`, when it is not the name.
        always: parameters of every change.
        first: what `changer` has to be told before a delete.
    """

    key: str
    creator: str
    reader: str
    changer: str = ""
    remover: str = ""
    inside: str = ""
    identity: str = ""
    always: tuple[tuple[str, Any], ...] = ()
    first: tuple[tuple[str, Any], ...] = ()

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        made = to.do(self.creator, **wish)
        return str(at(made, tuple(self.identity.split("."))) if self.identity else wish[self.key])

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """The name."""
        return str(wish[self.key]) if not self.identity else ""

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """One call."""
        found = missing_is_none(to, self.reader, **{self.key: identity})
        return found.get(self.inside) if found and self.inside else found

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call with all that is declared."""
        if self.changer:
            to.do(self.changer, **{**wish, **dict(self.always), self.key: identity})

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002 - the id says all
        """One call, or two when it has to be switched off before."""
        if (
            self.first
            and missing_is_none(to, self.changer, **{self.key: identity}, **dict(self.first)) is None
        ):
            return
        if self.remover:
            missing_is_none(to, self.remover, **{self.key: identity})


NEXT = ("nextToken", "nextToken")
"""What the next page is called in an answer, and in the parameters that ask for it."""


def pages(
    to: Context, operation: str, listed: str, parameters: Mapping[str, Any], following: tuple[str, str] = NEXT
) -> Iterator[Any]:
    """All items of an operation that lists page by page."""
    answered, asked = following
    answer = to.ask(operation, **parameters)
    yield from answer.get(listed) or ()
    while answer.get(answered):
        answer = to.ask(operation, **parameters, **{asked: answer[answered]})
        yield from answer.get(listed) or ()


@dataclass(frozen=True)
class Attachment(Base):
    """One thing held by another; its id is both, with a separator between.

    Attributes:
        holder: the parameter of the first part of the id.
        held: the parameter of the second.
        creator: the operation that attaches.
        remover: the operation that takes away.
        lister: the operation that lists, and the parameter that it takes.
        listed: the place of the list in its answer; `item` is the place of the other part in an item.
        separator: between the parts of the id.
        following: what the next page is called.
    """

    holder: str
    held: str
    creator: str
    remover: str
    lister: tuple[str, str]
    listed: str
    item: str = ""
    separator: str = "|"
    following: tuple[str, str] = NEXT

    def create(self, to: Context, wish: Wish) -> str:
        """One call; attaching again changes nothing."""
        to.do(self.creator, **wish)
        return f"{wish[self.holder]}{self.separator}{wish[self.held]}"

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Look for one part in the other's list."""
        parts = self._parts(identity)
        operation, parameter = self.lister
        sought = parts[self.held if parameter == self.holder else self.holder]
        try:
            items = list(pages(to, operation, self.listed, {parameter: parts[parameter]}, self.following))
        except CloudRefused as refused:
            if is_missing(refused):
                return None
            raise
        found = next((it for it in items if (it[self.item] if self.item else it) == sought), None)
        return None if found is None else {**(found if isinstance(found, Mapping) else {}), **parts}

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002 - the id says all
        """One call."""
        to.do(self.remover, **self._parts(identity))

    def _parts(self, identity: str) -> dict[str, str]:
        first, separator, second = identity.partition(self.separator)
        if not separator:
            raise ProviderError(
                f"{identity!r} is no id; one looks like {self.holder}{self.separator}{self.held}"
            )
        return {self.holder: first, self.held: second}


@dataclass(frozen=True)
class Singleton(Base):
    """What an account has once in a region: it is set, never made or taken away; its id is the region.

    Attributes:
        setter: the operation that sets.
        reader: the operation that reads.
    """

    setter: str
    reader: str

    def create(self, to: Context, wish: Wish) -> str:
        """Set it, whatever it was, as the published provider does."""
        to.do(self.setter, **wish)
        return to.region

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """As it is."""
        return missing_is_none(to, self.reader)

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Set it."""
        to.do(self.setter, **wish)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:
        """It stays as it is, as with the published provider."""
