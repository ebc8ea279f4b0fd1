"""Entra: an unmodified azure-identity gets tokens; each service checks audience, expiry and origin."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential, DefaultAzureCredential

from localcloud.azure.entra import Tokens, application, ensure_credentials
from localcloud.clock import Clock
from localcloud.store import Store

from .conftest import ARM_SCOPE, Cloud


@pytest.fixture
def http(cloud: Cloud) -> Iterator[httpx.Client]:
    with cloud.http() as client:
        yield client


def _arm(cloud: Cloud) -> str:
    return f"https://management.azure.com/subscriptions/{cloud.subscription}/resourcegroups"


def _get(http: httpx.Client, url: str, token: str | None) -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return http.get(url, params={"api-version": "2025-04-01"}, headers=headers)


def test_default_credential_opens_arm(cloud: Cloud, http: httpx.Client) -> None:
    with DefaultAzureCredential(**cloud.transport) as credential:
        token = credential.get_token(ARM_SCOPE).token
    assert _get(http, _arm(cloud), token).status_code == 200


def test_no_token_strange_token_other_audience(cloud: Cloud, http: httpx.Client) -> None:
    with cloud.credential() as credential:
        for_hub = credential.get_token("https://iothubs.azure.net/.default").token
    for token in (None, "made-up", for_hub):
        refused = _get(http, _arm(cloud), token)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "AuthenticationFailed")
    assert "is for https://iothubs.azure.net" in refused.json()["error"]["message"]


def test_expired_token_is_refused(store: Store) -> None:
    clock = Clock()
    tokens = Tokens(store, clock)
    token = tokens.issue("https://management.azure.com", "someone")
    assert tokens.fault(token, "https://management.azure.com") is None
    clock.advance(3601)
    assert tokens.fault(token, "https://management.azure.com") == "the bearer token is expired"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"client_secret": "wrong"}, "AADSTS7000215"),
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, "AADSTS700016"),
    ],
)
def test_wrong_secret_or_client(cloud: Cloud, change: dict[str, str], words: str) -> None:
    given = {
        "client_id": cloud.settings["AZURE_CLIENT_ID"],
        "client_secret": cloud.settings["AZURE_CLIENT_SECRET"],
    }
    tenant = cloud.settings["AZURE_TENANT_ID"]
    credential = ClientSecretCredential(tenant, **{**given, **change}, **cloud.transport)
    with credential, pytest.raises(ClientAuthenticationError, match=words):
        credential.get_token(ARM_SCOPE)


def test_unknown_scope_and_grant(cloud: Cloud, http: httpx.Client) -> None:
    form = {"client_id": cloud.settings["AZURE_CLIENT_ID"], "grant_type": "client_credentials"}
    form["client_secret"] = cloud.settings["AZURE_CLIENT_SECRET"]
    url = f"https://login.microsoftonline.com/{cloud.settings['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    scope = http.post(url, data={**form, "scope": "https://graph.microsoft.com/.default"})
    assert (scope.status_code, scope.json()["error"]) == (400, "invalid_scope")
    grant = http.post(url, data={**form, "grant_type": "password"})
    assert (grant.status_code, grant.json()["error"]) == (400, "unsupported_grant_type")
    tenant = http.post(url.replace(cloud.settings["AZURE_TENANT_ID"], "other"), data=form)
    assert tenant.json()["error_codes"] == [90002]


def test_only_hashes_are_kept(cloud: Cloud) -> None:
    with cloud.credential() as credential:
        token = credential.get_token(ARM_SCOPE).token
    secret = cloud.settings["AZURE_CLIENT_SECRET"]
    with closing(sqlite3.connect(cloud.state / "azure.sqlite")) as database:
        text = str(database.execute("SELECT kind, key, body FROM document").fetchall())
    assert hashlib.sha256(token.encode()).hexdigest() in text
    assert token not in text
    assert secret not in text
    log = (cloud.state / "cloud.log").read_text()
    assert token not in log
    assert secret not in log


def test_a_lost_environment_file_gets_a_new_secret_only(store: Store, tmp_path: Path) -> None:
    first = ensure_credentials(tmp_path, store)
    path = tmp_path / "azure.env"
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert ensure_credentials(tmp_path, store) == first
    path.unlink()
    second = ensure_credentials(tmp_path, store)
    assert path.read_text() != text
    assert _kept(second) == _kept(first)
    assert application(store) == second


def _kept(made: Any) -> tuple[str, str, str]:
    return made.tenant_id, made.client_id, made.subscription_id
