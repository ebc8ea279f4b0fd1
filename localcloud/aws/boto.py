"""boto3's clients without a socket: what they would send, and what they make of an answer.

A client is called twice: first its request is taken before it is sent; when the answer is there, it is called
again and handed the answer where the network would be. So nothing blocks, no thread waits for another.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.aws.api import ApiError
from localcloud.calls import Answer, Call


class _Taken(Exception):  # noqa: N818 - the way out of botocore, not a fault
    """The request, before it is sent."""

    def __init__(self, request: Any) -> None:  # noqa: ANN401 - botocore has no types
        super().__init__()
        self.request = request


class Boto:
    """Clients by service, all with the same keys."""

    def __init__(self, access_key: str, secret_key: str, region: str) -> None:
        self._session = boto3.Session(access_key, secret_key, region_name=region)
        self._clients: dict[str, Any] = {}
        self._answer: Answer | None = None

    def request(self, service: str, operation: str, params: dict[str, Any]) -> Call:
        """What the client would send, signed."""
        try:
            self._method(service, operation)(**params)
        except _Taken as taken:
            return _as_call(taken.request)
        raise AssertionError(f"{service}:{operation} sent nothing")

    def result(self, service: str, operation: str, params: dict[str, Any], answer: Answer) -> dict[str, Any]:
        """What the client makes of an answer. Raises ApiError with the service's code."""
        self._answer = answer
        try:
            found: dict[str, Any] = self._method(service, operation)(**params)
        except ClientError as error:
            told = error.response["Error"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise ApiError(told["Code"], told["Message"], status) from error
        finally:
            self._answer = None
        return found

    def _method(self, service: str, operation: str) -> Any:  # noqa: ANN401 - boto3 has no types
        """`operation` is spelt as the client's method or as the API's ("assume_role", "AssumeRole")."""
        client = self._client(service)
        methods = {api: method for method, api in client.meta.method_to_api_mapping.items()}
        return getattr(client, methods.get(operation, operation))

    def _client(self, service: str) -> Any:  # noqa: ANN401 - boto3 has no types
        if service not in self._clients:
            config = Config(retries={"total_max_attempts": 1}, proxies={})
            client = self._session.client(service, config=config)
            client.meta.events.register("before-send.*.*", self._before_send)
            self._clients[service] = client
        return self._clients[service]

    def _before_send(self, request: Any, **_: object) -> AWSResponse:  # noqa: ANN401 - boto3 has no types
        if self._answer is None:
            raise _Taken(request)
        answer = self._answer
        body = answer.body if isinstance(answer.body, bytes) else _encoded(answer.body)
        return AWSResponse(request.url, answer.status, dict(answer.headers), _Raw(body))


class _Raw:
    """A body as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        """In one part."""
        yield self._body

    def read(self, *_: object, **__: object) -> bytes:
        """The rest of it."""
        body, self._body = self._body, b""
        return body


def _as_call(request: Any) -> Call:  # noqa: ANN401 - botocore has no types
    parts = urlsplit(request.url)
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    body = request.body or b""
    raw = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else body.read()
    host = parts.hostname or ""
    return Call(request.method, host, parts.path or "/", {}, {"host": host, **headers}, raw, (), parts.query)


def _encoded(body: object) -> bytes:
    return b"" if body is None else json.dumps(body).encode()
