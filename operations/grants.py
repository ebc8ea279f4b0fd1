"""The temporary permission to provision on AWS: a session of one role, on record before and after it begins.

AssumeRole, botocore sts 2011-06-15: DurationSeconds is 900 at least; RoleSessionName and SourceIdentity are 2
to 64 of `[\\w+=,.@-]`. The source identity says in CloudTrail, at every action, who asked; the session cannot
change it. How long the role may be had at most, from which addresses and for what is the role's own business
(`components.aws.provisioner_role`).

What a grant consists of is a secret: it goes to one process's environment or into one file of mode 0600, and
stands neither on record nor in a message. On record are the last four characters of the access key's id, by
which AWS' own logs can be searched.
"""

from __future__ import annotations

import configparser
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from operations.actions.session import Order, new_operation
from operations.audit import Subject, Writer
from operations.errors import RefusedError, RequestError
from provider.clients.aws import Aws
from provider.clients.errors import ClientError, ForbiddenError

SHORTEST_MINUTES: Final = 15
_LONGEST_NAME: Final = 64
_FILE: Final = 0o600
_DIRECTORY: Final = 0o700
_HEADER: Final = "# Written by `muster aws grant`; the credentials end "
_PROFILE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DROPPED: Final = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_SECURITY_TOKEN",
)
"""Settings that would win over a session's variables, or lead a tool back to the person's own credentials.
AWS_SECURITY_TOKEN is an older name of AWS_SESSION_TOKEN, which botocore asks first (credentials.EnvProvider);
tools that keep credentials still set both."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which role somebody wants, for how long, and for what.

    `account` is the one that it must be, when the description says so. Raises RequestError for a time that
    the role does not give.
    """

    role: str
    partition: str
    region: str
    account: str | None
    minutes: int
    most_minutes: int
    purpose: str
    """`command pulumi`, `profile coldchain`: what the session is handed to."""

    def __post_init__(self) -> None:
        if not SHORTEST_MINUTES <= self.minutes <= self.most_minutes:
            raise RequestError(
                f"{self.minutes} minutes: a grant lasts {SHORTEST_MINUTES} minutes at least, which is AWS' "
                f"limit, and {self.most_minutes} at most, which is the description's "
                "(aws.provisioner.maxMinutes)"
            )


@dataclass(frozen=True, kw_only=True)
class Granted:
    """A session. Its secret parts are in no repr."""

    role_arn: str
    account: str
    region: str
    until: datetime
    identity: str
    """Session name and source identity."""
    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)

    @property
    def suffix(self) -> str:
        """The last four characters of the access key's id."""
        return self.access_key_id[-4:]

    def variables(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """A process's environment with this session and no other credentials of AWS."""
        kept = {name: value for name, value in inherited.items() if name not in _DROPPED}
        return {
            **kept,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
            "AWS_CREDENTIAL_EXPIRATION": f"{self.until:%Y-%m-%dT%H:%M:%SZ}",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }


def grant(aws: Aws, wanted: Wanted, order: Order, writer: Writer) -> Granted:
    """Take the role on, on record. Raises RefusedError, AuditError, and the errors of provider.clients:
    credentials missing, expired, or of another account than the description's.
    """
    if wanted.account is not None:
        aws.require_account(wanted.account)
    caller = aws.client("sts").call("get_caller_identity")
    account = str(caller["Account"])
    role_arn = f"arn:{wanted.partition}:iam::{account}:role/{wanted.role}"
    subject = Subject(
        action="grant",
        operation=new_operation(),
        service=f"aws {account} {wanted.region}",
        device="",
        who=order.who,
        reason=order.reason,
    )
    facts = {"role": role_arn, "caller": str(caller["Arn"]), "minutes": wanted.minutes}
    writer.append(subject, "began", **facts, purpose=wanted.purpose)
    try:
        granted = _assumed(aws, wanted, role_arn, account, identity(order.who))
    except (ClientError, RefusedError) as error:
        writer.append(subject, "refused", role=role_arn, error=str(error))
        raise
    until = f"{granted.until:%Y-%m-%dT%H:%M:%SZ}"
    writer.append(
        subject,
        "granted",
        role=role_arn,
        until=until,
        identity=granted.identity,
        accessKeyIdSuffix=granted.suffix,
    )
    return granted


def identity(who: str) -> str:
    """Who asked, as AWS takes it for a session's name and source identity."""
    spelt = re.sub(r"[^A-Za-z0-9_+=,.@-]", "-", who)[:_LONGEST_NAME]
    return spelt.ljust(2, "-")


def check_profile(name: str, file: Path) -> None:
    """Raise RequestError for a profile's name that is none, and for a file that is somebody else's."""
    if not _PROFILE.fullmatch(name):
        raise RequestError(f"{name[:80]!r} is no profile's name: 1 to 64 letters, digits and _ . - are due")
    try:
        held = file.read_text()
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{file}: {error}") from error
    if not held.startswith(_HEADER):
        raise RequestError(f"{file} was not written by `muster aws grant`, and is not overwritten")


def write_profile(name: str, file: Path, granted: Granted) -> None:
    """Write the session as a profile into a file of mode 0600, whole or not at all. Raises RequestError."""
    profile = configparser.ConfigParser(interpolation=None)
    profile[name] = {
        "aws_access_key_id": granted.access_key_id,
        "aws_secret_access_key": granted.secret_access_key,
        "aws_session_token": granted.session_token,
    }
    text = io.StringIO(f"{_HEADER}{granted.until:%Y-%m-%dT%H:%M:%SZ}.\n")
    text.seek(0, os.SEEK_END)
    profile.write(text)
    try:
        _replace(file, text.getvalue())
    except OSError as error:
        raise RequestError(f"{file}: {error.strerror or error}") from None


def _replace(file: Path, text: str) -> None:
    file.parent.mkdir(mode=_DIRECTORY, parents=True, exist_ok=True)
    made = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE)
    try:
        with os.fdopen(descriptor, "w") as written:
            written.write(text)
        made.replace(file)
    except OSError:
        made.unlink()
        raise


def _assumed(aws: Aws, wanted: Wanted, role_arn: str, account: str, who: str) -> Granted:
    try:
        answer = aws.client("sts").call(
            "assume_role",
            RoleArn=role_arn,
            RoleSessionName=who,
            SourceIdentity=who,
            DurationSeconds=wanted.minutes * 60,
        )
    except ForbiddenError as error:
        raise RefusedError(_why_not(aws, wanted.role, role_arn)) from error
    given: Mapping[str, Any] = answer["Credentials"]
    return Granted(
        role_arn=role_arn,
        account=account,
        region=wanted.region,
        until=given["Expiration"].astimezone(UTC),
        identity=who,
        access_key_id=given["AccessKeyId"],
        secret_access_key=given["SecretAccessKey"],
        session_token=given["SessionToken"],
    )


def _why_not(aws: Aws, role: str, role_arn: str) -> str:
    """AWS answers the same whether a role is missing or may not be had; IAM tells the one from the other, to
    whoever may look."""
    try:
        missing = aws.client("iam").find("get_role", RoleName=role) is None
    except ForbiddenError:
        missing = False
    if missing:
        return (
            f"there is no role {role_arn}: describe it (aws.provisioner) and have an administrator run "
            "`pulumi up`"
        )
    return (
        f"AWS does not let you take {role_arn}: you need sts:AssumeRole and sts:SetSourceIdentity on it by a "
        "policy of your own, must come from one of aws.provisioner.sources, and the role must be there"
    )
