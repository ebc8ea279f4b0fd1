"""Device twins as pure functions: checking, merging and versioning of tags, desired and reported properties.

Rules: "Understand and use device twins in IoT Hub"
(learn.microsoft.com/azure/iot-hub/iot-hub-devguide-device-twins) and the twin operations of the service API
2021-04-12. Functions that take values from outside raise `HubError` 400 with all faults at once; `now` is the
time as the service writes it.
"""

import base64
import json
import math
from collections.abc import Iterator
from typing import Any

from localcloud.azure.hub.errors import HubError

Properties = dict[str, Any]
Twin = dict[str, Any]

NEVER = "0001-01-01T00:00:00Z"
SIZE_LIMIT_BYTES = {"tags": 8 * 1024, "desired": 32 * 1024, "reported": 32 * 1024}
KEY_LIMIT_BYTES = 1024
TEXT_LIMIT_BYTES = 4096
DEPTH_LIMIT = 10
INTEGER_LIMIT = 2**52
_FORBIDDEN_IN_KEYS = frozenset(". $") | {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))}
_KEPT_BY_SERVICE = ("$metadata", "$version")


def new_twin(device_id: str, initial: Twin | None = None, now: str = NEVER) -> Twin:
    """A first twin; `initial` is an enrollment's `initialTwin` ({"tags", "properties": {"desired"}})."""
    initial = initial or {}
    tags = initial.get("tags") or {}
    desired = (initial.get("properties") or {}).get("desired") or {}
    _check("tags", tags)
    _check("desired", desired)
    twin: Twin = {
        "deviceId": device_id,
        "etag": twin_etag(1),
        "version": 1,
        "tags": _merge_tags({}, tags),
        "properties": {"desired": {"$version": 0}, "reported": {"$version": 0}},
    }
    _patch_part(twin, "desired", desired, now)
    _patch_part(twin, "reported", {}, now)
    return twin


def twin_etag(version: int) -> str:
    """The etag of a twin's version, eight bytes in base64 as the service writes them."""
    return base64.b64encode(version.to_bytes(8, "big")).decode()


def patch_twin(twin: Twin, patch: Twin, now: str) -> Properties | None:
    """Merge a service-side patch ({"tags", "properties": {"desired"}}) into `twin`; null deletes (RFC 7396).

    Gives the desired patch that the device must hear of, None when desired was not touched.
    """
    tags, desired = _parts(patch)
    _check("tags", tags)
    _check("desired", desired)
    if tags is not None:
        twin["tags"] = _merge_tags(twin["tags"], tags)
    if desired is not None:
        _patch_part(twin, "desired", desired, now)
    _step(twin)
    return _plain(desired)


def replace_twin(twin: Twin, body: Twin, now: str) -> Properties | None:
    """Replace tags and desired properties where `body` has them; gives the whole new desired or None."""
    tags, desired = _parts(body)
    _check("tags", tags)
    _check("desired", desired)
    if tags is not None:
        twin["tags"] = _merge_tags({}, tags)
    if desired is not None:
        twin["properties"]["desired"] = {"$version": twin["properties"]["desired"]["$version"]}
        _patch_part(twin, "desired", desired, now)
    _step(twin)
    return _plain(twin["properties"]["desired"]) if desired is not None else None


def patch_reported(twin: Twin, patch: object, now: str) -> int:
    """Merge a device's reported patch; gives the new `$version`. Raises HubError 400."""
    if not isinstance(patch, dict):
        raise HubError(400, "ArgumentInvalid", "reported properties must be a JSON object")
    _check("reported", patch)
    _patch_part(twin, "reported", patch, now)
    _step(twin)
    return int(twin["properties"]["reported"]["$version"])


def device_view(twin: Twin) -> Properties:
    """What a device sees of its twin: desired and reported with `$version`, no metadata, no tags."""
    properties = twin["properties"]
    return {
        part: {key: value for key, value in properties[part].items() if key != "$metadata"}
        for part in ("desired", "reported")
    }


def plain(properties: Properties) -> Properties:
    """Values without the service's `$metadata` and `$version`."""
    return {key: value for key, value in properties.items() if key not in _KEPT_BY_SERVICE}


def without_configurations(twin: Twin) -> Twin:
    """A twin that leaves its hub: the values stay, the hub's configurations no longer own them."""
    return {key: value for key, value in twin.items() if key not in ("configurations", "managed")}


def check_part(part: str, value: object) -> None:
    """Whether tags, desired or reported may hold this, and in size. Raises HubError 400 with all faults."""
    _check(part, value)
    if isinstance(value, dict):
        _check_size(part, value)


def merge(old: Properties, patch: Properties) -> Properties:
    """JSON merge patch (RFC 7396) of objects: null deletes, objects merge, all else replaces."""
    merged = dict(old)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            before = merged.get(key)
            merged[key] = merge(before if isinstance(before, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def _parts(body: Twin) -> tuple[Properties | None, Properties | None]:
    properties = body.get("properties") or {}
    if not isinstance(properties, dict):
        raise HubError(400, "ArgumentInvalid", "properties must be a JSON object")
    tags = body["tags"] or {} if "tags" in body else None
    return tags, properties.get("desired")


def _merge_tags(old: Properties, patch: Properties) -> Properties:
    tags = merge(old, patch)
    _check_size("tags", tags)
    return tags


def _plain(properties: Properties | None) -> Properties | None:
    return None if properties is None else plain(properties)


def _step(twin: Twin) -> None:
    twin["version"] += 1
    twin["etag"] = twin_etag(twin["version"])


def _patch_part(twin: Twin, part: str, patch: Properties, now: str) -> None:
    """Merge values and metadata of desired or reported, count the version up, and hold the size limit."""
    old = twin["properties"][part]
    version = old["$version"] + 1
    stamp: Properties = {"$lastUpdated": now}
    if part == "desired":
        stamp["$lastUpdatedVersion"] = version
    patch = _plain(patch) or {}
    values = merge(_plain(old) or {}, patch)
    _check_size(part, values)
    metadata = _merge_metadata(old.get("$metadata", {}), patch, stamp)
    twin["properties"][part] = {**values, "$metadata": metadata, "$version": version}


def _merge_metadata(old: Properties, patch: Properties, stamp: Properties) -> Properties:
    merged = {**old, **stamp}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = _merge_metadata(merged.get(key, {}), value, stamp)
        else:
            merged[key] = stamp
    return merged


def _check(part: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        raise HubError(400, "ArgumentInvalid", f"{part} must be a JSON object")
    faults = list(_faults(_plain(value) or {}, part, 1))
    if faults:
        raise HubError(400, "ArgumentInvalid", "; ".join(faults[:20]))


def _check_size(part: str, values: Properties) -> None:
    size = len(json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode())
    limit = SIZE_LIMIT_BYTES[part]
    if size > limit:
        raise HubError(400, "ArgumentInvalid", f"{part} is {size} bytes; at most {limit} are allowed")


def _faults(value: object, where: str, depth: int) -> Iterator[str]:
    if isinstance(value, dict | list) and depth > DEPTH_LIMIT:
        yield f"{where} is nested deeper than {DEPTH_LIMIT} levels"
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _key_faults(key, where)
            yield from _faults(child, f"{where}.{key}", depth + 1)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _faults(child, f"{where}[{index}]", depth + 1)
    else:
        yield from _scalar_faults(value, where)


def _key_faults(key: str, where: str) -> Iterator[str]:
    size = _size_bytes(key)
    if size is None:
        yield f"a key in {where} is no valid Unicode text"
    elif not 0 < size <= KEY_LIMIT_BYTES:
        yield f"a key in {where} must be 1 to {KEY_LIMIT_BYTES} bytes long"
    if not _FORBIDDEN_IN_KEYS.isdisjoint(key):
        yield f"key {key[:64]!a} in {where} holds a control character, '.', '$' or a space"


def _scalar_faults(value: object, where: str) -> Iterator[str]:
    if isinstance(value, str):
        size = _size_bytes(value)
        if size is None:
            yield f"the text at {where} is no valid Unicode"
        elif size > TEXT_LIMIT_BYTES:
            yield f"the text at {where} is longer than {TEXT_LIMIT_BYTES} bytes"
    if type(value) is int and not -INTEGER_LIMIT <= value < INTEGER_LIMIT:
        yield f"the integer at {where} is outside -2^52 to 2^52-1"
    if isinstance(value, float) and not math.isfinite(value):
        yield f"the number at {where} is not finite"


def _size_bytes(text: str) -> int | None:
    """Length in UTF-8; None for text with lone surrogates, which JSON can spell and UTF-8 cannot."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return None
