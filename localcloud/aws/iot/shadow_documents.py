"""A shadow's document and what an update makes of it. Pure.

Sources: "Device Shadow service documents", "Shadow document properties", "Device Shadow error messages"
(AWS IoT developer guide). Members are merged, null removes, arrays are replaced whole. Every value has the
time at which it was last set. The version goes up by one with each update. The size that is limited (8 KB)
is that of the state without metadata. Depth: the error page's 6 levels (the quota page has 8), so the
stricter.
"""

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NoReturn

Json = dict[str, Any]
SECTIONS = ("desired", "reported")
LARGEST_STATE_BYTES = 8 * 1024
DEEPEST_LEVELS = 6
LONGEST_TOKEN_BYTES = 64


class ShadowError(Exception):
    """A refusal as the service tells it: an HTTP status and its words."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Update:
    """What is asked for. `version` is the one that the caller expects."""

    state: Json
    version: int | None = None
    client_token: str | None = None


@dataclass(frozen=True)
class Shadow:
    """State, metadata and version. A deleted one has a version only, from which a new one goes on."""

    state: Json
    metadata: Json
    version: int = 0
    timestamp: int = 0

    @property
    def exists(self) -> bool:
        """Whether it is there."""
        return "deleted" not in self.metadata

    @classmethod
    def absent(cls, version: int = 0) -> "Shadow":
        """None, or none any more."""
        return cls({}, {"deleted": True}, version)


def read_object(payload: bytes) -> Json:
    """A request's body; an empty one is an empty object. Raises ShadowError."""
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise ShadowError(415, "Unsupported documented encoding; supported encoding is UTF-8") from error
    try:
        value = json.loads(text, parse_constant=_no_constant) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise ShadowError(400, "Invalid JSON") from error
    if not isinstance(value, dict):
        raise ShadowError(400, "Invalid JSON")
    token = value.get("clientToken")
    if token is not None and (not isinstance(token, str) or len(token.encode()) > LONGEST_TOKEN_BYTES):
        raise ShadowError(400, "Invalid clientToken")
    return value


def read_update(payload: bytes) -> Update:
    """A request to update. Raises ShadowError."""
    body = read_object(payload)
    if "state" not in body:
        raise ShadowError(400, "Missing required node: state")
    state, version = body["state"], body.get("version")
    if not isinstance(state, dict):
        raise ShadowError(400, "State node must be an object")
    if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
        raise ShadowError(400, "Invalid version")
    return Update(checked(state), version, body.get("clientToken"))


def checked(state: Json) -> Json:
    """A state that is to be merged. Raises ShadowError."""
    if not set(state) <= set(SECTIONS):
        raise ShadowError(400, "State contains an invalid node")
    for section, value in state.items():
        if value is not None and not isinstance(value, dict):
            raise ShadowError(400, f"{section.capitalize()} node must be an object")
        if _depth(value) > DEEPEST_LEVELS:
            raise ShadowError(400, f"JSON contains too many levels of nesting; maximum is {DEEPEST_LEVELS}")
    return state


def updated(shadow: Shadow, update: Update, now: int) -> Shadow:
    """The shadow after an update; `now` in seconds since 1970. Raises ShadowError."""
    if update.version is not None and update.version != shadow.version:
        raise ShadowError(409, "Version conflict")
    state = deepcopy(shadow.state)
    metadata = deepcopy(shadow.metadata) if shadow.exists else {}
    for section, patch in update.state.items():
        if patch is None:
            state.pop(section, None)
            metadata.pop(section, None)
            continue
        _merge(state.setdefault(section, {}), metadata.setdefault(section, {}), patch, now)
        if not state[section]:
            del state[section], metadata[section]
    if len(json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode()) > LARGEST_STATE_BYTES:
        raise ShadowError(413, "The payload exceeds the maximum size allowed")
    return Shadow(state, metadata, shadow.version + 1, now)


def delta(shadow: Shadow) -> tuple[Json, Json]:
    """What is desired and not reported so, and its metadata."""
    desired, reported = shadow.state.get("desired", {}), shadow.state.get("reported", {})
    return _difference(desired, reported, shadow.metadata.get("desired", {}))


def document(shadow: Shadow) -> Json:
    """The whole of it, as `get` answers."""
    state, (differing, _) = dict(shadow.state), delta(shadow)
    if differing:
        state["delta"] = differing
    return {
        "state": state,
        "metadata": shadow.metadata,
        "version": shadow.version,
        "timestamp": shadow.timestamp,
    }


def accepted(shadow: Shadow, update: Update) -> Json:
    """The answer to an update: what was asked for, with its metadata."""
    metadata = {
        section: _stamped(patch, shadow.timestamp)
        for section, patch in update.state.items()
        if patch is not None
    }
    return {
        "state": update.state,
        "metadata": metadata,
        "version": shadow.version,
        "timestamp": shadow.timestamp,
    }


def _merge(state: Json, metadata: Json, patch: Json, now: int) -> None:
    for name, value in patch.items():
        if value is None:
            state.pop(name, None)
            metadata.pop(name, None)
        elif isinstance(value, dict):
            if not isinstance(state.get(name), dict):
                state[name], metadata[name] = {}, {}
            _merge(state[name], metadata[name], value, now)
        else:
            state[name], metadata[name] = value, _stamped(value, now)


def _stamped(value: Any, now: int) -> Any:  # noqa: ANN401 - the shape of what it stamps
    if isinstance(value, dict):
        return {name: _stamped(inner, now) for name, inner in value.items() if inner is not None}
    if isinstance(value, list) and value:
        return [_stamped(inner, now) for inner in value]
    return {"timestamp": now}


def _difference(desired: Json, reported: Json, metadata: Json) -> tuple[Json, Json]:
    state: Json = {}
    meta: Json = {}
    for name, value in desired.items():
        other = reported.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            inner, about = _difference(value, other, metadata[name])
            if inner:
                state[name], meta[name] = inner, about
        elif name not in reported or not _same(value, other):
            state[name], meta[name] = value, metadata[name]
    return state, meta


def _same(left: object, right: object) -> bool:
    """As JSON: true is not 1."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(it) for it in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(it) for it in value), default=0)
    return 0


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
