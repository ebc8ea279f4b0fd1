"""AWS through boto3: the production side's only way to a client. No pulumi.

Credentials are found as boto3 finds them (AWS_* variables, profiles, single sign-on, roles of the machine).
The proxy and the extra trust anchor are those of transport.py, retries are botocore's own (mode `standard`).
boto3 is loaded with the first client: it takes its time, and checks and diffs do without.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

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
from provider.clients.transport import ANSWER_SECONDS, CONNECT_SECONDS, proxy, trust_bundle

Document: TypeAlias = dict[str, Any]
ATTEMPTS: Final = 4
_KEYS: Final = {
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "aws_session_token": "AWS_SESSION_TOKEN",
}
_INCOMPLETE: Final = "the AWS credentials are incomplete; a key id needs its secret key beside it"
_EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
)
_FOREIGN: Final = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_FORBIDDEN: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "NotAuthorized",
        "UnauthorizedException",
        "UnauthorizedOperation",
    }
)
_ABSENT: Final = frozenset(
    {"NoSuchEntity", "NotFoundException", "ParameterNotFound", "ResourceNotFoundException"}
)


class Client:
    """One service in one region. Every failure is a ClientError in words."""

    def __init__(self, raw: Any) -> None:  # noqa: ANN401 - boto3 makes its classes at run time
        self._raw = raw

    def call(self, operation: str, **parameters: Any) -> Document:  # noqa: ANN401 - as the service model has it
        """One operation by boto3's name (`describe_thing`); its answer without boto3's own metadata.

        What AWS streams (a shadow's payload) is read, as its connection cannot be used again before: bytes.
        """
        with explained(f"{self._named} {operation}"):
            told = getattr(self._raw, operation)(**parameters)
            answer = {key: value.read() if hasattr(value, "read") else value for key, value in told.items()}
        answer.pop("ResponseMetadata", None)
        return answer

    def find(self, operation: str, **parameters: Any) -> Document | None:  # noqa: ANN401 - as the model has it
        """As `call`, for what may not be there: then None."""
        try:
            return self.call(operation, **parameters)
        except NotFoundError:
            return None

    def pages(self, operation: str, **parameters: Any) -> Iterator[Document]:  # noqa: ANN401 - as the model has it
        """The pages of a listing, each asked for when it is needed."""
        with explained(f"{self._named} {operation}"):
            yield from self._raw.get_paginator(operation).paginate(**parameters)

    @property
    def _named(self) -> str:
        meta = self._raw.meta
        return f"{meta.service_model.service_id} in {meta.region_name}"


class Aws:
    """The clients of one session. `environment` holds what transport.py reads, MUSTER_OFFLINE, and AWS_*."""

    def __init__(
        self,
        environment: Mapping[str, str],
        region: str | None = None,
        *,
        make: Callable[..., Any] | None = None,
    ) -> None:
        self._environment = environment
        self._region = region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        self._make = make
        self._made: dict[tuple[str, str | None, str | None], Client] = {}
        self._guard = threading.Lock()

    def client(self, service: str, region: str | None = None, endpoint: str | None = None) -> Client:
        """The client of a service (`iot`, `sts`); `endpoint` is a URL for services with one an account.

        Raises OfflineError under MUSTER_OFFLINE, ConfigurationError for a proxy or CA file that is none.
        """
        if self._environment.get("MUSTER_OFFLINE"):
            raise OfflineError(f"MUSTER_OFFLINE is set, so AWS ({service}) is not asked")
        where = (service, region or self._region, endpoint)
        with self._guard:
            if where not in self._made:
                self._made[where] = Client(self._raw(*where))
            return self._made[where]

    def account(self) -> str:
        """The account that the credentials belong to."""
        return str(self.client("sts").call("get_caller_identity")["Account"])

    def require_account(self, expected: str) -> None:
        """Raise WrongAccountError unless the credentials belong to this account."""
        if (found := self.account()) != expected:
            raise WrongAccountError(
                f"the AWS credentials are those of account {found}, the description says {expected} "
                "(aws.account); nothing was sent. Take the credentials of that account (AWS_PROFILE, or "
                "AWS_ACCESS_KEY_ID and its companions), or correct the description"
            )

    def _raw(self, service: str, region: str | None, endpoint: str | None) -> Any:  # noqa: ANN401 - boto3's
        from botocore.config import Config  # slow, and previews do without

        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=ANSWER_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            user_agent_extra="muster",
            **self._proxied(),
        )
        with explained(f"AWS {service}"):
            return self._session(region)(
                service, endpoint_url=endpoint, verify=trust_bundle(self._environment), config=config
            )

    def _proxied(self) -> dict[str, Any]:
        url = proxy(self._environment)
        return {} if url is None else {"proxies": {"https": url, "http": url}}

    def _session(self, region: str | None) -> Callable[..., Any]:
        if self._make is not None:
            return self._make
        import boto3

        made: Callable[..., Any] = boto3.Session(
            **self._keys(), region_name=region, profile_name=self._environment.get("AWS_PROFILE") or None
        ).client
        return made

    def _keys(self) -> dict[str, str | None]:
        """The environment's own keys, all or none, as botocore reads them (credentials.EnvProvider): what is
        left of others without a key id counts for nothing. Raises AuthenticationError for half of them."""
        keys = {name: self._environment.get(variable) or None for name, variable in _KEYS.items()}
        if keys["aws_access_key_id"] is None:
            return {}
        if keys["aws_secret_access_key"] is None:
            raise AuthenticationError(f"AWS_ACCESS_KEY_ID is set alone: {_INCOMPLETE}")
        return keys


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Within the block every failure of boto3 is a ClientError in words; `what` was being done."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise service_error(what, error.response) from None
    except (exceptions.NoRegionError, exceptions.InvalidRegionError, exceptions.ProfileNotFound) as error:
        raise ConfigurationError(f"{what}: {error}") from None
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        raise UnreachableError(_unreachable(what, error)) from None
    except exceptions.BotoCoreError as error:
        if (text := _without_credentials(error)) is None:
            raise
        raise AuthenticationError(f"{what}: {text}") from None


def service_error(what: str, response: Mapping[str, Any]) -> ClientError:
    """The error for an error answer. Its own text is quoted, except where it is about our signature: such a
    text holds what was signed, a session's token among it.
    """
    told, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    code, status = str(told.get("Code", "")), int(metadata.get("HTTPStatusCode", 0))
    if code in _EXPIRED:
        return AuthenticationError(
            f"{what}: the AWS credentials have expired ({code}); get new ones, as with `aws sso login`"
        )
    if code in _FOREIGN:
        return AuthenticationError(
            f"{what}: AWS does not know these credentials ({code}); are AWS_ACCESS_KEY_ID and its "
            "companions, or AWS_PROFILE, those of this account? On the local stack `make up` writes them"
        )
    tracking = str(metadata.get("RequestId", ""))
    tracked = f" (request id {tracking})" if tracking else ""
    text = f"{what}: AWS answered {status} {code}: {told.get('Message', '')}{tracked}"
    return _kind(code, status)(text, status, code, tracking)


def _kind(code: str, status: int) -> type[ServiceError]:
    if code in _FORBIDDEN or status in {401, 403}:
        return ForbiddenError
    if code in _ABSENT or status == 404:
        return NotFoundError
    return ConflictingError if status == 409 else ServiceError


def _without_credentials(error: Exception) -> str | None:
    # Texts of these errors may quote what a helper program printed, so only their names are told.
    from botocore import exceptions

    if isinstance(error, exceptions.NoCredentialsError):
        return (
            "there are no AWS credentials; set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
            "or sign in with `aws sso login`"
        )
    if isinstance(error, exceptions.PartialCredentialsError):
        return _INCOMPLETE
    unusable = (
        exceptions.CredentialRetrievalError,
        exceptions.TokenRetrievalError,
        exceptions.NoAuthTokenError,
        exceptions.SSOError,
        exceptions.UnknownCredentialError,
    )
    if isinstance(error, unusable):
        return f"the AWS credentials cannot be had ({type(error).__name__}); sign in again (`aws sso login`)"
    return None


def _unreachable(what: str, error: Exception) -> str:
    advice = (
        "is the network up, and MUSTER_PROXY right? On the local stack: does the local cloud run (`make up`)?"
    )
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        advice = "its certificate is not trusted; behind a proxy that opens TLS, MUSTER_CA_FILE names its CA"
    return f"{what} cannot be reached ({type(error).__name__}): {advice}"
