"""Which package a site runs, and unpacking it.

`WEBSITE_RUN_FROM_PACKAGE` names a blob (learn.microsoft.com/azure/azure-functions/
run-functions-from-deployment-package); it is looked up in this cloud's own storage. "1", a package that was
deployed to the site itself, is not served. Blobs are documents of kind "blob", key
"{account}/{container}/{name}", with their bytes in base64.
"""

import base64
import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from localcloud.store import Document, Store

ZONE, BLOB_ZONE = ".azurewebsites.net", ".blob.core.windows.net"
SETTING = "WEBSITE_RUN_FROM_PACKAGE"
MOST_UNPACKED_BYTES = 200 * 1024 * 1024
USUAL_ROUTE_PREFIX = "api"


class NoPackageError(Exception):
    """The site has nothing to run; says what is missing."""


@dataclass(frozen=True)
class Package:
    """A zip and what identifies it."""

    raw: bytes
    digest: str


def sites(store: Store) -> list[Document]:
    """The ARM documents of all sites."""
    return [it for _, it in store.list("arm") if it.get("type", "").lower() == "microsoft.web/sites"]


def host_of(site: Document) -> str:
    """The site's host name, in lower case."""
    return str(site["properties"].get("defaultHostName", "")).lower()


def site_of(store: Store, host: str) -> Document | None:
    """The ARM document of the site with this host name."""
    return next((it for it in sites(store) if host_of(it) == host), None)


def settings_of(site: Document) -> dict[str, str]:
    """The app settings."""
    config = site["properties"].get("siteConfig") or {}
    return {str(it["name"]): str(it.get("value") or "") for it in config.get("appSettings") or ()}


def package_of(store: Store, settings: dict[str, str]) -> Package:
    """The package that the settings name. Raises NoPackageError."""
    key = _blob_key(settings.get(SETTING, ""))
    if key is None:
        raise NoPackageError(f"the app setting {SETTING} names no blob (https://….blob.core.windows.net/…)")
    document = store.get("blob", key)
    if document is None:
        raise NoPackageError(f"the package {key} that {SETTING} names is not in the local cloud's storage")
    raw = base64.b64decode(document["base64"])
    return Package(raw, hashlib.sha256(raw).hexdigest())


def has_package(store: Store, url: str) -> bool:
    """Whether the blob at a package's URL is there."""
    key = _blob_key(url)
    return key is not None and store.get("blob", key) is not None


def unpack(package: Package, folder: Path) -> None:
    """Write the package's files below `folder`. Raises NoPackageError for what is no good zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(package.raw)) as archive:
            _check(archive)
            archive.extractall(folder)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise NoPackageError(f"the package is no zip that can be read: {error}") from error


def route_prefix(folder: Path) -> str:
    """What host.json puts before the routes ("extensions": {"http": {"routePrefix": …}})."""
    file = folder / "host.json"
    if not file.is_file():
        raise NoPackageError("the package has no host.json at its top")
    try:
        found = _at(json.loads(file.read_text()), "extensions", "http", "routePrefix")
    except (ValueError, RecursionError) as error:
        raise NoPackageError("the package's host.json is not JSON") from error
    return str(USUAL_ROUTE_PREFIX if found is None else found).strip("/")


def _blob_key(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    good = parts.scheme == "https" and host.endswith(BLOB_ZONE)
    return f"{host.removesuffix(BLOB_ZONE)}{unquote(parts.path)}" if good else None


def _check(archive: zipfile.ZipFile) -> None:
    size = sum(it.file_size for it in archive.infolist())
    if size > MOST_UNPACKED_BYTES:
        raise NoPackageError(f"the package holds {size} bytes; at most {MOST_UNPACKED_BYTES} are run")
    for it in archive.infolist():
        path = PurePosixPath(it.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in it.filename:
            raise NoPackageError(f"the package has a file outside of itself: {it.filename[:100]!r}")


def _at(value: Any, *path: str) -> Any:  # noqa: ANN401 - JSON
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value
