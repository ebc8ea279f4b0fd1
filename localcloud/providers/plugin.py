"""What a stand-in has to offer; `servicer` puts it on the engine's wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from localcloud.providers.difference import Difference
from localcloud.providers.shapes import Fault


@dataclass(frozen=True)
class Proposal:
    """The engine's own wish for an automatic name (`pulumi:autonaming` configuration)."""

    mode: Literal["propose", "enforce", "disable"]
    name: str


@dataclass(frozen=True)
class Declaration:
    """One resource as the program declares it.

    Attributes:
        name: its name in the program (the last part of its URN).
        new: its inputs; unknown and secret values marked.
        old: its inputs in state; empty for a new resource and for the new one of a replacement.
        seed: randomness for automatic names, the same in a preview and the update that follows it.
        proposal: the engine's wish for an automatic name, if any.
    """

    name: str
    new: Mapping[str, Any]
    old: Mapping[str, Any]
    seed: bytes = b""
    proposal: Proposal | None = None


@dataclass(frozen=True)
class Checked:
    """Inputs with defaults filled in, and all that is wrong with them."""

    inputs: dict[str, Any]
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Live:
    """A resource as the cloud has it now."""

    identity: str
    outputs: dict[str, Any]
    inputs: dict[str, Any]


class Resource(Protocol):
    """One resource type. `create`, `read`, `update`, `delete` talk to the cloud and raise `ProviderError`."""

    def check(self, declaration: Declaration) -> Checked:
        """Fill in defaults; find every fault."""

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
        """What changed between the inputs in state and those declared."""

    def preview(self, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs as far as they can be known before a create (`outputs` empty) or an update."""

    def create(self, inputs: Mapping[str, Any]) -> Live:
        """Make it; raises `Incomplete` when the cloud has it but did not finish."""

    def read(self, identity: str, inputs: Mapping[str, Any]) -> Live | None:
        """Look at it; None when it is gone. Without inputs (an import) all of them come from the cloud."""

    def update(self, identity: str, inputs: Mapping[str, Any]) -> Live:
        """Change it in place."""

    def delete(self, identity: str, state: Mapping[str, Any] | None = None) -> None:
        """Remove it; one that is gone already is in order. `state` is what was last known of it."""


class Plugin(Protocol):
    """A provider: its types and functions by token."""

    name: str
    version: str

    def check_config(self, settings: Mapping[str, Any]) -> Sequence[Fault]:
        """All that is wrong with the provider's settings."""

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Take the settings, before anything else is asked."""

    def tokens(self) -> Sequence[str]:
        """The resource types it serves."""

    def resource(self, token: str) -> Resource:
        """The type of that token; raises `UnknownToken`."""

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call a function; raises `UnknownToken`."""
