"""What can go wrong in the provider, told to the person who runs `pulumi up`.

    ProviderError
    ├── UnsupportedValueError     an asset, an archive or a resource where data was expected
    ├── UnknownResourceError      a type token this provider does not have
    ├── InvalidIdError            an id that `pulumi import` cannot take
    ├── DifferingError
    │   ├── AlreadyExistsError    the thing is there, differs from its declaration, and is not in the state
    │   └── ConflictError         the service changed the thing since the state was written
    ├── UnsupportedResourceError  what is in the service is of a kind that the resource type cannot hold
    ├── IncompleteInputError      enough to import the thing, but not to make or change it
    ├── ParentError               the gateway that a device names is not there, or is none
    ├── ProofError                possession of a CA could not be proven
    └── InitFailedError           made, but not ready: the state keeps it, the next `up` goes on from there

Errors of the services themselves are `provider.clients.errors.ClientError`, those of certificates
`certs.errors`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provider.differing import Difference


class ProviderError(Exception):
    """Root of the tree. `str(error)` is the whole text for the person; it never holds a secret."""

    def told(self, hidden: Collection[str] = ()) -> str:  # noqa: ARG002 - for subclasses
        """The text for the person who may see everything but the properties named in `hidden`."""
        return str(self)


class UnsupportedValueError(ProviderError):
    """A property holds something that is no plain data."""


class UnknownResourceError(ProviderError):
    """The program asks for a resource type that this provider does not have."""


class InvalidIdError(ProviderError):
    """The id given to `pulumi import` has not the form that the resource type needs."""


class DifferingError(ProviderError):
    """Two versions of a resource stand against each other.

    `str(error)` names the properties; `told` shows both values, except those of secret properties.
    """

    def __init__(self, wrong: str, differences: Sequence[Difference], advice: str) -> None:
        super().__init__("\n  ".join([wrong, *(each.path for each in differences)]) + f"\n{advice}")
        self._wrong = wrong
        self._advice = advice
        self.differences = tuple(differences)

    def told(self, hidden: Collection[str] = ()) -> str:
        """The text with both sides; `hidden` names the properties that are secret."""
        return (
            "\n  ".join([self._wrong, *(each.line(hidden) for each in self.differences)])
            + f"\n{self._advice}"
        )


class AlreadyExistsError(DifferingError):
    """What should be created exists and differs: it is never taken over in silence."""


class ConflictError(DifferingError):
    """Somebody changed the resource after the state was written; the text names both sides."""


class UnsupportedResourceError(ProviderError):
    """The live resource is of a kind that this resource type cannot describe."""


class IncompleteInputError(ProviderError):
    """An input that an import wrote stands for something that only the program can give."""


class ParentError(ProviderError):
    """The gateway that a device is to be a child of is not there, or is none."""


class ProofError(ProviderError):
    """The proof of possession of a certificate authority could not be given."""


class InitFailedError(ProviderError):
    """The resource exists in the service but could not be finished.

    `outputs` is an instance of the handler's output dataclass: what is known of the half-made resource.
    """

    def __init__(self, reasons: Sequence[str], outputs: object) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)
        self.outputs = outputs
