"""The account's access keys, and who signed a call.

The root's key is minted at the first start (`aws.env`); users', sessions' and functions' are those that the
emulator hands out, remembered on their way (`observed`).
"""

import base64
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials

from localcloud.aws import signatures
from localcloud.aws.api import ApiError, Caller
from localcloud.aws.authorization import Authorization
from localcloud.aws.place import Place
from localcloud.aws.signatures import Scope
from localcloud.calls import Call

KEYS = "aws-access-key"
ENVIRONMENT_FILE = "aws.env"
LARGEST_SKEW = timedelta(minutes=5)
GLOBAL_REGION = "us-east-1"  # where IAM and the global STS sign


class Account:
    """Access keys by id."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.authorization: Authorization = Authorization(place)

    def ensure_root(self, folder: Path) -> None:
        """The root's key, in the store and in `aws.env` (0600) for whoever runs commands."""
        known = [(key, it) for key, it in self._place.store.list(KEYS) if it["arn"].endswith(":root")]
        if not known:
            key = f"AKIA{_random_id(16)}"
            root: dict[str, Any] = {"secret": secrets.token_urlsafe(30), "arn": self.root_arn()}
            self._place.store.put(KEYS, key, root)
            known = [(key, root)]
        key, root = known[0]
        # Both names of the region: SDKs read the one, boto3 the other.
        variables = {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": root["secret"],
            "AWS_REGION": self._place.region,
            "AWS_DEFAULT_REGION": self._place.region,
        }
        text = "".join(f"{name}={value}\n" for name, value in variables.items())
        _write_private(folder / ENVIRONMENT_FILE, text)

    def root_arn(self) -> str:
        """The account itself."""
        return f"arn:aws:iam::{self._place.account}:root"

    def root_credentials(self) -> Credentials:
        """The root's key; `ensure_root` came before."""
        key, it = next((key, it) for key, it in self._place.store.list(KEYS) if it["arn"].endswith(":root"))
        return Credentials(key, it["secret"])

    def root_key(self) -> str:
        """The id of the root's key; `ensure_root` came before."""
        return str(self.root_credentials().access_key)

    def service_of(self, call: Call) -> str:
        """The service that a call is signed for, unchecked. Raises ApiError."""
        return signatures.read(call).service

    def arn_of(self, call: Call) -> str | None:
        """The ARN of the key that a call names, unchecked."""
        known = self._place.store.get(KEYS, signatures.read(call).access_key)
        return str(known["arn"]) if known else None

    def remember(self, access_key: str, secret: str, arn: str, **more: Any) -> None:  # noqa: ANN401 - JSON
        """A key that was handed out. `more`: token, expires (seconds), role, user, policy."""
        self._place.store.put(KEYS, access_key, {"secret": secret, "arn": arn, **more})

    def forget(self, access_key: str) -> None:
        """A key that was deleted."""
        self._place.store.delete(KEYS, access_key)

    def identify(self, call: Call, signing_name: str | None = None) -> Caller:
        """Whoever signed the call, for this service or (None) for any. Raises ApiError with AWS' codes."""
        scope = signatures.read(call)
        known = self._known(scope)
        self._check_scope(scope, signing_name)
        _check_date(scope)
        if not hmac.compare_digest(signatures.signature(call, scope, known["secret"]), scope.signature):
            words = "The request signature we calculated does not match the signature you provided"
            raise signatures.invalid(f"{words}. Check your AWS Secret Access Key and signing method")
        return Caller(
            account=self._place.account,
            region=self._place.region,
            arn=known["arn"],
            access_key=scope.access_key,
            role=known.get("role"),
            user=known.get("user"),
            session_policy=known.get("policy"),
        )

    async def authorize(self, caller: Caller, service: str, operation: str, params: dict[str, Any]) -> None:
        """Let the root do anything, others what their policies allow. Raises ApiError."""
        if not caller.is_root:
            await self.authorization.check(caller, service, operation, params)

    def _known(self, scope: Scope) -> dict[str, Any]:
        """The key that is named. Raises ApiError."""
        known = self._place.store.get(KEYS, scope.access_key)
        if known is None or known.get("token") != scope.token:
            words = "The security token included in the request is invalid."
            raise ApiError("UnrecognizedClientException", words, 403)
        if known.get("expires") is not None and known["expires"] <= self._place.now():
            raise ApiError(
                "ExpiredTokenException", "The security token included in the request is expired", 403
            )
        return known

    def _check_scope(self, scope: Scope, signing_name: str | None) -> None:
        regions: Iterable[str] = (
            (self._place.region,) if signing_name else (self._place.region, GLOBAL_REGION)
        )
        if scope.region not in regions or signing_name not in (None, scope.service):
            wanted = f"'{self._place.region}/{signing_name or scope.service}/aws4_request'"
            raise signatures.invalid(f"Credential should be scoped to a valid region and service: {wanted}")


def _check_date(scope: Scope) -> None:
    """A client's wall clock: it does not move with ours. A link is good for as long as it says."""
    text = scope.moment
    if not re.fullmatch(r"\d{8}T\d{6}Z", text) or not text.startswith(scope.date):
        raise ApiError("IncompleteSignatureException", "Date must be in ISO-8601 'basic format'.", 403)
    try:
        date = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise ApiError("IncompleteSignatureException", "Date is no date.", 403) from error
    if scope.lasts_seconds is not None:
        if not -LARGEST_SKEW <= datetime.now(UTC) - date <= timedelta(seconds=scope.lasts_seconds):
            raise ApiError("AccessDenied", "Request has expired", 403)
    elif abs(date - datetime.now(UTC)) > LARGEST_SKEW:
        raise signatures.invalid(f"Signature expired: {text} is not within 5 minutes")


def _random_id(length: int) -> str:
    return base64.b32encode(secrets.token_bytes(length)).decode()[:length]


def _write_private(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
