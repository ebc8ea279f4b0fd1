"""What a table entry says of a resource type of `aws` or `aws-native`. Data only.

Tokens, properties and ids: pulumi-aws 7.51.1 and pulumi-aws-native 1.84.0 (their Python SDKs' docstrings and
argument classes, with the import formats). What forces a replacement and what is filled in: the documentation
of the Terraform provider that pulumi-aws bridges; for aws-native what its SDK lists (`replace_on_changes`).
What a value may be: the service model of the operation that creates (botocore).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.providers.boto.calls import Calls
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.shapes import Fault, Shape
from localcloud.providers.wire import Data


@dataclass(frozen=True, eq=False)
class Property:
    """One property that a program may set.

    Attributes:
        at: its place in the parameters of the operation that creates; `calls` uses what that has not.
        seen: its place in what is read, when it is another; "-" when it is never given back.
        model: where the parameters' model has it, when that is elsewhere; `[]` steps into a list.
        how: makes the program's form of the model's shape: a flag of a status, a map of tags.
        shape: what it may be, where the operation has it not.
        fixed: whether only a replacement changes it.
        required: whether the published provider demands it.
        default: what the published provider fills in.
        computed: whether the service chooses when nothing is declared.
        secret: whether it is hidden.
        cleared: parameters of an update that take it away.
    """

    at: str
    seen: str = ""
    model: str = ""
    how: Callable[[Shape], Shape] | None = None
    shape: Shape | None = None
    fixed: bool = False
    required: bool = False
    default: Data = None
    computed: bool = False
    secret: bool = False
    cleared: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_read(self) -> bool:
        """Whether a read gives it back."""
        return self.seen != "-"


@dataclass(frozen=True)
class Naming:
    """How a name is made when the program gives none: pulumi-aws' and aws-native's rule, then `finish`.

    Attributes:
        separator: between the resource's name and seven random digits.
        longest: what the name is cut to.
        copied: whether it is the resource's name alone.
        finish: what else becomes of it, with the other inputs in hand.
    """

    separator: str = "-"
    longest: int = 255
    copied: bool = False
    finish: Callable[[str, Mapping[str, Any]], str] | None = None


@dataclass(frozen=True, eq=False)
class Kind:
    """One resource type.

    Attributes:
        token: `aws:module/type:Type` or `aws-native:module:Type`.
        service: botocore's name of the service.
        operation: the operation that creates; its input says what a property may be.
        properties: what a program may set, by Pulumi's names.
        outputs: what only the service sets: where it stands in what is read.
        calls: how it is made, read, changed and taken away.
        name: the property that is named automatically; "" for none.
        naming: how.
        tagging: how its tags are read and changed.
        late: properties that `calls.complete` sets, after the create.
        renamed: nested properties that Pulumi does not spell as the model does, by their paths.
        absent: nested members of the model that Pulumi has not, by their paths.
        unserved: properties, also nested, that Pulumi has and this stand-in not.
        demanded: nested properties that Pulumi demands and the model does not, by their paths.
        forms: what `how` does, for nested properties by their paths.
        sets: lists whose order means nothing, also nested ones.
        usual: nested properties that are at rest with a value when nothing is declared, by the paths of
            what they are in; any other value is drift.
        fixed: nested properties that only a replacement changes.
        secrets: outputs that are hidden.
        judge: what else is wrong with the inputs: where, and why.
        is_regional: whether it has a region of its own.
    """

    token: str
    service: str
    operation: str
    properties: Mapping[str, Property]
    outputs: Mapping[str, str]
    calls: Calls
    name: str = "name"
    naming: Naming = Naming()
    tagging: Tagging | None = None
    late: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    unserved: frozenset[str] = frozenset()
    demanded: frozenset[str] = frozenset()
    forms: Mapping[str, Callable[[Shape], Shape]] = field(default_factory=dict)
    sets: frozenset[str] = frozenset()
    usual: Mapping[str, Mapping[str, Data]] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    judge: Callable[[Mapping[str, Any]], Iterator[Fault]] | None = None
    is_regional: bool = True

    @property
    def replacing(self) -> frozenset[str]:
        """Every property that only a replacement changes."""
        return self.fixed | {name for name, it in self.properties.items() if it.fixed}


def own(at: str, *, shape: Shape | None = None, seen: str = "") -> Property:
    """The resource's own name."""
    return Property(at, fixed=True, required=True, shape=shape, seen=seen)
