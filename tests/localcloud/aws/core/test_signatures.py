"""Who signed a call: right signatures pass, everything else is refused in AWS' words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.aws.account import Account
from localcloud.aws.api import ApiError
from localcloud.aws.cloud import Aws
from localcloud.calls import Call
from localcloud.clock import Clock

HOST = "iot.eu-west-1.amazonaws.com"


def signed(
    keys: Credentials,
    *,
    service: str = "iot",
    region: str = "eu-west-1",
    path: str = "/things/a%3Ab",
    query: str = "",
) -> Call:
    url = f"https://{HOST}{path}" + (f"?{query}" if query else "")
    request = AWSRequest("POST", url, headers={"X-Other": " a  b "}, data=b'{"a":1}')
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(keys, service, region).add_auth(request)
    headers = {name.lower(): str(it) for name, it in request.headers.items()}
    return Call("POST", HOST, path, {}, {"host": HOST, **headers}, b'{"a":1}', (), query)


@pytest.fixture
def account(aws: Aws) -> Account:
    return aws.account


@pytest.fixture
def keys(account: Account) -> Credentials:
    return account.root_credentials()


def code(account: Account, call: Call, service: str | None = "iot") -> str:
    with pytest.raises(ApiError) as refused:
        account.identify(call, service)
    assert refused.value.status == 403
    return refused.value.code


@pytest.mark.parametrize("query", ["", "b=2&a=1", "a=%2F&a=x%20y&c", "maxResults=1"])
@pytest.mark.parametrize("path", ["/things/a%3Ab", "/", "/topics/a%2Fb"])
def test_right(account: Account, keys: Credentials, path: str, query: str) -> None:
    caller = account.identify(signed(keys, path=path, query=query), "iot")
    assert (caller.arn, caller.is_root) == ("arn:aws:iam::111122223333:root", True)


def test_s3_signs_its_path_as_it_is(account: Account, keys: Credentials) -> None:
    assert account.identify(signed(keys, service="s3", path="/bucket/a%20b/../c")).is_root


def test_what_was_changed_on_the_way(account: Account, keys: Credentials) -> None:
    call = signed(keys, query="a=1")
    changes: list[dict[str, Any]] = [
        {"raw": b"{}"},
        {"path": "/things/other"},
        {"raw_query": "a=2"},
        {"method": "DELETE"},
        {"headers": {**call.headers, "host": "sts.amazonaws.com"}},
        {"headers": {**call.headers, "x-other": "c"}},
    ]
    for change in changes:
        assert code(account, replace(call, **change)) == "InvalidSignatureException"
    s3 = signed(keys, service="s3")
    assert code(account, replace(s3, raw=b"other"), None) == "InvalidSignatureException"


def test_wrong_keys(account: Account, keys: Credentials) -> None:
    assert code(account, signed(Credentials(keys.access_key, "x" * 40))) == "InvalidSignatureException"
    assert code(account, signed(Credentials("AKIAIOSFODNN7EXAMPLE", "x"))) == "UnrecognizedClientException"
    assert code(account, signed(Credentials("test", "test"))) == "UnrecognizedClientException"
    with_token = Credentials(keys.access_key, keys.secret_key, "token")
    assert code(account, signed(with_token)) == "UnrecognizedClientException"


def test_wrong_scope(account: Account, keys: Credentials) -> None:
    assert code(account, signed(keys, service="iotdata")) == "InvalidSignatureException"
    assert code(account, signed(keys, region="us-east-1")) == "InvalidSignatureException"
    assert account.identify(signed(keys, service="iam", region="us-east-1")).is_root


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "MissingAuthenticationTokenException"),
        ("Bearer x", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256 Credential=x", "IncompleteSignatureException"),
    ],
)
def test_no_signature(account: Account, keys: Credentials, header: str | None, expected: str) -> None:
    call = signed(keys)
    headers = {name: it for name, it in call.headers.items() if name != "authorization"}
    if header:
        headers["authorization"] = header
    assert code(account, replace(call, headers=headers)) == expected


def test_old_signatures(account: Account, keys: Credentials) -> None:
    call = signed(keys)
    old = (datetime.now(UTC) - timedelta(minutes=6)).strftime("%Y%m%dT%H%M%SZ")
    day = old[:8]
    authorization = call.headers["authorization"].replace(call.headers["x-amz-date"][:8], day)
    headers = {**call.headers, "x-amz-date": old, "authorization": authorization}
    assert code(account, replace(call, headers=headers)) == "InvalidSignatureException"
    headers["x-amz-date"] = "yesterday"
    assert code(account, replace(call, headers=headers)) == "IncompleteSignatureException"


def test_sessions_end(account: Account, clock: Clock) -> None:
    ends = clock.now().timestamp() + 900
    arn = "arn:aws:sts::111122223333:assumed-role/r/x"
    account.remember("ASIAX", "secret", arn, token="token", expires=ends, role="r")
    session = Credentials("ASIAX", "secret", "token")
    assert account.identify(signed(session), "iot").role == "r"
    assert code(account, signed(Credentials("ASIAX", "secret"))) == "UnrecognizedClientException"
    clock.advance(901)
    assert code(account, signed(session)) == "ExpiredTokenException"


def test_a_key_is_forgotten(account: Account) -> None:
    account.remember("AKIAX", "secret", "arn:aws:iam::111122223333:user/u", user="u")
    assert account.identify(signed(Credentials("AKIAX", "secret")), "iot").user == "u"
    account.forget("AKIAX")
    assert code(account, signed(Credentials("AKIAX", "secret"))) == "UnrecognizedClientException"
