"""The bytes of an asset or archive, as the engine hands them over (pulumi/sdk `resource/asset`, `archive`).

Paths are relative to the program's folder, where the engine starts its plugins.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from localcloud.providers.errors import ProviderError

SIGNATURE = "4dabf18193072939515e22adb298388d"
_ASSET, _ARCHIVE = "c44067f5952c0a294b673a41bacd8c17", "0def7320c3a5731c473e5ecbe6d01bc7"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can tell; the same for the same files


def both(left: Any, right: Any) -> bool:  # noqa: ANN401 - any value
    """Whether two values are assets or archives whose content the engine has hashed."""
    return all(isinstance(it, Mapping) and it.get(SIGNATURE) and it.get("hash") for it in (left, right))


def content(value: Mapping[str, Any] | None) -> bytes:
    """What to upload; nothing for no asset. Raises `ProviderError`."""
    if not value:
        return b""
    kind = value.get(SIGNATURE)
    if kind == _ASSET:
        return _asset(value)
    if kind == _ARCHIVE:
        return _zipped(value)
    raise ProviderError("source must be an asset or an archive, such as pulumi.FileAsset(path)")


def _asset(value: Mapping[str, Any]) -> bytes:
    if value.get("path"):
        return _read(Path(value["path"]))
    if "text" in value:
        return str(value["text"]).encode()
    raise ProviderError("source: the local stand-in takes assets of a path or a text, not of a URL")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProviderError(f"source: {path} cannot be read: {error.strerror}") from None


def _zipped(value: Mapping[str, Any]) -> bytes:
    path = Path(value["path"]) if value.get("path") else None
    if path is not None and not path.is_dir():
        return _read(path)
    files = dict(_folder(path)) if path else dict(_members("", value.get("assets") or {}))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), files[name])
    return target.getvalue()


def _folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for it in sorted(folder.rglob("*")):
        if it.is_file():
            yield it.relative_to(folder).as_posix(), _read(it)


def _members(above: str, members: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    for name, it in members.items():
        if it.get(SIGNATURE) == _ARCHIVE and it.get("assets"):
            yield from _members(f"{above}{name}/", it["assets"])
        elif it.get(SIGNATURE) == _ARCHIVE and it.get("path") and Path(it["path"]).is_dir():
            yield from ((f"{above}{name}/{inner}", raw) for inner, raw in _folder(Path(it["path"])))
        else:
            yield f"{above}{name}", content(it)
