"""{account}.blob.core.windows.net: block and append blobs, whole, as packages of function apps need them.

Served (learn.microsoft.com/rest/api/storageservices, x-ms-version 2021-12-02 and later): Put Blob, Get Blob
and its properties, Set Blob Properties, Set Blob Metadata, Set Blob Tier, Delete Blob. Not served: blocks,
ranges, snapshots, leases, lists, containers (they are ARM's).

Who may is `blob_access`. Blobs are documents of kind "blob", key "{account}/{container}/{name}".
"""

import base64
import hashlib
from collections.abc import Mapping
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape

from localcloud.azure.blob_access import Access, BlobError
from localcloud.azure.gate import Gate, UnauthorizedError
from localcloud.calls import Answer, Call, NoRouteError, dispatch, route
from localcloud.clock import Clock
from localcloud.store import Document, Store

ZONE = "blob.core.windows.net"
_ACCOUNT = "microsoft.storage/storageaccounts"
_TIERS = ("Hot", "Cool", "Cold", "Archive")
_TYPES = ("BlockBlob", "AppendBlob")


class BlobService:
    """The blobs of all storage accounts."""

    def __init__(self, store: Store, gate: Gate, clock: Clock) -> None:
        self._store = store
        self._access = Access(store, gate, clock)
        self._clock = clock
        self._routes = [
            route("PUT", "/{container}/{*blob}", self._put),
            route("GET", "/{container}/{*blob}", self._get),
            route("HEAD", "/{container}/{*blob}", self._head),
            route("DELETE", "/{container}/{*blob}", self._delete),
        ]

    def answer(self, call: Call) -> Answer:
        """The response; refusals are answers too."""
        try:
            self._access.admit(call, self._account(call))
            return dispatch(self._routes, call)
        except BlobError as refused:
            return _refusal(refused)
        except UnauthorizedError as refused:
            return _refusal(BlobError(403, "AuthenticationFailed", f"{refused}."))
        except NoRouteError as missing:
            return self.fault(missing.status, str(missing))

    def fault(self, status: int, message: str) -> Answer:
        """An error outside the operations."""
        codes = {404: "ResourceNotFound", 405: "UnsupportedHttpVerb", 413: "RequestBodyTooLarge"}
        return _refusal(BlobError(status, codes.get(status, "InternalError"), message))

    def _account(self, call: Call) -> Document:
        name = call.host.partition(".")[0]
        for _, it in self._store.list("arm"):
            if it.get("type", "").lower() == _ACCOUNT and it["name"].lower() == name:
                return it
        raise BlobError(404, "ResourceNotFound", f"There is no storage account {name}.")

    def _put(self, call: Call, container: str, blob: str) -> Answer:
        part = call.query.get("comp", "")
        if part:
            return self._change(part, call, self._key(call, container, blob))
        kind = call.header("x-ms-blob-type") or ""
        if kind not in _TYPES:
            raise _bad_header("x-ms-blob-type", kind, _TYPES)
        if kind == "AppendBlob" and call.raw:
            raise BlobError(
                400, "InvalidHeaderValue", "An append blob is made empty: Content-Length must be 0."
            )
        digest = base64.b64encode(hashlib.md5(call.raw, usedforsecurity=False).digest()).decode()
        given = call.header("content-md5") or call.header("x-ms-blob-content-md5")
        if given and given != digest:
            raise BlobError(400, "Md5Mismatch", f"The body's MD5 is {digest}, not {given}.")
        document: Document = {
            "base64": base64.b64encode(call.raw).decode(),
            "type": kind,
            "md5": digest,
            "contentType": call.header("x-ms-blob-content-type") or "application/octet-stream",
            "metadata": _metadata(call),
            "tier": _tier(call.header("x-ms-access-tier") or "Hot"),
        }
        self._keep(self._key(call, container, blob), document)
        return Answer(201, headers={"ETag": document["etag"], "Content-MD5": digest})

    def _change(self, part: str, call: Call, key: str) -> Answer:
        document = self._found(key)
        if part == "properties":
            document["contentType"] = call.header("x-ms-blob-content-type") or "application/octet-stream"
        elif part == "metadata":
            document["metadata"] = _metadata(call)
        elif part == "tier":
            document["tier"] = _tier(call.header("x-ms-access-tier") or "")
        else:
            raise BlobError(
                400, "InvalidQueryParameterValue", f"comp={part} is not served by the local cloud."
            )
        self._keep(key, document)
        return Answer(200, headers={"ETag": document["etag"]})

    def _get(self, call: Call, container: str, blob: str) -> Answer:
        document = self._found(self._key(call, container, blob))
        raw = base64.b64decode(document["base64"])
        return Answer(200, raw, {"Content-Type": document["contentType"], **_headers(document)})

    def _head(self, call: Call, container: str, blob: str) -> Answer:
        document = self._found(self._key(call, container, blob))
        return Answer(200, None, {"Content-Type": document["contentType"], **_headers(document)})

    def _delete(self, call: Call, container: str, blob: str) -> Answer:
        key = self._key(call, container, blob)
        self._found(key)
        self._store.delete("blob", key)
        return Answer(202)

    def _key(self, call: Call, container: str, blob: str) -> str:
        account = self._account(call)
        if (
            self._store.get("arm", f"{account['id']}/blobServices/default/containers/{container}".lower())
            is None
        ):
            raise BlobError(
                404, "ContainerNotFound", f"There is no container {container} in {account['name']}."
            )
        return f"{account['name'].lower()}/{container}/{blob}"

    def _found(self, key: str) -> Document:
        document = self._store.get("blob", key)
        if document is None:
            raise BlobError(404, "BlobNotFound", f"There is no blob {key}.")
        return document

    def _keep(self, key: str, document: Document) -> None:
        document["modified"] = format_datetime(self._clock.now(), usegmt=True)
        document["etag"] = f'"0x{hashlib.sha256(str(document).encode()).hexdigest()[:15].upper()}"'
        self._store.put("blob", key, document)


def _metadata(call: Call) -> dict[str, str]:
    return {
        name.removeprefix("x-ms-meta-"): it
        for name, it in call.headers.items()
        if name.startswith("x-ms-meta-")
    }


def _tier(text: str) -> str:
    if text not in _TIERS:
        raise _bad_header("x-ms-access-tier", text, _TIERS)
    return text


def _bad_header(name: str, value: str, known: tuple[str, ...]) -> BlobError:
    return BlobError(
        400, "InvalidHeaderValue", f"{name} must be one of {', '.join(known)}, not {value[:40]!r}."
    )


def _headers(document: Document) -> dict[str, str]:
    return {
        "ETag": document["etag"],
        "Last-Modified": document["modified"],
        "Content-MD5": document["md5"],
        "x-ms-blob-type": document["type"],
        "x-ms-access-tier": document["tier"],
        **{f"x-ms-meta-{name}": it for name, it in document["metadata"].items()},
    }


def _refusal(refused: BlobError) -> Answer:
    text = f"<Code>{refused.code}</Code><Message>{escape(refused.message)}</Message>"
    body = f'<?xml version="1.0" encoding="utf-8"?><Error>{text}</Error>'.encode()
    headers: Mapping[str, Any] = {"Content-Type": "application/xml", "x-ms-error-code": refused.code}
    return Answer(refused.status, body, headers)
