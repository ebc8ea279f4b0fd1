"""The way to boto3: proxy and trust anchor, and every failure in words that hold no secret."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import exceptions
from botocore.response import StreamingBody
from botocore.stub import Stubber

from provider.clients.aws import Aws, explained
from provider.clients.errors import (
    AuthenticationError,
    ClientError,
    ConfigurationError,
    ConflictingError,
    ForbiddenError,
    NotFoundError,
    OfflineError,
    ServiceError,
    UnreachableError,
    WrongAccountError,
)

SECRET = "a-secret-access-key-for-tests"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "eu-west-1"}


class Stubbed:
    """A session whose clients answer what a test says."""

    def __init__(self) -> None:
        self.made: list[tuple[str, Any]] = []
        self.stubs: dict[str, Stubber] = {}

    def __call__(self, service: str, **options: Any) -> Any:
        self.made.append((service, options))
        client = boto3.client(
            service, region_name="eu-west-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key=SECRET
        )
        self.stubs[service] = Stubber(client)
        self.stubs[service].activate()
        return client


def _fails(code: str, status: int, message: str = "no") -> ClientError:
    session = Stubbed()
    iot = Aws(KEYS, make=session).client("iot")
    session.stubs["iot"].add_client_error("describe_thing", code, message, http_status_code=status)
    with pytest.raises(ClientError) as raised:
        iot.call("describe_thing", thingName="van-1")
    assert SECRET not in str(raised.value)
    return raised.value


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ResourceNotFoundException", 404, NotFoundError),
        ("NoSuchEntity", 404, NotFoundError),
        ("AccessDeniedException", 403, ForbiddenError),
        ("UnauthorizedException", 401, ForbiddenError),
        ("ResourceAlreadyExistsException", 409, ConflictingError),
        ("InvalidRequestException", 400, ServiceError),
        ("ExpiredTokenException", 403, AuthenticationError),
        ("UnrecognizedClientException", 403, AuthenticationError),
        ("SignatureDoesNotMatch", 403, AuthenticationError),
    ],
)
def test_an_error_is_told_by_its_kind(code: str, status: int, kind: type[ClientError]) -> None:
    error = _fails(code, status)
    assert type(error) is kind
    assert code in str(error)
    assert "IoT in eu-west-1 describe_thing" in str(error)


def test_what_was_signed_is_never_quoted() -> None:
    told = str(_fails("SignatureDoesNotMatch", 403, "x-amz-security-token:the-token-of-a-session"))
    assert "the-token-of-a-session" not in told
    assert "the-token-of-a-session" in str(_fails("InvalidRequestException", 400, "the-token-of-a-session"))


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (exceptions.NoCredentialsError(), AuthenticationError, "there are no AWS credentials"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="x"), AuthenticationError, "incomplete"),
        (
            exceptions.CredentialRetrievalError(provider="process", error_msg="key=hunter2"),
            AuthenticationError,
            "CredentialRetrievalError",
        ),
        (exceptions.NoRegionError(), ConfigurationError, "region"),
        (exceptions.EndpointConnectionError(endpoint_url="https://iot"), UnreachableError, "MUSTER_PROXY"),
        (
            exceptions.SSLError(endpoint_url="https://iot", error="CERTIFICATE_VERIFY_FAILED"),
            UnreachableError,
            "MUSTER_CA_FILE",
        ),
    ],
)
def test_failures_before_an_answer(error: Exception, kind: type[ClientError], words: str) -> None:
    with pytest.raises(kind, match=words) as raised, explained("IoT"):
        raise error
    assert "hunter2" not in str(raised.value)


def test_a_wrong_account_is_refused() -> None:
    session = Stubbed()
    aws = Aws(KEYS, make=session)
    aws.client("sts")
    answer = {"Account": "999988887777", "Arn": "arn:aws:iam::999988887777:root", "UserId": "1"}
    for _ in range(2):
        session.stubs["sts"].add_response("get_caller_identity", answer)
    with pytest.raises(WrongAccountError, match="999988887777, the description says 111122223333"):
        aws.require_account("111122223333")
    aws.require_account("999988887777")


def test_nobody_is_asked_offline() -> None:
    with pytest.raises(OfflineError, match="AWS \\(iot\\) is not asked"):
        Aws({**KEYS, "MUSTER_OFFLINE": "1"}).client("iot")


def test_the_proxy_and_retries_are_told_to_boto3() -> None:
    session = Stubbed()
    Aws({**KEYS, "MUSTER_PROXY": "http://127.0.0.1:18443"}, make=session).client("iot")
    ((_, options),) = session.made
    assert options["config"].proxies["https"] == "http://127.0.0.1:18443"
    assert options["config"].retries["mode"] == "standard"
    assert options["verify"] is None
    with pytest.raises(ConfigurationError, match="MUSTER_PROXY"):
        Aws({**KEYS, "MUSTER_PROXY": "18443"}, make=session).client("iot")


def test_what_is_not_there_is_none_and_pages_come_one_by_one() -> None:
    session = Stubbed()
    iot = Aws(KEYS, make=session).client("iot")
    stub = session.stubs["iot"]
    stub.add_client_error("describe_thing", "ResourceNotFoundException", http_status_code=404)
    assert iot.find("describe_thing", thingName="van-1") is None
    stub.add_response("list_things", {"things": [{"thingName": "a"}], "nextToken": "t"})
    stub.add_response("list_things", {"things": [{"thingName": "b"}]})
    names = [each["thingName"] for page in iot.pages("list_things") for each in page["things"]]
    assert names == ["a", "b"]
    stub.add_response("describe_endpoint", {"endpointAddress": "a-ats.iot.eu-west-1.amazonaws.com"})
    assert iot.call("describe_endpoint") == {"endpointAddress": "a-ats.iot.eu-west-1.amazonaws.com"}


def test_what_is_streamed_is_read_to_its_end() -> None:
    """Else its connection is not given back, and each call makes one more."""
    session = Stubbed()
    data = Aws(KEYS, make=session).client("iot-data")
    stream = io.BytesIO(b'{"state": {}}')
    session.stubs["iot-data"].add_response("get_thing_shadow", {"payload": StreamingBody(stream, 13)})
    assert data.call("get_thing_shadow", thingName="van-1") == {"payload": b'{"state": {}}'}
    assert stream.read() == b""


def test_clients_are_made_once_from_the_environments_own_keys() -> None:
    aws = Aws(KEYS)
    assert aws.client("sts") is aws.client("sts")
    credentials = aws.client("sts")._raw._request_signer._credentials  # what boto3 signs with
    assert credentials.access_key == "AKIDEXAMPLE"


def test_half_of_the_keys_are_refused_in_words() -> None:
    for secret in ({}, {"AWS_SECRET_ACCESS_KEY": ""}):
        aws = Aws({"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SESSION_TOKEN": "t", **secret}, "eu-west-1")
        with pytest.raises(AuthenticationError, match=r"AWS_ACCESS_KEY_ID is set alone: .* incomplete"):
            aws.client("sts")


def test_a_token_that_was_left_over_does_not_hide_a_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "credentials"
    file.write_text(f"[own]\naws_access_key_id = AKIDOWN\naws_secret_access_key = {SECRET}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    aws = Aws({"AWS_PROFILE": "own", "AWS_SESSION_TOKEN": "left over"}, "eu-west-1")
    credentials = aws.client("sts")._raw._request_signer._credentials  # what boto3 signs with
    assert (credentials.access_key, credentials.token) == ("AKIDOWN", None)
