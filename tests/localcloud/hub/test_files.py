"""File upload: a place with a token for it, ten at a time, until it is reported or its time is over."""

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qs

import pytest

from localcloud.azure.gate import KEYS

FILES = "/devices/pump-1/files"
ACCOUNT_KEY = base64.b64encode(b"a" * 64).decode()
STRING = f"DefaultEndpointsProtocol=https;AccountName=coldfiles;AccountKey={ACCOUNT_KEY}"


def _own(hub: Any) -> dict[str, str]:
    return {"authorization": hub.token("pump-1", seconds=9e6)}


@pytest.fixture
def storing(hub: Any) -> Any:
    hub.set_hub(storageEndpoints={"$default": {"connectionString": STRING, "containerName": "uploads"}})
    hub.device("pump-1")
    return hub


def _begin(hub: Any, name: str = "day 1/log.txt") -> Any:
    return hub.call("POST", FILES, {"blobName": name}, headers=_own(hub))


def test_a_place_and_a_token_for_it(storing: Any) -> None:
    place = _begin(storing).body
    assert (place["hostName"], place["containerName"], place["blobName"]) == (
        "coldfiles.blob.core.windows.net",
        "uploads",
        "pump-1/day 1/log.txt",
    )
    assert place["sasToken"].startswith("?sv=2018-11-09&sr=b&sig=")
    given = {key: it[0] for key, it in parse_qs(place["sasToken"][1:]).items()}
    signed = "\n".join(
        [
            "rw",
            "",
            given["se"],
            "/blob/coldfiles/uploads/pump-1/day 1/log.txt",
            "",
            "",
            "https",
            "2018-11-09",
            "b",
        ]
        + [""] * 6
    )
    expected = hmac.new(base64.b64decode(ACCOUNT_KEY), signed.encode(), hashlib.sha256).digest()
    assert given["sig"] == base64.b64encode(expected).decode()


def test_ten_at_a_time_until_reported_or_over(storing: Any) -> None:
    places = [_begin(storing).body["correlationId"] for _ in range(10)]
    assert storing.refusal("POST", FILES, {"blobName": "x"}, headers=_own(storing)) == (
        403,
        "DeviceMaximumActiveFileUploadLimitExceeded",
    )
    outcome = {"correlationId": places[0], "isSuccess": True, "statusCode": 200, "statusDescription": "done"}
    notify = f"{FILES}/notifications"
    assert storing.call("POST", notify, outcome, headers=_own(storing)).status == 204
    again = storing.refusal("POST", notify, outcome, headers=_own(storing))
    assert again == (400, "InvalidFileUploadCorrelationId")
    assert _begin(storing).status == 200
    storing.clock.advance(3601)
    late = {**outcome, "correlationId": places[1]}
    assert storing.refusal("POST", notify, late, headers=_own(storing))[0] == 400
    assert [_begin(storing).status for _ in range(10)] == [200] * 10


def test_a_container_by_identity(hub: Any) -> None:
    account = "/subscriptions/s/resourceGroups/g/providers/microsoft.storage/storageaccounts/coldfiles"
    hub.store.put("arm", account, {"type": "Microsoft.Storage/storageAccounts", "name": "coldfiles"})
    hub.store.put(KEYS, account, {"keys": [{"value": ACCOUNT_KEY}]})
    by_identity = "BlobEndpoint=https://coldfiles.blob.core.windows.net/"
    hub.set_hub(storageEndpoints={"$default": {"connectionString": by_identity, "containerName": "uploads"}})
    hub.device("pump-1")
    assert _begin(hub).body["hostName"] == "coldfiles.blob.core.windows.net"


@pytest.mark.parametrize(
    ("endpoint", "code"),
    [
        ({}, "DefaultStorageEndpointNotConfigured"),
        ({"connectionString": "", "containerName": ""}, "DefaultStorageEndpointNotConfigured"),
        ({"connectionString": "AccountName=a;AccountKey=?", "containerName": "c"}, "InvalidStorageEndpoint"),
        ({"connectionString": "nonsense", "containerName": "c"}, "InvalidStorageEndpoint"),
    ],
)
def test_hubs_without_storage(hub: Any, endpoint: dict[str, str], code: str) -> None:
    hub.set_hub(storageEndpoints={"$default": endpoint})
    hub.device("pump-1")
    assert hub.refusal("POST", FILES, {"blobName": "x"}, headers=_own(hub)) == (400, code)


def test_bad_requests(storing: Any) -> None:
    for body in ({}, {"blobName": ""}, {"blobName": "x", "more": 1}):
        assert storing.refusal("POST", FILES, body, headers=_own(storing)) == (400, "ArgumentInvalid")
    assert storing.refusal("POST", FILES, {"blobName": "x"})[0] == 401
