"""Pulumi's wire format: protobuf structs to plain Python and back, and error details. Nothing else knows
protobuf.

The signatures and sentinels are the engine's (pulumi/sdk/v3 v3.259.0, go/common/resource/plugin/rpc.go and
go/common/resource/sig). Numbers travel as doubles: a whole one comes back as an int.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import grpc
from google.protobuf import struct_pb2
from google.protobuf.any_pb2 import Any as AnyMessage
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, status_pb2

from provider.errors import UnsupportedValueError
from provider.values import UNKNOWN, Plain, Properties, Secret

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a public type signature, not a secret
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
REFUSED = {
    "c44067f5952c0a294b673a41bacd8c17": "an asset",
    "0def7320c3a5731c473e5ecbe6d01bc7": "an archive",
    "5cf8f73096256a8f31e491e813e4eb8e": "a resource",
}
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_SENTINELS = frozenset({
    UNKNOWN_TEXT,
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
    "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
    "e48ece36-62e2-4504-bad9-02848725956a",  # archive
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
})  # fmt: skip
EXACT_INTEGERS = 2**53
"""Above this a double no longer holds every integer, so such numbers stay floats."""

GRPC_UNKNOWN = 2
"""The gRPC status code that the engine expects beside error details."""

MAX_MESSAGE_BYTES = 400 * 1024 * 1024
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", 1024 * 1024),  # error details travel as metadata
    ("grpc.enable_http_proxy", 0),  # loopback only: never through a company proxy
)
"""As the engine itself sets them, for both directions."""

LOG_SECONDS = 10.0
SEVERITIES = {"debug": engine_pb2.DEBUG, "info": engine_pb2.INFO, "warning": engine_pb2.WARNING}


class EngineLog:
    """Lines for the person, shown by the engine beside the resource they are about."""

    def __init__(self, address: str | None) -> None:
        self._stub: engine_pb2_grpc.EngineStub | None = None
        self.attach(address)

    def attach(self, address: str | None) -> None:
        """Log to the engine at this address from now on; None: to nobody."""
        if address:
            channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
            self._stub = engine_pb2_grpc.EngineStub(channel)

    def log(self, severity: str, text: str, urn: str = "") -> None:
        """Show a line: debug, info or warning. An engine that is gone is no reason to fail the operation."""
        if self._stub is None:
            return
        request = engine_pb2.LogRequest(severity=SEVERITIES[severity], message=text, urn=urn)
        with contextlib.suppress(grpc.RpcError):
            self._stub.Log(request, timeout=LOG_SECONDS)


def decode(struct: struct_pb2.Struct) -> Properties:
    """Properties as the engine sent them, as plain Python.

    Raises UnsupportedValueError for assets, archives and resource references.
    """
    return {key: _decode(value, key) for key, value in struct.fields.items()}


def encode(properties: Mapping[str, Plain]) -> struct_pb2.Struct:
    """Plain Python as a struct for the engine. Tuples become lists; None is null."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        struct.fields[key].CopyFrom(_encode(value))
    return struct


def init_failed(
    resource_id: str, properties: Properties, inputs: Properties, reasons: tuple[str, ...]
) -> status_pb2.Status:
    """The engine's "made, but not ready" detail: the engine keeps the resource and its id in the state."""
    failure = provider_pb2.ErrorResourceInitFailed(
        id=resource_id, properties=encode(properties), inputs=encode(inputs), reasons=reasons
    )
    detail = AnyMessage()
    detail.Pack(failure)
    return status_pb2.Status(code=GRPC_UNKNOWN, message="; ".join(reasons), details=[detail])


def _decode(value: struct_pb2.Value, path: str) -> Plain:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value in UNKNOWN_SENTINELS else value.string_value
        case "number_value":
            return _number(value.number_value)
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_decode(item, f"{path}[{index}]") for index, item in enumerate(value.list_value.values)]
        case "struct_value":
            return _decode_struct(value.struct_value, path)
        case _:
            return None


def _number(value: float) -> int | float:
    return int(value) if value.is_integer() and abs(value) <= EXACT_INTEGERS else value


def _decode_struct(struct: struct_pb2.Struct, path: str) -> Plain:
    signature = struct.fields[SIGNATURE].string_value if SIGNATURE in struct.fields else None
    if signature == SECRET:
        return Secret(_decode(struct.fields["value"], path))
    if signature == OUTPUT:
        return _decode_output(struct, path)
    if signature is not None:
        what = REFUSED.get(signature, f"a value of the unknown kind {signature}")
        raise UnsupportedValueError(
            f"{path}: is {what}; plain data is needed here (text, numbers, lists, maps)"
        )
    return {key: _decode(value, f"{path}.{key}") for key, value in struct.fields.items()}


def _decode_output(struct: struct_pb2.Struct, path: str) -> Plain:
    value = _decode(struct.fields["value"], path) if "value" in struct.fields else UNKNOWN
    secret = "secret" in struct.fields and struct.fields["secret"].bool_value
    return Secret(value) if secret else value


def _encode(value: Plain) -> struct_pb2.Value:
    for kind, encoder in _ENCODERS.items():
        if isinstance(value, kind):
            return encoder(value)
    raise UnsupportedValueError(f"a value of the type {type(value).__name__} cannot be a property")


def _encode_list(items: Iterable[Plain]) -> struct_pb2.Value:
    values = struct_pb2.ListValue(values=[_encode(item) for item in items])
    return struct_pb2.Value(list_value=values)


_ENCODERS: dict[type, Callable[[Any], struct_pb2.Value]] = {
    type(None): lambda _: struct_pb2.Value(null_value=struct_pb2.NULL_VALUE),
    type(UNKNOWN): lambda _: struct_pb2.Value(string_value=UNKNOWN_TEXT),
    Secret: lambda secret: struct_pb2.Value(struct_value=encode({SIGNATURE: SECRET, "value": secret.value})),
    bool: lambda flag: struct_pb2.Value(bool_value=flag),
    int: lambda number: struct_pb2.Value(number_value=number),
    float: lambda number: struct_pb2.Value(number_value=number),
    str: lambda text: struct_pb2.Value(string_value=text),
    list: _encode_list,
    tuple: _encode_list,
    dict: lambda mapping: struct_pb2.Value(struct_value=encode(mapping)),
}
"""In order of test: bool comes before int, of which it is a kind."""
