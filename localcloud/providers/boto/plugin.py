"""A stand-in as the engine sees it: tokens to table entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.providers.boto import settings
from localcloud.providers.boto.entries import Kind
from localcloud.providers.boto.resource import BotoResource
from localcloud.providers.boto.session import Session
from localcloud.providers.errors import UnknownToken
from localcloud.providers.shapes import Fault

Function = Callable[[Session, Mapping[str, Any]], dict[str, Any]]


class BotoPlugin:
    """A `plugin.Plugin` for a table.

    Args:
        name: the published provider's.
        version: the published provider's.
        kinds: its resource types.
        functions: its functions, by their tokens.
        session: a session with AWS; without one it is made of the settings that the engine sends.
    """

    def __init__(
        self,
        name: str,
        version: str,
        kinds: Sequence[Kind],
        functions: Mapping[str, Function],
        session: Session | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self._given = session
        self._session = session or Session(settings.read({}))
        self._kinds = {kind.token: kind for kind in kinds}
        self._functions = functions

    def check_config(self, settings_: Mapping[str, Any]) -> Sequence[Fault]:
        """Settings that would have no effect are refused."""
        return tuple(settings.faults(settings_))

    def configure(self, settings_: Mapping[str, Any]) -> None:
        """Start a session with these settings."""
        self._session = self._given or Session(settings.read(settings_))

    def tokens(self) -> Sequence[str]:
        """The resource types of the table."""
        return tuple(self._kinds)

    def resource(self, token: str) -> BotoResource:
        """The type of that token."""
        if token not in self._kinds:
            raise UnknownToken(self._unserved("resource type", token, self._kinds))
        return BotoResource(self._kinds[token], self._session)

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """A function of the table."""
        if token not in self._functions:
            raise UnknownToken(self._unserved("function", token, self._functions))
        return self._functions[token](self._session, arguments)

    def _unserved(self, what: str, token: str, served: Mapping[str, Any]) -> str:
        listed = "\n  ".join(served)
        folder = self.name.replace("-", "_")
        return (
            f"{token}: the local stand-in for {self.name} {self.version} does not serve this {what}; it has\n"
            f"  {listed}\n"
            f"To add one, add an entry to localcloud/providers/{folder}."
        )
