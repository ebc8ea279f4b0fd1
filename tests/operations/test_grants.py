"""Grants: what is asked of STS, what is on record, what is nowhere but where it belongs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from operations.actions.session import Order
from operations.audit import AuditLog, Entry
from operations.errors import RefusedError, RequestError
from operations.grants import Granted, Wanted, check_profile, grant, identity, write_profile
from provider.clients.aws import Aws
from provider.clients.errors import AuthenticationError, OfflineError, WrongAccountError

ACCOUNT = "111122223333"
ROLE = "coldchain-prod-provisioner"
ARN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
SECRET, TOKEN = "wJalr/secret", "session/token=="
UNTIL = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def wanted(**changes: Any) -> Wanted:
    return Wanted(
        **{
            "role": ROLE,
            "partition": "aws",
            "region": "eu-west-1",
            "account": ACCOUNT,
            "minutes": 15,
            "most_minutes": 60,
            "purpose": "command pulumi",
            **changes,
        }
    )


class Services:
    """Clients of boto3 whose answers stand ready; what is sent is checked against AWS' own models."""

    def __init__(self) -> None:
        made = {
            name: boto3.client(
                name,
                region_name="eu-west-1",
                aws_access_key_id="AKIAEXAMPLE",
                aws_secret_access_key="of-the-person",
            )
            for name in ("sts", "iam")
        }
        self.stubs = {name: Stubber(client) for name, client in made.items()}
        for stub in self.stubs.values():
            stub.activate()
        self.aws = Aws({}, "eu-west-1", make=lambda name, **_: made[name])

    def caller(self, account: str = ACCOUNT, times: int = 1) -> Services:
        answer = {"Account": account, "Arn": f"arn:aws:iam::{account}:user/ada", "UserId": "AIDAEXAMPLE"}
        for _ in range(times):
            self.stubs["sts"].add_response("get_caller_identity", answer, {})
        return self

    def assumed(self, **expected: Any) -> Services:
        credentials = {
            "AccessKeyId": "ASIAEXAMPLE12345WXYZ",
            "SecretAccessKey": SECRET,
            "SessionToken": TOKEN,
            "Expiration": UNTIL,
        }
        parameters = {
            "RoleArn": ARN,
            "RoleSessionName": "ada",
            "SourceIdentity": "ada",
            "DurationSeconds": 900,
            **expected,
        }
        self.stubs["sts"].add_response("assume_role", {"Credentials": credentials}, parameters)
        return self

    def refuses(self, service: str, operation: str, code: str, status: int) -> Services:
        self.stubs[service].add_client_error(operation, code, "no", status)
        return self


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture
def granting(log: AuditLog, order: Order) -> Callable[..., Granted]:
    def run(services: Services, **changes: Any) -> Granted:
        with log.open() as writer:
            return grant(services.aws, wanted(**changes), order, writer)

    return run


def events(log: AuditLog) -> list[tuple[str, str]]:
    return [(entry.action, entry.event) for entry in log.entries()]


def test_a_session_for_exactly_as_long_and_in_the_name_of_who_asks(
    services: Services, granting: Callable[..., Granted]
) -> None:
    granted = granting(services.caller(times=2).assumed(DurationSeconds=1800), minutes=30)
    assert (granted.role_arn, granted.identity, granted.until) == (ARN, "ada", UNTIL)
    for stub in services.stubs.values():
        stub.assert_no_pending_responses()


def test_who_when_how_long_why_and_which_key_is_on_record_and_nothing_secret(
    services: Services, granting: Callable[..., Granted], log: AuditLog
) -> None:
    granted = granting(services.caller(times=2).assumed())
    began, done = log.entries()
    assert events(log) == [("grant", "began"), ("grant", "granted")]
    assert (done.who, done.reason, done.operation) == ("ada", "stolen from the depot", began.operation)
    assert done.service == f"aws {ACCOUNT} eu-west-1"
    assert began.facts == {
        "role": ARN,
        "caller": f"arn:aws:iam::{ACCOUNT}:user/ada",
        "minutes": 15,
        "purpose": "command pulumi",
    }
    assert done.facts == {
        "role": ARN,
        "until": "2030-01-02T03:04:05Z",
        "identity": "ada",
        "accessKeyIdSuffix": "WXYZ",
    }
    for kept in (log.path.read_text(), repr(granted), str(granted)):
        for secret in (SECRET, TOKEN, "ASIAEXAMPLE12345WXYZ"):
            assert secret not in kept


@pytest.mark.parametrize("minutes", [-1, 0, 14, 61, 10_000])
def test_minutes_out_of_range_are_refused_before_aws_is_asked(minutes: int) -> None:
    with pytest.raises(RequestError, match=rf"{minutes} minutes: .* 15 minutes at least.* 60 at most"):
        wanted(minutes=minutes)


def test_credentials_of_another_account_are_refused_and_nothing_is_on_record(
    services: Services, granting: Callable[..., Granted], log: AuditLog
) -> None:
    with pytest.raises(WrongAccountError, match="999999999999"):
        granting(services.caller("999999999999"))
    assert log.entries() == ()


def test_without_an_account_in_the_description_the_callers_own_it_is(
    services: Services, granting: Callable[..., Granted]
) -> None:
    expected = "arn:aws:iam::999999999999:role/coldchain-prod-provisioner"
    granted = granting(services.caller("999999999999").assumed(RoleArn=expected), account=None)
    assert (granted.account, granted.role_arn) == ("999999999999", expected)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("ExpiredToken", "have expired"),
        ("InvalidClientTokenId", "does not know these credentials"),
        ("SignatureDoesNotMatch", "does not know these credentials"),
    ],
)
def test_credentials_that_are_not_good_are_told_in_words(
    services: Services, granting: Callable[..., Granted], code: str, told: str
) -> None:
    with pytest.raises(AuthenticationError, match=told):
        granting(services.refuses("sts", "get_caller_identity", code, 403))


def test_no_credentials_at_all_are_told_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, granting: Callable[..., Granted], services: Services
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    services.aws = Aws({}, "eu-west-1")
    with pytest.raises(AuthenticationError, match="there are no AWS credentials"):
        granting(services)


def test_offline_nobody_is_asked(granting: Callable[..., Granted], services: Services, log: AuditLog) -> None:
    services.aws = Aws({"MUSTER_OFFLINE": "1"}, "eu-west-1")
    with pytest.raises(OfflineError):
        granting(services)
    assert log.entries() == ()


@pytest.mark.parametrize(
    ("looking", "told"),
    [
        (("NoSuchEntity", 404), f"there is no role {ARN}"),
        (("AccessDenied", 403), "AWS does not let you take"),
    ],
)
def test_a_missing_role_is_told_from_one_that_may_not_be_had(
    services: Services,
    granting: Callable[..., Granted],
    log: AuditLog,
    looking: tuple[str, int],
    told: str,
) -> None:
    services.caller(times=2).refuses("sts", "assume_role", "AccessDenied", 403)
    services.refuses("iam", "get_role", *looking)
    with pytest.raises(RefusedError, match=told):
        granting(services)
    assert events(log) == [("grant", "began"), ("grant", "refused")]
    assert told in log.entries()[-1].facts["error"]


def test_a_role_that_is_there_and_may_not_be_had(
    services: Services, granting: Callable[..., Granted]
) -> None:
    found = {
        "Path": "/",
        "RoleName": ROLE,
        "RoleId": "AROAEXAMPLEAROAEXAMPLE",
        "Arn": ARN,
        "CreateDate": UNTIL,
    }
    services.caller(times=2).refuses("sts", "assume_role", "AccessDenied", 403)
    services.stubs["iam"].add_response("get_role", {"Role": found}, {"RoleName": ROLE})
    with pytest.raises(RefusedError, match=r"sts:AssumeRole and sts:SetSourceIdentity"):
        granting(services)


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("ada", "ada"),
        ("ada lovelace", "ada-lovelace"),
        ("Åsa", "-sa"),
        ("a", "a-"),
        ("ada@example.com", "ada@example.com"),
        ("aws:admin", "aws-admin"),
        ("x" * 100, "x" * 64),
    ],
)
def test_who_asks_is_spelt_as_aws_takes_it(who: str, told: str) -> None:
    assert identity(who) == told


@pytest.fixture
def granted() -> Granted:
    return Granted(
        role_arn=ARN,
        account=ACCOUNT,
        region="eu-west-1",
        until=UNTIL,
        identity="ada",
        access_key_id="ASIAEXAMPLE12345WXYZ",
        secret_access_key=SECRET,
        session_token=TOKEN,
    )


def test_a_process_gets_the_session_and_no_other_credentials(granted: Granted) -> None:
    own = {
        "PATH": "/bin",
        "AWS_PROFILE": "admin",
        "AWS_ACCESS_KEY_ID": "AKIAOWN",
        "AWS_SECURITY_TOKEN": "own",
        "AWS_SHARED_CREDENTIALS_FILE": "/home/ada/.aws/credentials",
    }
    assert granted.variables(own) == {
        "PATH": "/bin",
        "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE12345WXYZ",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_CREDENTIAL_EXPIRATION": "2030-01-02T03:04:05Z",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }


def test_a_profile_is_a_file_of_its_owner_alone_that_boto3_reads(
    granted: Granted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "below" / "aws-coldchain"
    check_profile("coldchain", file)
    write_profile("coldchain", file, granted)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [each.name for each in file.parent.iterdir()] == ["aws-coldchain"]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    read = boto3.Session(profile_name="coldchain").get_credentials()
    assert (read.access_key, read.secret_key, read.token) == (granted.access_key_id, SECRET, TOKEN)


def test_a_later_grant_takes_the_place_of_an_earlier_one_and_of_nothing_else(
    granted: Granted, tmp_path: Path
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "credentials"
    write_profile("coldchain", ours, granted)
    check_profile("coldchain", ours)
    write_profile("other", ours, granted)
    assert "[other]" in ours.read_text()
    theirs.write_text("[default]\naws_access_key_id = AKIAOWN\n")
    with pytest.raises(RequestError, match="is not overwritten"):
        check_profile("coldchain", theirs)
    with pytest.raises(RequestError, match="no profile's name"):
        check_profile("two words", ours)
    with pytest.raises(RequestError, match="irectory"):
        check_profile("coldchain", tmp_path)


def test_a_place_that_cannot_be_written_is_told_and_nothing_is_left(granted: Granted, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RequestError, match="file"):
        write_profile("coldchain", tmp_path / "file" / "aws-coldchain", granted)
    (tmp_path / "taken").mkdir()
    with pytest.raises(RequestError, match="taken"):
        write_profile("coldchain", tmp_path / "taken", granted)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "taken"]


def test_a_record_that_cannot_be_kept_ends_the_grant(
    services: Services, log: AuditLog, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.caller(times=2).assumed()
    with log.open() as writer:
        keep = writer.append

        def fail(subject: Any, event: str, **facts: Any) -> Entry:
            if event == "granted":
                raise OSError("disk full")
            return keep(subject, event, **facts)

        monkeypatch.setattr(writer, "append", fail)
        with pytest.raises(OSError, match="disk full"):
            grant(services.aws, wanted(), order, writer)
    assert [json.loads(line)["event"] for line in log.path.read_text().splitlines()] == ["began"]


def test_a_moment_in_another_zone_is_told_in_utc(
    services: Services, granting: Callable[..., Granted]
) -> None:
    services.caller(times=2).assumed()
    assert granting(services).until.utcoffset() == timedelta(0)
