"""What looks like a secret is found wherever it stands, and no message repeats it."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

import pytest

import fleet
from fleet import FleetError
from fleet.secrecy import kind_of


def made_up(count: int) -> str:
    return base64.b64encode(secrets.token_bytes(count)).decode()


@pytest.mark.parametrize("count", [32, 64])
def test_keys_in_base64(count: int) -> None:
    key = made_up(count)
    assert kind_of(key) == "a key in base64"
    assert kind_of(f"HostName=a;SharedAccessKey={key}") == "a connection string with a key"


@pytest.mark.parametrize(
    "text",
    [
        "SharedAccessSignature sr=coldchain",
        "https://a.blob.core.windows.net/b?sv=1&sig=abcdefghijklmnopqrstuvwxyz",
        "https://a.azurewebsites.net/api/b?code=abcdefgh12345678",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=b",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----",
    ],
)
def test_secrets_of_other_forms(text: str) -> None:
    assert kind_of(text)


@pytest.mark.parametrize(
    "text",
    [
        hashlib.sha256(b"firmware").hexdigest(),
        "-----BEGIN CERTIFICATE-----",
        "https://a.example/api/b?version=1",
        "certs/factory-oslo.pem",
        "tags.line = 'reefer'",
        base64.b64encode(bytes(31)).decode(),
        base64.b64encode(bytes(300)).decode(),
        "=" * 44,
        "",
    ],
)
def test_ordinary_texts(text: str) -> None:
    assert kind_of(text) is None


def test_no_message_repeats_a_secret(sound: dict[str, Any]) -> None:
    key = made_up(64)
    sound["name"] = key
    sound[key] = key
    sound["azure"]["hubs"][key] = {"name": key, "units": key, "sku": key}
    sound["groups"]["reefers"]["attestation"] = {"x509": {"issuer": key}, key: key}
    sound["groups"]["reefers"]["twin"]["tags"] = {key: {"a": [key]}}
    sound["configurations"] = {key: {"hubs": [key], "target": key, "content": {key: key}}}
    with pytest.raises(FleetError) as caught:
        fleet.load(sound, stack="prod", location="westeurope")
    assert key not in str(caught.value)
    assert key[:20] not in repr(caught.value)
    assert sum("a key in base64 stands here" in fault.wrong for fault in caught.value.faults) >= 14
