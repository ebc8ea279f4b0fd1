"""Microsoft.Storage (API 2024-01-01): accounts with their keys, and blob containers.

The blobs themselves are `localcloud.azure.blobs`.
"""

import base64
import re
import secrets
from collections.abc import Mapping
from typing import Any

from localcloud.azure.arm.identity import check_identity
from localcloud.azure.arm.kept import fixed, keep
from localcloud.azure.arm.models import Published
from localcloud.azure.arm.resources import GROUP, SUBSCRIPTION, Draft, NameRule, ResourceType, World
from localcloud.azure.gate import KEYS
from localcloud.calls import Answer, Call
from localcloud.store import Document

ZONE = "blob.core.windows.net"
ACCOUNT = "Microsoft.Storage/storageAccounts"
CONTAINER = f"{ACCOUNT}/blobServices/containers"
_MODELS = "azure.mgmt.storage"
_VERSIONS = ("2026-09-01", "2025-06-01", "2024-01-01", "2023-05-01")
_SERVICES = ("blob", "dfs", "file", "queue", "table", "web")
_SAFE = {
    "supportsHttpsTrafficOnly": True,
    "minimumTlsVersion": "TLS1_0",
    "allowBlobPublicAccess": False,
    "publicNetworkAccess": "Enabled",
}


def _check_account(world: World, draft: Draft) -> None:
    check_identity(world, draft)
    fixed(draft, "properties.isHnsEnabled")
    before, now = draft.was("kind"), draft.at("kind")
    if before and now and before != now and (before, now) != ("Storage", "StorageV2"):
        draft.wrong("kind", f"cannot change from {before} to {now}")


def _account(world: World, draft: Draft) -> Mapping[str, Any]:
    if world.store.get(KEYS, draft.id.lower()) is None:
        world.store.put(KEYS, draft.id.lower(), {"keys": [_new_key(n, world) for n in (1, 2)]})
    name = draft.name.lower()
    return {
        "primaryEndpoints": {it: f"https://{name}.{it}.core.windows.net/" for it in _SERVICES},
        "primaryLocation": draft.body["location"],
        "statusOfPrimary": "available",
        "creationTime": draft.was("properties", "creationTime") or world.clock.text(),
    }


def _new_key(number: int, world: World) -> dict[str, Any]:
    value = base64.b64encode(secrets.token_bytes(64)).decode()
    return {
        "keyName": f"key{number}",
        "value": value,
        "permissions": "FULL",
        "creationTime": world.clock.text(),
    }


def _list_keys(world: World, document: Document, _call: Call, _names: Mapping[str, str]) -> Answer:
    return Answer(body=world.store.get(KEYS, document["id"].lower()))


def container_at(world: World, endpoint: str, name: str) -> Document | None:
    """The blob container at `https://{account}.blob.core.windows.net`."""
    host = re.fullmatch(r"https://([a-z0-9]+)\.blob\.core\.windows\.net/?", endpoint.strip(), re.IGNORECASE)
    account = account_named(world, host[1]) if host else None
    return world.stored(f"{account['id']}/blobServices/default/containers/{name}") if account else None


def account_named(world: World, name: str) -> Document | None:
    """The storage account with this name, which is unique over all of Azure."""
    found = (it for _, it in world.store.list("arm") if it["type"] == ACCOUNT)
    return next((it for it in found if it["name"].lower() == name.lower()), None)


def _check_container(world: World, draft: Draft) -> None:
    account = world.stored("/".join(draft.id.split("/")[:9])) or {"properties": {}}
    public = draft.at("properties", "publicAccess")
    if public not in (None, "None") and not account["properties"].get("allowBlobPublicAccess"):
        draft.wrong("properties.publicAccess", "needs allowBlobPublicAccess on the storage account")


def _emptied(world: World, document: Document) -> None:
    parts = document["id"].lower().split("/")
    for key, _ in world.store.list("blob", f"{parts[8]}/{parts[-1]}/"):
        world.store.delete("blob", key)


STORAGE_ACCOUNT = ResourceType(
    type=ACCOUNT,
    path=f"{GROUP}/providers/{ACCOUNT}/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/{ACCOUNT}",
    versions=_VERSIONS,
    shape=Published(_MODELS, "StorageAccountCreateParameters"),
    name=NameRule(re.compile(r"[a-z0-9]{3,24}"), "3 to 24 lower-case letters and digits"),
    build=keep(_SAFE, _account),
    check=_check_account,
    actions={"listKeys": _list_keys},
    zone=ZONE,
    etag=False,
    created=200,
)
BLOB_CONTAINER = ResourceType(
    type=CONTAINER,
    path=f"{GROUP}/providers/{ACCOUNT}/{{account}}/blobServices/default/containers/{{name}}",
    versions=_VERSIONS,
    shape=Published(_MODELS, "BlobContainer"),
    name=NameRule(
        re.compile(r"\$root|\$web|\$logs|(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"),
        "3 to 63 lower-case letters, digits and single hyphens",
    ),
    build=keep({"publicAccess": "None"}, state=False),
    check=_check_container,
    removed=_emptied,
    tagged=False,
)
