"""The engine's provider protocol (`pulumirpc.ResourceProvider`) on top of a `Plugin`: parses and formats."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import plugin_pb2, provider_pb2

from localcloud.providers.difference import Change, Difference, Kind
from localcloud.providers.paths import render
from localcloud.providers.plugin import Declaration, Plugin, Proposal, Resource
from localcloud.providers.shapes import Fault
from localcloud.providers.wire import conceal, decode, encode, reveal

_KINDS = {
    (Kind.ADD, False): provider_pb2.PropertyDiff.ADD,
    (Kind.ADD, True): provider_pb2.PropertyDiff.ADD_REPLACE,
    (Kind.UPDATE, False): provider_pb2.PropertyDiff.UPDATE,
    (Kind.UPDATE, True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
    (Kind.DELETE, False): provider_pb2.PropertyDiff.DELETE,
    (Kind.DELETE, True): provider_pb2.PropertyDiff.DELETE_REPLACE,
}
_Mode = Literal["propose", "enforce", "disable"]
_MODES: tuple[_Mode, ...] = ("propose", "enforce", "disable")


class Servicer:
    """Answers the engine's calls; a method a call, by the call's name in snake case.

    What the protocol has and this class has not (components, methods, mappings) is answered as unimplemented.
    Raises `ProviderError` from the plugin as it is; `server` puts it on the wire.
    """

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    def handshake(
        self, _request: provider_pb2.ProviderHandshakeRequest
    ) -> provider_pb2.ProviderHandshakeResponse:
        """What this plugin can do: secrets and automatic names; resource references come as ids."""
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, supports_autonaming_configuration=True
        )

    def attach(self, _request: plugin_pb2.PluginAttach) -> Empty:
        """A debugger's engine: nothing to note."""
        return Empty()

    def cancel(self, _request: Empty) -> Empty:
        """A wish to stop: calls under way are short and may finish, so that state stays true."""
        return Empty()

    def get_plugin_info(self, _request: Empty) -> plugin_pb2.PluginInfo:
        """The version that the engine looks for."""
        return plugin_pb2.PluginInfo(version=self._plugin.version)

    def get_schema(self, _request: provider_pb2.GetSchemaRequest) -> provider_pb2.GetSchemaResponse:
        """The tokens served; programs use the published SDK, which has the whole schema."""
        resources: dict[str, dict[str, str]] = {token: {} for token in self._plugin.tokens()}
        schema = {"name": self._plugin.name, "version": self._plugin.version, "resources": resources}
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema))

    def check_config(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        """The provider's own settings."""
        faults = self._plugin.check_config(reveal(decode(request.news)))
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(faults))

    def diff_config(self, _request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        """New settings never ask for new resources; azure-native answers the same."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def configure(self, request: provider_pb2.ConfigureRequest) -> provider_pb2.ConfigureResponse:
        """Settings of the stack (`variables`) and of an explicit provider (`args`, which win)."""
        prefix = f"{self._plugin.name}:config:"
        settings: dict[str, Any] = {
            key.removeprefix(prefix): value for key, value in request.variables.items()
        }
        self._plugin.configure(settings | reveal(decode(request.args)))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def invoke(self, request: provider_pb2.InvokeRequest) -> provider_pb2.InvokeResponse:
        """A function by its token."""
        answer = self._plugin.invoke(request.tok, reveal(decode(request.args)))
        return _invoked(encode(answer))

    def check(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        """Inputs with defaults, and every fault in them."""
        checked = self._resource(request.urn).check(
            Declaration(
                name=request.urn.rpartition("::")[2],
                new=decode(request.news),
                old=reveal(decode(request.olds)),
                seed=request.randomSeed,
                proposal=_proposal(request),
            )
        )
        return provider_pb2.CheckResponse(inputs=encode(checked.inputs), failures=_failures(checked.faults))

    def diff(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        """What changed between the inputs in state and those declared."""
        resource = self._resource(request.urn)
        return _diff_response(resource.diff(decode(request.old_inputs), decode(request.news)))

    def create(self, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:
        """Make it, or say in a preview what can be known of it."""
        resource, inputs = self._resource(request.urn), decode(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=_outputs(resource.preview(inputs, {}), inputs))
        live = resource.create(inputs)
        return provider_pb2.CreateResponse(id=live.identity, properties=_outputs(live.outputs, inputs))

    def read(self, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
        """Look at it, for a refresh (with inputs) or an import (without); no id means it is gone."""
        inputs = decode(request.inputs)
        live = self._resource(request.urn).read(request.id, inputs)
        if live is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=live.identity,
            properties=_outputs(live.outputs, inputs),
            inputs=encode(conceal(live.inputs, inputs)),
        )

    def update(self, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:
        """Change it in place, or say in a preview what can be known of it."""
        resource, inputs = self._resource(request.urn), decode(request.news)
        if request.preview:
            outputs = resource.preview(inputs, decode(request.olds))
        else:
            outputs = resource.update(request.id, inputs).outputs
        return provider_pb2.UpdateResponse(properties=_outputs(outputs, inputs))

    def delete(self, request: provider_pb2.DeleteRequest) -> Empty:
        """Remove it."""
        state = reveal(decode(request.old_inputs) | decode(request.properties))
        self._resource(request.urn).delete(request.id, state)
        return Empty()

    def _resource(self, urn: str) -> Resource:
        """The type a URN names: `urn:pulumi:stack::project::parent$type::name`."""
        return self._plugin.resource(urn.split("::")[2].rpartition("$")[2])


def _invoked(answer: Struct) -> provider_pb2.InvokeResponse:
    response = provider_pb2.InvokeResponse()
    getattr(response, "return").CopyFrom(answer)  # the field's name is a keyword of Python
    return response


def _outputs(outputs: Mapping[str, Any], inputs: Mapping[str, Any]) -> Struct:
    return encode(conceal(outputs, inputs))


def _proposal(request: provider_pb2.CheckRequest) -> Proposal | None:
    if not request.HasField("autonaming"):
        return None
    return Proposal(_MODES[request.autonaming.mode], request.autonaming.proposed_name)


def _failures(faults: Iterable[Fault]) -> list[provider_pb2.CheckFailure]:
    return [provider_pb2.CheckFailure(property=render(it.path), reason=it.reason) for it in faults]


def _diff_response(difference: Difference) -> provider_pb2.DiffResponse:
    changed = (
        provider_pb2.DiffResponse.DIFF_SOME if difference.changes else provider_pb2.DiffResponse.DIFF_NONE
    )
    return provider_pb2.DiffResponse(
        changes=changed,
        replaces=[_top(change) for change in difference.changes if change.replaces],
        deleteBeforeReplace=difference.replaces and difference.delete_first,
        diffs=[_top(change) for change in difference.changes],
        detailedDiff={render(change.path): _property_diff(change) for change in difference.changes},
        hasDetailedDiff=True,
    )


def _top(change: Change) -> str:
    return str(change.path[0])


def _property_diff(change: Change) -> provider_pb2.PropertyDiff:
    return provider_pb2.PropertyDiff(kind=_KINDS[change.kind, change.replaces], inputDiff=True)
