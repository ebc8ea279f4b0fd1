"""Links that are signed in their query: good for a while, and for what was signed only."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.aws import signatures
from localcloud.aws.account import Account
from localcloud.aws.api import ApiError
from localcloud.aws.cloud import Aws
from localcloud.calls import Call

HOST = "images.s3.eu-west-1.amazonaws.com"


@pytest.fixture
def account(aws: Aws) -> Account:
    return aws.account


def link(account: Account, seconds: int = 60, key: Credentials | None = None, age: int = 0) -> Call:
    """A GET of an object, signed `age` seconds ago."""
    request = AWSRequest("GET", f"https://{HOST}/a%20b/c.bin?versionId=7")
    signer = S3SigV4QueryAuth(key or account.root_credentials(), "s3", "eu-west-1", seconds)
    moment = datetime.now(UTC) - timedelta(seconds=age)
    request.context["timestamp"] = moment.strftime("%Y%m%dT%H%M%SZ")
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    url = f"{request.url}&X-Amz-Signature={signer.signature(text, request)}"
    return call_of(url)


def call_of(url: str) -> Call:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Call("GET", HOST, parts.path, query, {"host": HOST}, b"", (), parts.query)


def code(account: Account, call: Call) -> str:
    with pytest.raises(ApiError) as refused:
        account.identify(call)
    assert refused.value.status == 403
    return refused.value.code


def test_a_link_is_its_signer_s(account: Account) -> None:
    assert account.service_of(link(account)) == "s3"
    assert account.identify(link(account)).is_root


def test_a_link_ends(account: Account) -> None:
    assert account.identify(link(account, seconds=3600, age=3000)).is_root
    assert code(account, link(account, seconds=60, age=70)) == "AccessDenied"


def test_a_link_is_for_what_was_signed(account: Account) -> None:
    good = link(account)
    wrong = "InvalidSignatureException"
    assert code(account, replace(good, path="/a%20b/d.bin")) == wrong
    assert code(account, replace(good, method="PUT")) == wrong
    assert code(account, call_of(f"https://{HOST}{good.path}?{good.raw_query.replace('=7', '=8')}")) == wrong
    other = Credentials(account.root_credentials().access_key, "not the secret")
    assert code(account, link(account, key=other)) == wrong


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("AWS4-HMAC-SHA256", "AWS4"),
        ("X-Amz-Expires=60", "X-Amz-Expires=0"),
        ("X-Amz-Expires=60", "X-Amz-Expires=604801"),
        ("X-Amz-Expires=60", "X-Amz-Expires=x"),
        ("X-Amz-Credential=", "X-Amz-Other="),
    ],
)
def test_a_link_that_lacks_something(account: Account, old: str, new: str) -> None:
    good = link(account)
    assert old in good.raw_query
    changed = call_of(f"https://{HOST}{good.path}?{good.raw_query.replace(old, new)}")
    assert code(account, changed) == "AuthorizationQueryParametersError"


def test_a_link_can_be_signed_in_the_header_instead(account: Account) -> None:
    moved = signatures.in_header(link(account), account.root_credentials())
    assert moved.raw_query == "versionId=7"
    assert account.identify(moved).is_root
