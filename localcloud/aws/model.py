"""botocore's service models from the service's side: a Call to checked parameters, a result to an Answer.

Protocols: restJson1 and JSON 1.1 (smithy.io/2.0/aws/protocols). Constraints are `constraints`'.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import botocore.session

from localcloud.aws.constraints import Faults, checked
from localcloud.calls import Answer, BadBodyError, Call

_SIGNATURE_QUERY = "x-amz-"


class BadRequest(Exception):  # noqa: N818 - an answer, not a fault
    """The request breaks the model: all faults in one text. `operation` is None where none was recognised."""

    def __init__(self, words: str, operation: str | None) -> None:
        super().__init__(words)
        self.operation = operation


@dataclass(frozen=True)
class Request:
    """What is asked for; `params` as boto3's caller spelt them."""

    operation: str
    params: dict[str, Any]


class _Route(NamedTuple):
    method: str
    pattern: re.Pattern[str]
    operation: str
    literals: int


class Model:
    """One service's model."""

    def __init__(self, name: str) -> None:
        self._model = botocore.session.get_session().get_service_model(name)
        self.name = name
        self.operations: tuple[str, ...] = tuple(self._model.operation_names)
        self.is_rest = "rest-json" in self._model.metadata["protocol"]
        self.signing_name: str = self._model.metadata.get("signingName") or self._model.endpoint_prefix
        self._routes = self._all_routes() if self.is_rest else []

    @staticmethod
    @lru_cache(maxsize=32)
    def of(name: str) -> "Model":
        """The model, loaded once."""
        return Model(name)

    def read(self, call: Call) -> Request:
        """The operation and its parameters. Raises BadRequest."""
        if self.is_rest:
            return self._read_rest(call)
        target = (call.header("x-amz-target") or "").rpartition(".")[2]
        if target not in self.operations:
            raise BadRequest(f"there is no operation {target[:100]!r}", None)
        return self._checked(target, _document(call, target))

    def check(self, operation: str, params: Mapping[str, Any]) -> Request:
        """Parameters that came another way than HTTP. Raises BadRequest."""
        return self._checked(operation, dict(params))

    def write(self, operation: str, result: Mapping[str, Any]) -> Answer:
        """A result as the response. Raises ValueError for a member that the model has not: our defect."""
        shape = self._model.operation_model(operation).output_shape
        if shape is None:
            if result:
                raise ValueError(f"{operation} answers nothing, not {', '.join(sorted(result))}")
            return Answer(200, None if self.is_rest else {})
        payload = shape.serialization.get("payload")
        if payload and shape.members[payload].type_name == "blob":
            return Answer(200, bytes(result.get(payload) or b""), {"content-type": "application/json"})
        source = result.get(payload) if payload else result
        body = _plain(shape.members[payload] if payload else shape, source or {}, operation)
        return Answer(200, body, {"content-type": "application/json"} if self.is_rest else _JSON_HEADERS)

    def write_error(self, code: str, message: str, status: int, members: Mapping[str, str]) -> Answer:
        """An error's response."""
        if self.is_rest:
            return Answer(status, {"message": message, **members}, {"x-amzn-errortype": code})
        return Answer(status, {"__type": code, "message": message, **members}, _JSON_HEADERS)

    def status_of(self, code: str) -> int:
        """The HTTP status of an error code: the model's, else 400."""
        shape = self._errors().get(code)
        error = shape.metadata.get("error", {}) if shape is not None else {}
        return int(error.get("httpStatusCode", 400))

    def invalid_code(self, operation: str | None) -> str:
        """The code that a service gives an invalid request: some operations have one of their own."""
        known = self._model.operation_model(operation).error_shapes if operation else []
        names = [it.name for it in known]
        return next(
            (it for it in ("InvalidRequestException", "ValidationException") if it in names),
            "InvalidRequestException",
        )

    @lru_cache(maxsize=1)  # noqa: B019 - models live as long as the process
    def _errors(self) -> dict[str, Any]:
        return {it.name: it for it in self._model.error_shapes}

    def _all_routes(self) -> list[_Route]:
        routes = [self._route(name) for name in self.operations]
        return sorted(routes, key=lambda it: -it.literals)

    def _route(self, operation: str) -> _Route:
        http = self._model.operation_model(operation).http
        path = http["requestUri"].partition("?")[0]
        literals = sum("{" not in part for part in path.split("/"))
        pattern = re.sub(r"\\{(\w+)\\\+\\}", r"(?P<\1>.+)", re.escape(path))
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", pattern)
        return _Route(http["method"], re.compile(pattern + "/?"), operation, literals)

    def _read_rest(self, call: Call) -> Request:
        fitting = [(it, found) for it in self._routes if (found := it.pattern.fullmatch(call.path))]
        for it, found in fitting:
            if it.method == call.method:
                labels = {name: unquote(value) for name, value in found.groupdict().items()}
                return self._read_operation(it.operation, labels, call)
        raise BadRequest(f"no operation has the method {call.method} and the path {call.path[:200]}", None)

    def _read_operation(self, operation: str, labels: Mapping[str, str], call: Call) -> Request:
        shape = self._model.operation_model(operation).input_shape
        if shape is None:
            return Request(operation, {})
        given = _query(call)
        params: dict[str, Any] = {}
        for name, member in shape.members.items():
            place, wire = member.serialization.get("location"), member.serialization.get("name", name)
            if place == "uri":
                params[name] = _typed(member, labels[wire])
            elif place == "querystring" and wire in given:
                params[name] = _from_query(member, given.pop(wire))
            elif place == "header" and call.header(wire) is not None:
                params[name] = _from_header(member, str(call.header(wire)))
        if given:
            raise BadRequest(f"{operation} takes no query parameter {', '.join(sorted(given))}", operation)
        return self._checked(operation, {**params, **_from_body(shape, operation, call)})

    def _checked(self, operation: str, params: dict[str, Any]) -> Request:
        shape = self._model.operation_model(operation).input_shape
        if shape is None:
            return Request(operation, {})
        faults = Faults()
        read = checked(shape, params, "", faults)
        if faults:
            raise BadRequest(faults.text(), operation)
        return Request(operation, read)


_JSON_HEADERS = {"content-type": "application/x-amz-json-1.1"}


def _document(call: Call, operation: str) -> dict[str, Any]:
    try:
        return call.document() if call.raw.strip() else {}
    except BadBodyError as error:
        raise BadRequest(str(error), operation) from error


def _from_body(shape: Any, operation: str, call: Call) -> dict[str, Any]:  # noqa: ANN401 - botocore has no types
    payload = shape.serialization.get("payload")
    if payload and shape.members[payload].type_name in ("blob", "string"):
        return {payload: call.raw} if call.raw else {}
    document = _document(call, operation)
    if payload:
        return {payload: document} if call.raw.strip() else {}
    spelt = {it.serialization.get("name", name): name for name, it in shape.members.items()}
    placed = {name for name, it in shape.members.items() if it.serialization.get("location")}
    read = {spelt.get(name, name): value for name, value in document.items()}
    if doubled := sorted(placed & set(read)):
        raise BadRequest(f"{', '.join(doubled)} of {operation} does not belong in the body", operation)
    return read


def _query(call: Call) -> dict[str, list[str]]:
    pairs = parse_qsl(call.raw_query, keep_blank_values=True) if call.raw_query else list(call.query.items())
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        if not name.lower().startswith(_SIGNATURE_QUERY):
            given.setdefault(name, []).append(value)
    return given


def _from_query(shape: Any, values: list[str]) -> Any:  # noqa: ANN401 - botocore has no types
    if shape.type_name == "list":
        return [_typed(shape.member, it) for it in values]
    return _typed(shape, values[-1])


def _from_header(shape: Any, text: str) -> Any:  # noqa: ANN401 - botocore has no types
    if shape.serialization.get("jsonvalue"):
        return base64.b64decode(text).decode("utf-8", "replace")
    return _typed(shape, text)


def _typed(shape: Any, text: str) -> Any:  # noqa: ANN401 - botocore has no types
    """Text of an address or header as JSON has it; what does not fit stays text, and is refused later."""
    if shape.type_name in ("integer", "long") and re.fullmatch(r"-?\d{1,19}", text):
        return int(text)
    if shape.type_name == "boolean" and text in ("true", "false"):
        return text == "true"
    if shape.type_name == "timestamp" and re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    return text


def _plain(shape: Any, value: Any, path: str) -> Any:  # noqa: ANN401 - botocore has no types
    """A result as JSON."""
    kind = shape.type_name
    if kind == "structure" and not shape.is_document_type:
        unknown = sorted(set(value) - set(shape.members))
        if unknown:
            raise ValueError(f"{path}: {shape.name} has no member {', '.join(unknown)}")
        return {
            shape.members[name].serialization.get("name", name): _plain(
                shape.members[name], it, f"{path}.{name}"
            )
            for name, it in value.items()
            if it is not None
        }
    if kind == "list":
        return [_plain(shape.member, it, path) for it in value]
    if kind == "map":
        return {name: _plain(shape.value, it, path) for name, it in value.items()}
    if kind == "blob":
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    return value
