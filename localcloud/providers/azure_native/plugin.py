"""The stand-in as the engine sees it: tokens to table entries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.providers.azure_native import PLUGIN_NAME, PLUGIN_VERSION, body, settings
from localcloud.providers.azure_native.blob import BlobResource
from localcloud.providers.azure_native.calls import post
from localcloud.providers.azure_native.entries import Function, ResourceType
from localcloud.providers.azure_native.resource import ArmResource
from localcloud.providers.azure_native.session import Session
from localcloud.providers.azure_native.table import FUNCTIONS, TYPES
from localcloud.providers.azure_native.table.storage import BLOB
from localcloud.providers.errors import CloudRefused, ProviderError, UnknownToken
from localcloud.providers.shapes import Fault

_CLIENT_CONFIG = "azure-native:authorization:getClientConfig"
_GROUP = "azure-native:resources:ResourceGroup"


class AzureNative:
    """A `plugin.Plugin` for the entries of `table`.

    Args:
        session: a session with ARM; without one it is made of the settings that the engine sends.
    """

    name = PLUGIN_NAME
    version = PLUGIN_VERSION

    def __init__(self, session: Session | None = None) -> None:
        self._given = session
        self._session = session or Session(settings.read({}))
        self._types = {kind.token: kind for kind in TYPES}
        self._functions = {function.token: function for function in FUNCTIONS}
        self._group_locations: dict[str, str] = {}

    def check_config(self, settings_: Mapping[str, Any]) -> Sequence[Fault]:
        """Settings that would have no effect are refused."""
        return tuple(settings.faults(settings_))

    def configure(self, settings_: Mapping[str, Any]) -> None:
        """Start a session with these settings."""
        self._session = self._given or Session(settings.read(settings_))

    def tokens(self) -> Sequence[str]:
        """The resource types of the table."""
        return tuple(self._types)

    def resource(self, token: str) -> ArmResource:
        """The type of that token."""
        if token not in self._types:
            raise UnknownToken(_unserved("resource type", token, self._types))
        made = BlobResource if token == BLOB else ArmResource
        return made(self._types[token], self._session, self._group_location)

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """A function of the table, `getClientConfig`, or the get function of a type of the table."""
        if token == _CLIENT_CONFIG:
            return dict(self._session.client_config())
        if token in self._functions:
            return self._call(self._functions[token], arguments)
        kind = self._types.get(re.sub(r":get(?=[A-Z]\w*$)", ":", token))
        if kind is None or kind.token == token:
            served = [_CLIENT_CONFIG, *self._functions, *(_getter(token) for token in self._types)]
            raise UnknownToken(_unserved("function", token, served))
        return self._get(kind, token, arguments)

    def _call(self, function: Function, arguments: Mapping[str, Any]) -> dict[str, Any]:
        given = _required(function.token, function.parameters, arguments)
        path = function.path.format(subscriptionId=self._session.settings.subscription, **given)
        return dict(body.sealed(post(self._session, path, function.api_version)))

    def _get(self, kind: ResourceType, token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        given = _required(token, kind.path_names, arguments)
        resource = self.resource(kind.token)
        live = resource.read(resource.identity(given), {})
        if live is None:
            raise ProviderError(f"{token}: {resource.identity(given)} is not there")
        return live.outputs | {"id": live.identity}

    def _group_location(self, name: str) -> str | None:
        """Where a resource group is, asked once; None when ARM does not say."""
        if name not in self._group_locations:
            group = self.resource(_GROUP)
            try:
                live = group.read(group.identity({"resourceGroupName": name}), {})
            except CloudRefused:
                return None  # the check then asks for a location, and says how to set one
            if live is None:
                return None
            self._group_locations[name] = live.outputs["location"]
        return self._group_locations[name]


def _unserved(what: str, token: str, served: Sequence[str] | Mapping[str, Any]) -> str:
    listed = "\n  ".join(served)
    return (
        f"{token}: the local stand-in for {PLUGIN_NAME} {PLUGIN_VERSION} does not serve this {what}; it has\n"
        f"  {listed}\n"
        "To add one, add an entry to localcloud/providers/azure_native/table.py."
    )


def _getter(token: str) -> str:
    module, _, name = token.rpartition(":")
    return f"{module}:get{name}"


def _required(token: str, names: Sequence[str], arguments: Mapping[str, Any]) -> dict[str, Any]:
    missing = [name for name in names if not arguments.get(name)]
    if missing:
        raise ProviderError(f"{token}: missing {', '.join(missing)}")
    unknown = sorted(arguments.keys() - set(names))
    if unknown:
        raise ProviderError(f"{token}: does not take {', '.join(unknown)}; it takes {', '.join(names)}")
    return {name: arguments[name] for name in names}
