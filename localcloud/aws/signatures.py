"""Signature Version 4: what a call says of itself, and the signature that it would have.

It stands in the Authorization header, or in the query of a link that is good for a while (S3 user guide,
"Authenticating requests: using query parameters"). Computed anew with botocore's own signer (IAM user guide,
"Create a signed AWS API request").
"""

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.aws.api import ApiError
from localcloud.calls import Call

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([\w-]{3,128})/(\d{8})/([\w-]+)/([\w.-]+)/aws4_request,\s*"
    r"SignedHeaders=([\w;-]+),\s*Signature=([0-9a-f]{64})"
)
_CREDENTIAL = re.compile(r"([\w-]{3,128})/(\d{8})/([\w-]+)/([\w.-]+)/aws4_request")
_SIGNATURE = "X-Amz-Signature"
LONGEST_LINK_SECONDS = 7 * 86400
_CONTENT_HASH = "x-amz-content-sha256"
_HEX_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Scope:
    """What a signature says of itself. `lasts_seconds` is a link's; `moment` is x-amz-date."""

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str = field(repr=False)
    moment: str = ""
    token: str | None = field(default=None, repr=False)
    lasts_seconds: int | None = None


def read(call: Call) -> Scope:
    """The signature's parts, out of the header or the query. Raises ApiError."""
    text = call.header("authorization")
    if not text and _SIGNATURE in call.query:
        return _of_link(call)
    if not text:
        raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    found = _HEADER.fullmatch(text.strip())
    if not found:
        words = (
            "The Authorization header is no AWS4-HMAC-SHA256 with Credential, SignedHeaders and Signature."
        )
        raise ApiError("IncompleteSignatureException", words, 403)
    key, date, region, service, headers, signature = found.groups()
    moment, token = call.header("x-amz-date") or "", call.header("x-amz-security-token")
    return _checked(Scope(key, date, region, service, tuple(headers.split(";")), signature, moment, token))


def _of_link(call: Call) -> Scope:
    """A link's parts. Raises ApiError."""
    given = call.query
    credential = _CREDENTIAL.fullmatch(given.get("X-Amz-Credential", ""))
    seconds = given.get("X-Amz-Expires", "")
    is_whole = given.get("X-Amz-Algorithm") == "AWS4-HMAC-SHA256" and credential and seconds.isdecimal()
    if not is_whole or not credential or not 1 <= int(seconds) <= LONGEST_LINK_SECONDS:
        words = "X-Amz-Algorithm, X-Amz-Credential or X-Amz-Expires of the link is missing or wrong."
        raise ApiError("AuthorizationQueryParametersError", words, 403)
    key, date, region, service = credential.groups()
    headers = tuple(given.get("X-Amz-SignedHeaders", "").split(";"))
    moment, token = given.get("X-Amz-Date", ""), given.get("X-Amz-Security-Token")
    scope = Scope(key, date, region, service, headers, given[_SIGNATURE], moment, token, int(seconds))
    return _checked(scope)


def _checked(scope: Scope) -> Scope:
    if "host" not in scope.signed_headers:
        raise invalid("'Host' must be a signed header")
    return scope


def invalid(words: str) -> ApiError:
    """The signature is not right."""
    return ApiError("InvalidSignatureException", f"{words}.", 403)


def signature(call: Call, scope: Scope, secret: str) -> str:
    """The signature that the call would have from this secret. Raises ApiError for a body that is another."""
    stated = call.header(_CONTENT_HASH) or ""
    if _HEX_HASH.fullmatch(stated) and stated != hashlib.sha256(call.raw).hexdigest():
        raise invalid("The body is not the one that x-amz-content-sha256 tells")
    signer = _Signer(Credentials(scope.access_key, secret), scope.service, scope.region)
    headers = {name: call.headers.get(name, "") for name in scope.signed_headers}
    is_link = scope.lasts_seconds is not None
    if stated and not is_link:
        headers[_CONTENT_HASH] = stated
    parts = [it for it in call.raw_query.split("&") if it and not it.startswith(f"{_SIGNATURE}=")]
    query = f"?{'&'.join(parts)}" if parts else ""
    request = AWSRequest(
        call.method, f"https://{call.host}{call.path}{query}", headers=headers, data=call.raw
    )
    request.context["timestamp"] = scope.moment
    request.context["is_unsigned"] = is_link and scope.service == "s3"
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


def in_header(call: Call, credentials: Credentials) -> Call:
    """A link's call, its signature checked before, as one that is signed in the header."""
    scope = read(call)
    parts = [it for it in call.raw_query.split("&") if it and not it.lower().startswith("x-amz-")]
    query = "&".join(parts)
    url = f"https://{call.host}{call.path}{'?' if query else ''}{query}"
    request = AWSRequest(call.method, url, headers=dict(call.headers), data=call.raw)
    S3SigV4Auth(credentials, scope.service, scope.region).add_auth(request)
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    kept = {name: it for name, it in call.query.items() if not name.lower().startswith("x-amz-")}
    return replace(call, query=kept, raw_query=query, headers=headers)


class _Signer(SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """S3 signs the path as it is sent, other services encode it once more."""

    def _normalize_url_path(self, path: str) -> str:
        return path if self._service_name == "s3" else str(super()._normalize_url_path(path))

    def payload(self, request: Any) -> str:  # noqa: ANN401 - botocore has no types
        """The stated hash of the body: it was compared above, or says that the body is not signed."""
        if request.context["is_unsigned"]:
            return "UNSIGNED-PAYLOAD"
        return str(request.headers.get(_CONTENT_HASH) or super().payload(request))
