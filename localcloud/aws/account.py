"""The account's access keys: Signature Version 4 checked for real, and who signed.

The root's key is minted at the first start (`aws.env`); users' and sessions' are those that the emulator's
IAM and STS hand out, remembered on their way. The signature is computed anew with botocore's own signer
(docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
"""

import base64
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.aws.api import ApiError, Caller
from localcloud.aws.place import Place
from localcloud.calls import Call

KEYS = "aws-access-key"
ENVIRONMENT_FILE = "aws.env"
LARGEST_SKEW = timedelta(minutes=5)
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([\w-]{3,128})/(\d{8})/([\w-]+)/([\w.-]+)/aws4_request,\s*"
    r"SignedHeaders=([\w;-]+),\s*Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True)
class Scope:
    """What an Authorization header says."""

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str = field(repr=False)


class Account:
    """Access keys by id."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def ensure_root(self, folder: Path) -> None:
        """The root's key, in the store and in `aws.env` (0600) for whoever runs commands."""
        known = [(key, it) for key, it in self._place.store.list(KEYS) if it["arn"].endswith(":root")]
        if not known:
            key = f"AKIA{_random_id(16)}"
            root: dict[str, Any] = {"secret": secrets.token_urlsafe(30), "arn": self.root_arn()}
            self._place.store.put(KEYS, key, root)
            known = [(key, root)]
        key, root = known[0]
        _write_private(
            folder / ENVIRONMENT_FILE,
            f"AWS_ACCESS_KEY_ID={key}\nAWS_SECRET_ACCESS_KEY={root['secret']}\nAWS_REGION={self._place.region}\n",
        )

    def root_arn(self) -> str:
        """The account itself."""
        return f"arn:aws:iam::{self._place.account}:root"

    def root_credentials(self) -> Credentials:
        """The root's key; `ensure_root` came before."""
        key, it = next((key, it) for key, it in self._place.store.list(KEYS) if it["arn"].endswith(":root"))
        return Credentials(key, it["secret"])

    def remember(self, access_key: str, secret: str, arn: str, **more: Any) -> None:  # noqa: ANN401 - JSON
        """A key that was handed out. `more`: token, expires (seconds), role, user, policy."""
        self._place.store.put(KEYS, access_key, {"secret": secret, "arn": arn, **more})

    def forget(self, access_key: str) -> None:
        """A key that was deleted."""
        self._place.store.delete(KEYS, access_key)

    def identify(self, call: Call, signing_name: str) -> Caller:
        """Whoever signed the call, for this service. Raises ApiError with AWS' codes."""
        scope = _scope(call)
        known = self._known(scope, call)
        if (scope.region, scope.service) != (self._place.region, signing_name):
            wanted = f"'{self._place.region}/{signing_name}/aws4_request'"
            raise ApiError(
                "InvalidSignatureException",
                f"Credential should be scoped to a valid region and service: {wanted}",
                403,
            )
        self._check_date(call, scope)
        if not hmac.compare_digest(
            _signature(call, scope, known["secret"], known.get("token")), scope.signature
        ):
            raise ApiError(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method.",
                403,
            )
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
        """Let the root do anything. Raises ApiError for everybody else."""
        del params  # the resources: policies of roles come with the evaluator
        if not caller.is_root:
            raise ApiError(
                "AccessDeniedException",
                f"User: {caller.arn} is not authorized to perform: {service}:{operation}",
                403,
            )

    def _known(self, scope: Scope, call: Call) -> dict[str, Any]:
        """The key that is named. Raises ApiError."""
        known = self._place.store.get(KEYS, scope.access_key)
        if known is None or known.get("token") != call.header("x-amz-security-token"):
            raise ApiError(
                "UnrecognizedClientException", "The security token included in the request is invalid.", 403
            )
        if known.get("expires") is not None and known["expires"] <= self._place.now():
            raise ApiError(
                "ExpiredTokenException", "The security token included in the request is expired", 403
            )
        return known

    def _check_date(self, call: Call, scope: Scope) -> None:
        text = call.header("x-amz-date") or ""
        if not re.fullmatch(r"\d{8}T\d{6}Z", text) or not text.startswith(scope.date):
            raise ApiError("IncompleteSignatureException", "Date must be in ISO-8601 'basic format'.", 403)
        try:
            date = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError as error:
            raise ApiError("IncompleteSignatureException", "Date is no date.", 403) from error
        if abs(date - datetime.now(UTC)) > LARGEST_SKEW:  # a client's wall clock: it does not move with ours
            raise ApiError(
                "InvalidSignatureException", f"Signature expired: {text} is not within 5 minutes.", 403
            )


def _scope(call: Call) -> Scope:
    text = call.header("authorization")
    if not text:
        raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    found = _HEADER.fullmatch(text.strip())
    if not found:
        raise ApiError(
            "IncompleteSignatureException",
            "The Authorization header is no AWS4-HMAC-SHA256 with Credential, SignedHeaders and Signature.",
            403,
        )
    key, date, region, service, headers, signature = found.groups()
    scope = Scope(key, date, region, service, tuple(headers.split(";")), signature)
    if "host" not in scope.signed_headers:
        raise ApiError("InvalidSignatureException", "'Host' must be a signed header.", 403)
    return scope


def _signature(call: Call, scope: Scope, secret: str, token: str | None) -> str:
    """The signature that the call would have from this secret."""
    signer = SigV4Auth(Credentials(scope.access_key, secret, token), scope.service, scope.region)
    headers = {name: call.headers.get(name, "") for name in scope.signed_headers}
    query = f"?{call.raw_query}" if call.raw_query else ""
    request = AWSRequest(
        call.method, f"https://{call.host}{call.path}{query}", headers=headers, data=call.raw
    )
    request.context["timestamp"] = call.header("x-amz-date")
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


def _random_id(length: int) -> str:
    return base64.b32encode(secrets.token_bytes(length)).decode()[:length]


def _write_private(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
