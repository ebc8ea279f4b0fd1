"""What a query is made of."""

from dataclasses import dataclass

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Undefined:
    """The constant `undefined`, and the value of what a twin does not have."""


UNDEFINED = Undefined()


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: Scalar | Undefined


@dataclass(frozen=True, slots=True)
class Array:
    """`['a', 'b']`: constants only."""

    items: tuple[Scalar | Undefined, ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """A path into the twin, such as tags.location.region."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; `name` is in capitals."""

    name: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """NOT or minus."""

    operator: str
    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands; `operator` is in capitals, `<>` is written `!=`."""

    operator: str
    left: "Expression"
    right: "Expression"


Expression = Literal | Array | Attribute | Call | Unary | Binary


@dataclass(frozen=True, slots=True)
class Aggregate:
    """COUNT(), or AVG, SUM, MIN or MAX of an attribute."""

    function: str
    attribute: Attribute | None


@dataclass(frozen=True, slots=True)
class Column:
    """One element of a SELECT list; `alias` is its name in the row, empty where it is the attribute's own."""

    value: Attribute | Aggregate
    alias: str


@dataclass(frozen=True, slots=True)
class Condition:
    """Which twins are meant: those of `collection` ("devices" or "devices.modules") where `where` is true.

    `where` None means all of them.
    """

    collection: str
    where: Expression | None


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query. `columns` is empty for `*`; `top` None means all rows."""

    condition: Condition
    columns: tuple[Column, ...]
    group_by: tuple[Attribute, ...]
    top: int | None

    @property
    def is_projection(self) -> bool:
        """Whether its rows are no twins."""
        return bool(self.columns)
