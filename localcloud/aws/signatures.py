"""Signature Version 4: what an Authorization header says, and the signature that a call would have.

Computed anew with botocore's own signer (IAM user guide, "Create a signed AWS API request").
"""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.aws.api import ApiError
from localcloud.calls import Call

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([\w-]{3,128})/(\d{8})/([\w-]+)/([\w.-]+)/aws4_request,\s*"
    r"SignedHeaders=([\w;-]+),\s*Signature=([0-9a-f]{64})"
)
_CONTENT_HASH = "x-amz-content-sha256"
_HEX_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Scope:
    """What an Authorization header says."""

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str = field(repr=False)


def read(call: Call) -> Scope:
    """The Authorization header's parts. Raises ApiError."""
    text = call.header("authorization")
    if not text:
        raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    found = _HEADER.fullmatch(text.strip())
    if not found:
        words = (
            "The Authorization header is no AWS4-HMAC-SHA256 with Credential, SignedHeaders and Signature."
        )
        raise ApiError("IncompleteSignatureException", words, 403)
    key, date, region, service, headers, signature = found.groups()
    scope = Scope(key, date, region, service, tuple(headers.split(";")), signature)
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
    if stated:
        headers[_CONTENT_HASH] = stated
    query = f"?{call.raw_query}" if call.raw_query else ""
    request = AWSRequest(
        call.method, f"https://{call.host}{call.path}{query}", headers=headers, data=call.raw
    )
    request.context["timestamp"] = call.header("x-amz-date")
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


class _Signer(SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """S3 signs the path as it is sent, other services encode it once more."""

    def _normalize_url_path(self, path: str) -> str:
        return path if self._service_name == "s3" else str(super()._normalize_url_path(path))

    def payload(self, request: Any) -> str:  # noqa: ANN401 - botocore has no types
        """The stated hash of the body: it was compared above, or says that the body is not signed."""
        return str(request.headers.get(_CONTENT_HASH) or super().payload(request))
