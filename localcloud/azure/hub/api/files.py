"""File upload: a device asks for a place in the hub's container, uploads there, and tells how it went.

"Upload files with IoT Hub" (learn.microsoft.com/azure/iot-hub/iot-hub-devguide-file-upload): at most ten
uploads of a device at a time; what is not reported ends with its token. The token is a service SAS of version
2018-11-09 for this one blob ("Create a service SAS"), signed with the account's key; for a hub that reaches
its container by identity the service would sign with a user delegation key, which the local cloud does not
have. Notifications to services go over AMQP only, and so are not served.
"""

import base64
import hashlib
import hmac
import re
import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from localcloud.azure.gate import KEYS
from localcloud.azure.hub.api.entry import Entry, checked
from localcloud.azure.hub.durations import duration
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.registry import HubRegistry
from localcloud.azure.shapes import Member, Scalar, Shape
from localcloud.calls import Answer, Call, route
from localcloud.store import Document, Store

MOST_UPLOADS = 10
SAS_VERSION = "2018-11-09"
_ZONE = "blob.core.windows.net"
_TEXT = Scalar("str")
_WANTED = Shape(
    "FileUploadInitiation",
    {"blobName": Member(_TEXT, required=True, limits={"min_length": 1, "max_length": 1024})},
)
_OUTCOME = Shape(
    "FileUploadCompletionStatus",
    {
        "correlationId": Member(_TEXT, required=True),
        "isSuccess": Member(Scalar("bool"), required=True),
        "statusCode": Member(Scalar("int")),
        "statusDescription": Member(_TEXT),
    },
)


class FileRoutes:
    """The operations on uploads. Documents: kind "upload", key "{hub host}/{device id}/{correlation id}"."""

    def __init__(self, hubs: HubRegistry, store: Store) -> None:
        self._hubs = hubs
        self._store = store

    def entries(self) -> list[Entry]:
        """The operations."""
        path, right = "/devices/{device}/files", "DeviceConnect"
        return [
            Entry(route("POST", path, self._begin), right, "device"),
            Entry(route("POST", f"{path}/notifications", self._end), right, "device"),
        ]

    def _begin(self, call: Call, device: str) -> Answer:
        endpoint = self._endpoint(call.host)
        blob = f"{device}/{checked(_WANTED, call.document())['blobName']}"
        if len(self._under_way(call.host, device)) >= MOST_UPLOADS:
            text = f"Device '{device}' has {MOST_UPLOADS} uploads under way, the most that it may have."
            raise HubError(403, "DeviceMaximumActiveFileUploadLimitExceeded", text)
        account, key = self._account(endpoint)
        until = self._hubs.clock.now() + duration(endpoint.get("sasTtlAsIso8601"), timedelta(hours=1))
        correlation = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()
        upload = {"blobName": blob, "expires": until.isoformat()}
        self._store.put("upload", f"{call.host}/{device}/{correlation}", upload)
        body = {
            "correlationId": correlation,
            "hostName": f"{account}.{_ZONE}",
            "containerName": endpoint["containerName"],
            "blobName": blob,
            "sasToken": sas_token(account, key, endpoint["containerName"], blob, until),
        }
        return Answer(body=body)

    def _end(self, call: Call, device: str) -> Answer:
        correlation = checked(_OUTCOME, call.document())["correlationId"]
        known = {key.rpartition("/")[2]: key for key in self._under_way(call.host, device)}
        if correlation not in known:
            text = f"There is no upload '{correlation[:100]}' of device '{device}' under way."
            raise HubError(400, "InvalidFileUploadCorrelationId", text)
        self._store.delete("upload", known[correlation])
        return Answer(204)

    def _under_way(self, host: str, device: str) -> list[str]:
        now = self._hubs.clock.now()
        living: list[str] = []
        for key, upload in self._store.list("upload", f"{host}/{device}/"):
            if datetime.fromisoformat(upload["expires"]) > now:
                living.append(key)
            else:
                self._store.delete("upload", key)
        return living

    def _endpoint(self, host: str) -> Document:
        hub = self._hubs.hub(host) or {"properties": {}}
        endpoint = (hub["properties"].get("storageEndpoints") or {}).get("$default") or {}
        if not (endpoint.get("containerName") and endpoint.get("connectionString")):
            text = f"Hub {host} has no storage container for file upload."
            raise HubError(400, "DefaultStorageEndpointNotConfigured", text)
        return dict(endpoint)

    def _account(self, endpoint: Document) -> tuple[str, str]:
        """Name and key of the storage account: as the connection string has them, else as ARM knows them."""
        given = dict(it.partition("=")[::2] for it in endpoint["connectionString"].split(";") if "=" in it)
        place = given.get("BlobEndpoint", "")
        found = re.match(rf"https://([a-z0-9]+)\.{re.escape(_ZONE)}", place)
        name = given.get("AccountName") or (found[1] if found else "")
        key = given.get("AccountKey") or self._kept_key(name)
        if not (name and key and _is_base64(key)):
            text = "The storage account in the hub's file upload settings is not known, or its key is no key."
            raise HubError(400, "InvalidStorageEndpoint", text)
        return name, key

    def _kept_key(self, name: str) -> str:
        for key, document in self._store.list("arm"):
            kind = str(document.get("type", "")).lower()
            if kind == "microsoft.storage/storageaccounts" and document["name"].lower() == name.lower():
                kept: Any = (self._store.get(KEYS, key) or {}).get("keys") or [{}]
                return str(kept[0].get("value", ""))
        return ""


def sas_token(account: str, key: str, container: str, blob: str, until: datetime) -> str:
    """A service SAS to read and write one blob, as a query with its question mark."""
    expiry = until.strftime("%Y-%m-%dT%H:%M:%SZ")
    resource = f"/blob/{account}/{container}/{blob}"
    # permissions, start, expiry, resource, identifier, IP, protocol, version, kind, snapshot, five headers
    lines = ["rw", "", expiry, resource, "", "", "https", SAS_VERSION, "b", "", "", "", "", "", ""]
    digest = hmac.new(base64.b64decode(key), "\n".join(lines).encode(), hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    parts = {"sv": SAS_VERSION, "sr": "b", "sig": signature, "se": expiry, "sp": "rw", "spr": "https"}
    return f"?{urlencode(parts, quote_via=quote)}"


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except ValueError:
        return False
