"""`azure-native:storage:Blob`: an asset uploaded to a container. ARM has no blobs, so this type is its own.

Like the published plugin it asks ARM for a key of the account and signs with that ("Authorize with Shared
Key"), so it cannot write to an account that takes no keys (pulumi/pulumi-azure-native issue 2015, open).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

from localcloud.providers.assets import content
from localcloud.providers.azure_native import body as bodies
from localcloud.providers.azure_native.calls import Calls, post
from localcloud.providers.azure_native.entries import ResourceType
from localcloud.providers.azure_native.refusals import explained
from localcloud.providers.azure_native.resource import ArmResource
from localcloud.providers.azure_native.session import Session
from localcloud.providers.azure_native.table.storage import ACCOUNT, API
from localcloud.providers.errors import CloudRefused
from localcloud.providers.plugin import Live

_VERSION = "2021-12-02"
_NOT_FOUND = 404


class BlobResource(ArmResource):
    """Created by an upload, whatever is there: content cannot be compared without reading it."""

    def _made_calls(self, kind: ResourceType, session: Session) -> Calls:
        return BlobCalls(kind, session)

    def create(self, inputs: Mapping[str, Any]) -> Live:
        """Upload it."""
        identity = self._calls.identity(inputs)
        assert isinstance(self._calls, BlobCalls)
        self._calls.upload(identity, bodies.to_body(self._kind, inputs))
        found = self._calls.get(identity)
        if found is None:
            raise self._incomplete(f"{identity}: uploaded, and not there", identity, inputs)
        return self._live(found, inputs)


class BlobCalls(Calls):
    """The requests of a blob, in documents like those of ARM."""

    def get(self, identity: str) -> dict[str, Any] | None:
        """Its properties; None when it, its container or its account is not there."""
        try:
            found = self._send("HEAD", identity)
        except CloudRefused as refused:
            if refused.status == _NOT_FOUND:
                return None
            raise
        metadata = {
            name.lower().removeprefix("x-ms-meta-"): it
            for name, it in found.items()
            if name.lower().startswith("x-ms-meta-")
        }
        return {
            "id": identity,
            "name": self.parameters(identity)["blobName"],
            "url": self._url(identity),
            "type": found["x-ms-blob-type"].removesuffix("Blob"),
            "contentType": found["Content-Type"],
            "contentMd5": found["Content-MD5"],
            "accessTier": found["x-ms-access-tier"],
            "metadata": metadata,
        }

    def put(self, identity: str, body: Mapping[str, Any]) -> Callable[[], None]:
        """Upload it, or change what can be changed of one that is there with the same content."""
        raw = content(body.get("source"))
        digest = base64.b64encode(hashlib.md5(raw, usedforsecurity=False).digest()).decode()
        there = self.get(identity)
        if there is None or there["contentMd5"] != digest:
            self.upload(identity, body)
        else:
            self._change(identity, body)
        return lambda: None

    def delete(self, identity: str) -> None:
        """Remove it; one that is gone already is in order."""
        try:
            self._send("DELETE", identity)
        except CloudRefused as refused:
            if refused.status != _NOT_FOUND:
                raise

    def upload(self, identity: str, body: Mapping[str, Any]) -> None:
        """Put it, whatever is there."""
        raw = content(body.get("source"))
        headers = {
            "x-ms-blob-type": f"{body.get('type', 'Block')}Blob",
            **_content_type(body),
            **_metadata(body),
        }
        if body.get("contentMd5"):
            headers["x-ms-blob-content-md5"] = body["contentMd5"]
        if body.get("accessTier"):
            headers["x-ms-access-tier"] = body["accessTier"]
        self._send("PUT", identity, headers, raw)

    def _change(self, identity: str, body: Mapping[str, Any]) -> None:
        self._send("PUT", f"{identity}?comp=properties", _content_type(body))
        self._send("PUT", f"{identity}?comp=metadata", _metadata(body))
        if body.get("accessTier"):
            self._send("PUT", f"{identity}?comp=tier", {"x-ms-access-tier": body["accessTier"]})

    def _send(
        self, method: str, identity: str, headers: Mapping[str, str] | None = None, raw: bytes = b""
    ) -> Mapping[str, str]:
        """The headers of the answer. Raises `CloudRefused`."""
        from azure.core.rest import HttpRequest  # not for a preview

        identity, _, query = identity.partition("?")
        account = self.parameters(identity)["accountName"]
        url = self._url(identity)
        own = {"x-ms-version": _VERSION, "x-ms-date": formatdate(usegmt=True), **(headers or {})}
        own["Content-Length"] = str(len(raw))
        signed = _signature(method, own, url.partition(".net")[2], query, account)
        with explained(f"{method.lower()} {url}"):
            own["Authorization"] = f"SharedKey {account}:{signed(self._key(identity))}"
            request = HttpRequest(method, f"{url}{query and '?'}{query}", headers=own, content=raw or None)
            answer = self._session.data().send_request(request)
            answer.raise_for_status()
        return dict(answer.headers)

    def _key(self, identity: str) -> str:
        parameters = self.parameters(identity)
        path = ACCOUNT.format(subscriptionId=self._session.settings.subscription, **parameters)
        found: str = post(self._session, f"{path}/listKeys", API)["keys"][0]["value"]
        return found

    def _url(self, identity: str) -> str:
        parts = self.parameters(identity)
        path = f"{parts['containerName']}/{quote(parts['blobName'])}"
        return f"https://{parts['accountName']}.blob.core.windows.net/{path}"


def _content_type(body: Mapping[str, Any]) -> dict[str, str]:
    return {"x-ms-blob-content-type": body["contentType"]} if body.get("contentType") else {}


def _metadata(body: Mapping[str, Any]) -> dict[str, str]:
    return {f"x-ms-meta-{name}": it for name, it in (body.get("metadata") or {}).items()}


def _signature(
    method: str, headers: Mapping[str, str], path: str, query: str, account: str
) -> Callable[[str], str]:
    """What a key makes of a request ("Authorize with Shared Key", rest/api/storageservices of
    learn.microsoft.com).
    """
    length = headers["Content-Length"] if headers["Content-Length"] != "0" else ""
    plain = [method, "", "", length, *[""] * 8]
    own = sorted(f"{name.lower()}:{it}" for name, it in headers.items() if name.lower().startswith("x-ms-"))
    place = [f"/{account}{path}", *([query.replace("=", ":")] if query else [])]
    text = "\n".join([*plain, *own, *place]).encode()

    def signed(key: str) -> str:
        made = hmac.new(base64.b64decode(key), text, hashlib.sha256).digest()
        return base64.b64encode(made).decode()

    return signed
