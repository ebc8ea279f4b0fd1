"""Blobs: who may, what is kept, and each refusal with its published code."""

import base64
import hashlib
import hmac
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote

import pytest

from localcloud.azure import entra
from localcloud.azure.blob_access import shared_key
from localcloud.azure.blobs import BlobService
from localcloud.azure.gate import Gate
from localcloud.azure.hub.api.files import sas_token
from localcloud.calls import Answer, Call
from localcloud.clock import Clock
from localcloud.store import Store

from .conftest import GROUP, LOCATION, OWNER, Arm

ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/coldstore"
HOST = "coldstore.blob.core.windows.net"
RAW = b"hello"


class Blobs:
    """Calls to the account's host, signed with its first key, by a token, or as they are."""

    def __init__(self, arm: Arm, store: Store, clock: Clock) -> None:
        tokens = entra.Tokens(store, clock)
        self.service = BlobService(store, Gate(store, tokens, clock), clock)
        self.token = tokens.issue(entra.STORAGE, OWNER)
        self.clock = clock
        self.arm = arm

    @property
    def key(self) -> str:
        found: str = self.arm.call("POST", f"{ACCOUNT}/listKeys").body["keys"][0]["value"]
        return found

    def call(self, method: str, path: str, raw: bytes = b"", *, by: str = "key", **headers: str) -> Answer:
        path, _, query = path.partition("?")
        parts = dict(it.split("=", 1) for it in query.split("&")) if query else {}
        own = {"x-ms-" + name.replace("_", "-"): it for name, it in headers.items()}
        own |= {"x-ms-version": "2021-12-02", "x-ms-date": format_datetime(self.clock.now(), usegmt=True)}
        own["content-length"] = str(len(raw))
        call = Call(method, HOST, path, parts, own, raw)
        if by == "key":
            own["authorization"] = f"SharedKey {shared_key(call, 'coldstore', self.key)}"
        elif by == "token":
            own["authorization"] = f"Bearer {self.token}"
        answer = self.service.answer(call)
        assert isinstance(answer, Answer)
        return answer

    def code(self, *given: Any, **more: Any) -> tuple[int, str]:
        answer = self.call(*given, **more)
        return answer.status, answer.headers["x-ms-error-code"]


@pytest.fixture
def blobs(arm: Arm, store: Store, clock: Clock) -> Blobs:
    account = {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}
    arm.put(ACCOUNT, account)
    arm.put(f"{ACCOUNT}/blobServices/default/containers/files", {"properties": {}})
    return Blobs(arm, store, clock)


@pytest.mark.parametrize("by", ["key", "token"])
def test_a_blob_lives_and_dies(blobs: Blobs, by: str) -> None:
    path = "/files/a%20folder/read.txt"
    made = blobs.call(
        "PUT", path, RAW, by=by, blob_type="BlockBlob", blob_content_type="text/plain", meta_who="me"
    )
    assert made.status == 201
    read = blobs.call("GET", path, by=by)
    assert (read.body, read.headers["Content-Type"], read.headers["x-ms-meta-who"]) == (
        RAW,
        "text/plain",
        "me",
    )
    assert (
        read.headers["Content-MD5"]
        == base64.b64encode(hashlib.md5(RAW, usedforsecurity=False).digest()).decode()
    )
    for part, header in (
        ("properties", {"blob_content_type": "a/b"}),
        ("metadata", {"meta_x": "1"}),
        ("tier", {"access_tier": "Cool"}),
    ):
        assert blobs.call("PUT", f"{path}?comp={part}", b"", by=by, **header).status == 200
    head = blobs.call("HEAD", path, by=by)
    assert head.body is None
    assert (head.headers["Content-Type"], head.headers["x-ms-access-tier"]) == ("a/b", "Cool")
    assert [name for name in head.headers if name.startswith("x-ms-meta-")] == ["x-ms-meta-x"]
    assert blobs.call("DELETE", path, by=by).status == 202
    assert blobs.code("GET", path, by=by) == (404, "BlobNotFound")


def test_the_published_signature() -> None:
    """The lines are those of an example in "Authorize with Shared Key"; the key is our own."""
    headers = {
        "x-ms-date": "Fri, 26 Jun 2015 23:39:12 GMT",
        "x-ms-version": "2015-02-21",
        "content-length": "0",
    }
    call = Call("GET", HOST, "/mycontainer", {"restype": "container", "comp": "metadata"}, headers)
    lines = (
        "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
        "/myaccount/mycontainer\ncomp:metadata\nrestype:container"
    )
    key = base64.b64encode(b"k" * 64)
    expected = base64.b64encode(hmac.new(b"k" * 64, lines.encode(), "sha256").digest()).decode()
    assert shared_key(call, "myaccount", key.decode()) == f"myaccount:{expected}"


def test_an_account_without_keys_takes_tokens_only(blobs: Blobs, arm: Arm) -> None:
    account = {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    arm.put(ACCOUNT, account | {"properties": {"allowSharedKeyAccess": False}})
    refused = blobs.code("PUT", "/files/a", RAW, blob_type="BlockBlob")
    assert refused == (403, "KeyBasedAuthenticationNotPermitted")
    assert blobs.call("PUT", "/files/a", RAW, by="token", blob_type="BlockBlob").status == 201


def test_a_wrong_key_an_old_date_and_no_key(blobs: Blobs) -> None:
    kept = blobs.clock
    blobs.clock = Clock()
    blobs.clock.advance(3600)
    assert blobs.code("GET", "/files/a") == (403, "AuthenticationFailed")
    blobs.clock = kept
    assert blobs.code("GET", "/files/a", by="nothing") == (403, "AuthenticationFailed")
    own = {"x-ms-date": format_datetime(kept.now(), usegmt=True), "authorization": "SharedKey coldstore:AAAA"}
    answer = blobs.service.answer(Call("GET", HOST, "/files/a", {}, own))
    assert answer.headers["x-ms-error-code"] == "AuthenticationFailed"


def test_a_device_uploads_with_the_hubs_signature(blobs: Blobs) -> None:
    until = blobs.clock.now().replace(microsecond=0)
    token = sas_token("coldstore", blobs.key, "files", "pump-1/log", until + timedelta(hours=1))
    query = "&".join(_plain(it) for it in token[1:].split("&"))
    assert blobs.call("PUT", f"/files/pump-1/log?{query}", RAW, by="sas", blob_type="BlockBlob").status == 201
    assert blobs.call("GET", f"/files/pump-1/log?{query}", by="sas").body == RAW
    assert blobs.code("DELETE", f"/files/pump-1/log?{query}", by="sas") == (
        403,
        "AuthorizationPermissionMismatch",
    )
    assert blobs.code("GET", f"/files/pump-2/log?{query}", by="sas") == (403, "AuthenticationFailed")
    blobs.clock.advance(3601)
    assert blobs.code("GET", f"/files/pump-1/log?{query}", by="sas") == (403, "AuthenticationFailed")


def _plain(pair: str) -> str:
    name, _, value = pair.partition("=")
    return f"{name}={unquote(value)}"


@pytest.mark.parametrize(
    ("path", "raw", "headers", "refused"),
    [
        ("/files/a", RAW, {}, (400, "InvalidHeaderValue")),
        ("/files/a", RAW, {"blob_type": "PageBlob"}, (400, "InvalidHeaderValue")),
        ("/files/a", RAW, {"blob_type": "AppendBlob"}, (400, "InvalidHeaderValue")),
        ("/files/a", RAW, {"blob_type": "BlockBlob", "access_tier": "Lukewarm"}, (400, "InvalidHeaderValue")),
        ("/files/a", RAW, {"blob_type": "BlockBlob", "blob_content_md5": "AAAA"}, (400, "Md5Mismatch")),
        ("/other/a", RAW, {"blob_type": "BlockBlob"}, (404, "ContainerNotFound")),
        ("/files/a?comp=metadata", b"", {}, (404, "BlobNotFound")),
        ("/files", RAW, {"blob_type": "BlockBlob"}, (404, "ResourceNotFound")),
    ],
)
def test_bad_calls(
    blobs: Blobs, path: str, raw: bytes, headers: dict[str, str], refused: tuple[int, str]
) -> None:
    assert blobs.code("PUT", path, raw, **headers) == refused


def test_an_unknown_account_and_an_unknown_part(blobs: Blobs) -> None:
    blobs.call("PUT", "/files/a", RAW, blob_type="BlockBlob")
    assert blobs.code("PUT", "/files/a?comp=lease") == (400, "InvalidQueryParameterValue")
    answer = blobs.service.answer(Call("GET", "nobody.blob.core.windows.net", "/c/b"))
    assert answer.status == 404


def test_a_containers_blobs_go_with_it(blobs: Blobs, arm: Arm, store: Store) -> None:
    blobs.call("PUT", "/files/a", RAW, blob_type="BlockBlob")
    arm.call("DELETE", f"{ACCOUNT}/blobServices/default/containers/files")
    assert store.list("blob") == []
    assert blobs.code("GET", "/files/a") == (404, "ContainerNotFound")
