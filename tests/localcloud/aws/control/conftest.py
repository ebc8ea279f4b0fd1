"""A control plane in this process, and real boto3 clients whose requests go to it without a socket."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from localcloud.aws.cloud import Aws
from localcloud.calls import Answer, Call
from localcloud.clock import Clock
from localcloud.store import Store
from tests.localcloud.aws.control.around import Around

Client = Any  # boto3 has no types
Clients = Callable[[str], Client]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def aws(tmp_path: Path, clock: Clock) -> Iterator[Aws]:
    store = Store(":memory:")
    yield Aws(store, clock, tmp_path)
    store.close()


@pytest.fixture
def around(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Around:
    """IAM, SNS and S3 without a process."""
    found = Around()
    monkeypatch.setattr(aws.emulator, "call", found.call)
    return found


@pytest.fixture
def clients(aws: Aws) -> Clients:
    def made(service: str) -> Client:
        key = aws.account.root_credentials()
        client = boto3.client(
            service,
            region_name=aws.place.region,
            aws_access_key_id=key.access_key,
            aws_secret_access_key=key.secret_key,
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )
        client.meta.events.register("before-send", lambda request, **_: _answered(aws, request))
        return client

    return made


@pytest.fixture
def iot(clients: Clients) -> Client:
    return clients("iot")


def _answered(aws: Aws, request: AWSPreparedRequest) -> AWSResponse:
    """The answer of the service that the address names."""
    url = urlsplit(request.url)
    host = url.hostname or ""
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    call = Call(
        method=request.method,
        host=host,
        path=url.path,
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        raw_query=url.query,
        headers={"host": host, **headers},
        raw=_bytes(request.body),
    )
    zone = "*." + host.partition(".")[2]
    service = aws.services.get(host) or aws.services[zone]
    given = service.answer(call)
    answer = given if isinstance(given, Answer) else asyncio.run(_awaited(given))
    body = b"" if answer.body is None else _bytes(answer.body)
    return AWSResponse(request.url, answer.status, dict(answer.headers), _Raw(body))


async def _awaited(given: Any) -> Answer:
    answer: Answer = await given
    return answer


class _Raw:
    """A response's body as urllib3 gives it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_arguments: object, **_names: object) -> Iterator[bytes]:
        yield self._body


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _bytes(value: object) -> bytes:
    if value is None:
        return b""
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()
