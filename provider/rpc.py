"""The calls of the engine: protobuf in, handlers behind, protobuf out. Translates and guards; decides
nothing.

A person's mistake comes back as a clean text, never as a traceback; an unexpected exception as one line
that names the place, with the frames (no values) in the engine's debug log."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import grpc
from google.protobuf import empty_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import plugin_pb2, status_pb2
from pulumi.runtime.proto import provider_pb2 as proto

from certs.errors import CertsError
from provider import wire
from provider.clients.errors import ClientError
from provider.clients.retry import DEFAULT_SECONDS, Clock, deadline
from provider.differing import Change, ChangeKind
from provider.errors import DifferingError, InitFailedError, ProviderError, UnknownResourceError
from provider.resource import Handler, Notice
from provider.schema import package_schema
from provider.values import Properties, has_secret, has_unknown

VERSION = version("muster")
PREVIEW_SECONDS = 10.0
"""How long a preview waits for a service that is asked for nothing but a notice or a better check."""

SERVICE = "pulumirpc.ResourceProvider"
ENGINE_KEYS = frozenset({"version", "pluginDownloadURL"})
"""What of the provider's own configuration the state keeps. `muster:*` belongs to the program, not to us."""

AnyHandler: TypeAlias = Handler[Any, Any]
Request: TypeAlias = Any
"""The protobuf request of the call at hand."""

_KINDS = {
    (ChangeKind.ADD, False): proto.PropertyDiff.ADD,
    (ChangeKind.ADD, True): proto.PropertyDiff.ADD_REPLACE,
    (ChangeKind.DELETE, False): proto.PropertyDiff.DELETE,
    (ChangeKind.DELETE, True): proto.PropertyDiff.DELETE_REPLACE,
    (ChangeKind.UPDATE, False): proto.PropertyDiff.UPDATE,
    (ChangeKind.UPDATE, True): proto.PropertyDiff.UPDATE_REPLACE,
}
_ABSENT = {"Invoke": "functions", "Call": "methods", "Construct": "components", "Parameterize": "parameters"}


class _HalfMadeError(Exception):
    """Carries the engine's "made, but not ready" detail out of a call."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.message)
        self.status = status


class Provider:
    """Pulumi's ResourceProvider service over a table of handlers."""

    def __init__(
        self,
        handlers: Mapping[str, AnyHandler],
        clock: Clock,
        log: wire.EngineLog,
        cancel: Callable[[], None],
    ) -> None:
        self._handlers = handlers
        self._clock = clock
        self._log = log
        self._cancel = cancel

    def service(self) -> grpc.GenericRpcHandler:
        """All calls, guarded, for a gRPC server. Calls that are not here are answered as unimplemented."""
        calls: dict[str, tuple[type[Message], Callable[[Request], Message]]] = {
            "Handshake": (proto.ProviderHandshakeRequest, self.handshake),
            "Attach": (plugin_pb2.PluginAttach, self.attach),
            "GetPluginInfo": (empty_pb2.Empty, self.plugin_info),
            "GetSchema": (proto.GetSchemaRequest, self.schema),
            "GetMapping": (proto.GetMappingRequest, lambda _: proto.GetMappingResponse()),
            "CheckConfig": (proto.CheckRequest, self.check_config),
            "DiffConfig": (
                proto.DiffRequest,
                lambda _: proto.DiffResponse(changes=proto.DiffResponse.DIFF_NONE),
            ),
            "Configure": (proto.ConfigureRequest, self.configure),
            "Check": (proto.CheckRequest, self.check),
            "Diff": (proto.DiffRequest, self.diff),
            "Create": (proto.CreateRequest, self.create),
            "Read": (proto.ReadRequest, self.read),
            "Update": (proto.UpdateRequest, self.update),
            "Delete": (proto.DeleteRequest, self.delete),
            "Cancel": (empty_pb2.Empty, self.cancel),
        }
        served = {name: self._rpc(name, kind, call) for name, (kind, call) in calls.items()}
        refused = {name: _refusal(f"the muster provider has no {what}") for name, what in _ABSENT.items()}
        return grpc.method_handlers_generic_handler(SERVICE, served | refused)

    # What the provider is

    def handshake(self, request: Request) -> Message:
        """The engine says where it is; we say what we understand."""
        self._log.attach(request.engine_address)
        return proto.ProviderHandshakeResponse(accept_secrets=True)

    def attach(self, request: Request) -> Message:
        """The engine found a provider that a person had started (PULUMI_DEBUG_PROVIDERS)."""
        self._log.attach(request.address)
        return empty_pb2.Empty()

    def plugin_info(self, _: Request) -> Message:
        """Our version."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def schema(self, _: Request) -> Message:
        """The package schema, as JSON."""
        return proto.GetSchemaResponse(schema=json.dumps(package_schema(self._handlers.values(), VERSION)))

    def check_config(self, request: Request) -> Message:
        """Keep what the engine needs; drop the program's configuration, so that it never makes a diff of
        ours.
        """
        kept = {key: value for key, value in wire.decode(request.news).items() if key in ENGINE_KEYS}
        return proto.CheckResponse(inputs=wire.encode(kept))

    def configure(self, _: Request) -> Message:
        """Nothing to configure: credentials come from the environment, when they are first needed."""
        return proto.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def cancel(self, _: Request) -> Message:
        """Wake up whoever waits for a service."""
        self._cancel()
        return empty_pb2.Empty()

    # The life of a resource

    def check(self, request: Request) -> Message:
        """Inputs with defaults, or all their faults."""
        with deadline(PREVIEW_SECONDS, self._clock):
            checked = self._handler(request).check(wire.decode(request.news))
        failures = [proto.CheckFailure(property=each.path, reason=each.reason) for each in checked.faults]
        return proto.CheckResponse(inputs=wire.encode(checked.inputs), failures=failures)

    def diff(self, request: Request) -> Message:
        """What changes, property by property, whether that replaces the resource, and what to know about
        it.
        """
        old = wire.decode(request.olds)
        old_inputs = wire.decode(request.old_inputs) or old
        with deadline(PREVIEW_SECONDS, self._clock):
            found = self._handler(request).diff(old_inputs, old, wire.decode(request.news))
        self._tell(found.notices, request.urn)
        changes = [each for each in found.changes if not _ignored(each.path, request.ignoreChanges)]
        return _diff_response(
            changes, delete_first=found.delete_first, stable=self._handler(request).stable()
        )

    def create(self, request: Request) -> Message:
        """Make the resource; in a preview, say what is known of it."""
        handler, inputs = self._handler(request), wire.decode(request.properties)
        typed = handler.state(inputs, {}).inputs
        if request.preview or has_unknown(inputs):
            with deadline(PREVIEW_SECONDS, self._clock):
                self._tell(handler.notices(None, typed), request.urn)
            return proto.CreateResponse(properties=wire.encode(handler.planned(inputs)))
        resource_id = handler.resource_id(typed)
        try:
            with deadline(request.timeout or DEFAULT_SECONDS, self._clock):
                made = handler.create(typed)
        except InitFailedError as error:
            raise _half_made(handler, resource_id, inputs, error) from error
        self._tell(made.notices, request.urn)
        return proto.CreateResponse(
            id=resource_id, properties=wire.encode(handler.properties(inputs, made.outputs))
        )

    def read(self, request: Request) -> Message:
        """What is there, for a refresh or an import; an empty id means it is gone."""
        handler, properties = self._handler(request), wire.decode(request.properties)
        inputs = wire.decode(request.inputs) or properties
        known = handler.state(inputs, properties) if properties else None
        with deadline(request.timeout or DEFAULT_SECONDS, self._clock):
            live = handler.read(request.id, known)
        if live is None:
            return proto.ReadResponse()
        found = handler.found(inputs, live)
        return proto.ReadResponse(
            id=request.id, inputs=wire.encode(found.inputs), properties=wire.encode(found.properties)
        )

    def update(self, request: Request) -> Message:
        """Change the resource; in a preview, say what is known of it."""
        handler, inputs = self._handler(request), wire.decode(request.news)
        if request.preview or has_unknown(inputs):
            return proto.UpdateResponse(properties=wire.encode(handler.planned(inputs)))
        old = wire.decode(request.olds)
        state = handler.state(wire.decode(request.old_inputs) or old, old)
        try:
            with deadline(request.timeout or DEFAULT_SECONDS, self._clock):
                made = handler.update(state, handler.state(inputs, {}).inputs)
        except InitFailedError as error:
            raise _half_made(handler, request.id, inputs, error) from error
        self._tell(made.notices, request.urn)
        return proto.UpdateResponse(properties=wire.encode(handler.properties(inputs, made.outputs)))

    def delete(self, request: Request) -> Message:
        """Remove the resource."""
        with deadline(request.timeout or DEFAULT_SECONDS, self._clock):
            self._tell(self._handler(request).delete(request.id) or (), request.urn)
        return empty_pb2.Empty()

    # Guards

    def _rpc(
        self, name: str, kind: type[Message], call: Callable[[Request], Message]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        def guarded(request: Request, context: grpc.ServicerContext) -> Message:
            try:
                return call(request)
            except Exception as error:  # noqa: BLE001 - the last guard: no traceback may reach the person
                text = self._text(error, request, name)
                if isinstance(error, _HalfMadeError):
                    detail = ("grpc-status-details-bin", error.status.SerializeToString())
                    context.set_trailing_metadata((detail,))
            return context.abort(grpc.StatusCode.UNKNOWN, text)

        return grpc.unary_unary_rpc_method_handler(
            guarded, request_deserializer=kind.FromString, response_serializer=_serialize
        )

    def _text(self, error: Exception, request: Request, call: str) -> str:
        match error:
            case DifferingError():
                return error.told(_hidden(request))
            case ProviderError() | ClientError() | CertsError() | _HalfMadeError():
                return str(error)
        frames = traceback.extract_tb(error.__traceback__)
        details = f"{type(error).__name__}\n{''.join(traceback.format_list(frames))}"
        self._log.log("debug", details, getattr(request, "urn", ""))
        return (
            f"a fault of the muster provider, not yours: {type(error).__name__} in {call} at "
            f"{Path(frames[-1].filename).name}:{frames[-1].lineno}; please report it (--debug tells more)"
        )

    def _handler(self, request: Request) -> AnyHandler:
        token = request.urn.split("::")[2].rpartition("$")[2]
        if token not in self._handlers:
            known = ", ".join(sorted(self._handlers))
            raise UnknownResourceError(f"the muster provider has no resource type {token}; it has {known}")
        return self._handlers[token]

    def _tell(self, notices: Iterable[Notice], urn: str) -> None:
        for notice in notices:
            self._log.log("warning" if notice.warning else "info", notice.text, urn)


def _refusal(text: str) -> grpc.RpcMethodHandler[Any, Any]:
    def refuse(_: bytes, context: grpc.ServicerContext) -> Message:
        return context.abort(grpc.StatusCode.UNIMPLEMENTED, text)

    return grpc.unary_unary_rpc_method_handler(refuse)


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _diff_response(changes: list[Change], *, delete_first: bool, stable: list[str]) -> Message:
    replaced = list(dict.fromkeys(each.name for each in changes if each.replaces))
    return proto.DiffResponse(
        changes=proto.DiffResponse.DIFF_SOME if changes else proto.DiffResponse.DIFF_NONE,
        replaces=replaced,
        stables=[] if replaced else stable,
        deleteBeforeReplace=delete_first,
        diffs=list(dict.fromkeys(each.name for each in changes)),
        hasDetailedDiff=True,
        detailedDiff={
            each.path: proto.PropertyDiff(
                kind=_KINDS[each.kind, bool(each.replaces)], inputDiff=each.is_input
            )
            for each in changes
        },
    )


def _ignored(path: str, ignored: Iterable[str]) -> bool:
    return any(path == each or path.startswith((f"{each}.", f"{each}[")) for each in ignored)


def _half_made(
    handler: AnyHandler, resource_id: str, inputs: Properties, error: InitFailedError
) -> _HalfMadeError:
    properties = handler.properties(inputs, error.outputs)
    return _HalfMadeError(wire.init_failed(resource_id, properties, inputs, error.reasons))


def _hidden(request: Request) -> frozenset[str]:
    """The names of the properties that are secret in a request."""
    structs = [
        getattr(request, name, None) for name in ("news", "olds", "old_inputs", "properties", "inputs")
    ]
    given = [wire.decode(struct) for struct in structs if struct is not None]
    return frozenset(name for properties in given for name, value in properties.items() if has_secret(value))
