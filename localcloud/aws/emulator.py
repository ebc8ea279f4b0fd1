"""Every service of AWS that is not IoT's, for the front and for AWS IoT's own parts."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.aws.account import Account
from localcloud.aws.api import ApiError, Caller
from localcloud.aws.handed_out import HandedOut
from localcloud.aws.ministack import Ministack
from localcloud.aws.ministack_process import SESSIONS
from localcloud.aws.place import Place
from localcloud.calls import Answer, Call

_OWN_PATHS = ("/_ministack", "/_localstack", "/_muster")
_UNKNOWN = "UnrecognizedClientException"


class Emulator:
    """The service behind `**.amazonaws.com`. `proxy` is for functions that it runs."""

    def __init__(self, place: Place, account: Account, folder: Path, proxy: str) -> None:
        self._place = place
        self._account = account
        self._ministack = Ministack(place, folder, proxy, account.root_key())
        self._handed_out = HandedOut(place, account)
        self._root = account.root_credentials()
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.on_call: list[Callable[[Call, str], None]] = []
        self.check_session: Callable[[Caller, bytes], Awaitable[None]] | None = None

    async def start(self) -> None:
        """Once, when the loop runs. The process starts with the first call."""
        await self._ministack.start()

    async def stop(self) -> None:
        """End the process."""
        await self._ministack.stop()

    @property
    def pid(self) -> int | None:
        """The process' id while it runs."""
        return self._ministack.pid

    # the front's side

    async def answer(self, call: Call) -> Answer:
        """The response to a request from outside: its signature is checked here."""
        try:
            service, caller = self._let_in(call)
            if service == "sts" and self.check_session is not None:
                await self.check_session(caller, call.raw)
            answer = await self._ministack.forward(call)
        except ApiError as error:
            return refusal(call, error)
        self._observe(call, service, answer)
        return answer

    def fault(self, status: int, message: str) -> Answer:
        """An error that arose outside the service."""
        body = {"__type": "ServiceUnavailable", "message": message}
        return Answer(status, body, {"x-amzn-errortype": "ServiceUnavailable"})

    def _let_in(self, call: Call) -> tuple[str, Caller]:
        """The signing name of the service that is meant, and who calls. Raises ApiError."""
        service = self._account.service_of(call)
        if service.startswith("iot") or call.path.startswith(_OWN_PATHS):
            raise ApiError("UnknownOperationException", f"{call.host} has no such operation.", 404)
        return service, self._account.identify(call)

    def _observe(self, call: Call, service: str, answer: Answer) -> None:
        if answer.status < 300:
            self._handed_out.observe(call, service, answer)
            for watcher in self.on_call:
                watcher(call, service)

    # AWS IoT's side

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """A call as boto3's client makes it, with the root's key. Raises ApiError with the service's code.

        `operation` is spelt as the client's method or as the API's ("assume_role", "AssumeRole").
        """
        self._loop = asyncio.get_running_loop()
        return await asyncio.to_thread(partial(self._call, service, operation, params))

    async def tell_session(self, access_key: str, session: dict[str, Any]) -> None:
        """A session that AWS IoT made, as ministack keeps them. Raises ApiError."""
        body = json.dumps({"AccessKey": access_key, "Session": session}).encode()
        headers = {"host": "localhost", "content-type": "application/json"}
        answer = await self._ministack.forward(Call("POST", "localhost", SESSIONS, {}, headers, body))
        if answer.status != 204:
            raise ApiError("ServiceUnavailableException", "The emulator did not take the session.", 503)

    def _call(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        client = self._client(service)
        methods = {api: method for method, api in client.meta.method_to_api_mapping.items()}
        try:
            found: dict[str, Any] = getattr(client, methods.get(operation, operation))(**params)
        except ClientError as error:
            told = error.response["Error"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise ApiError(told["Code"], told["Message"], status) from error
        return found

    def _client(self, service: str) -> Any:  # noqa: ANN401 - boto3 has no types
        with self._making:
            if service not in self._clients:
                self._clients[service] = self._new_client(service)
            return self._clients[service]

    def _new_client(self, service: str) -> Any:  # noqa: ANN401 - boto3 has no types
        keys = self._root.access_key, self._root.secret_key
        session = boto3.Session(*keys, region_name=self._place.region)
        client = session.client(service, config=Config(retries={"total_max_attempts": 1}, proxies={}))
        client.meta.events.register("before-send.*.*", self._send)
        return client

    def _send(self, request: Any, **_: object) -> AWSResponse:  # noqa: ANN401 - boto3 has no types
        """In a thread: what boto3 would put on the wire goes to the loop instead."""
        assert self._loop is not None, "set by call"
        answer = asyncio.run_coroutine_threadsafe(self.answer(_as_call(request)), self._loop).result()
        body = answer.body if isinstance(answer.body, bytes) else _encoded(answer.body)
        return AWSResponse(request.url, answer.status, dict(answer.headers), _Raw(body))


class _Raw:
    """A body as botocore reads it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object, **__: object) -> Any:  # noqa: ANN401 - botocore's
        """In one part."""
        yield self._body

    def read(self, *_: object, **__: object) -> bytes:
        """The rest of it."""
        body, self._body = self._body, b""
        return body


def refusal(call: Call, error: ApiError) -> Answer:
    """An error in the shape of the protocol that the call seems to speak: Query's XML, S3's, or JSON."""
    status = error.status or 400
    kind = call.header("content-type") or ""
    if "x-www-form-urlencoded" in kind:
        text = f"<Code>{error.code}</Code><Message>{_escaped(error.message)}</Message>"
        body = f"<ErrorResponse><Error><Type>Sender</Type>{text}</Error></ErrorResponse>".encode()
        return Answer(status, body, {"content-type": "text/xml"})
    if ".s3." in f".{call.host}":
        text = f"<Code>{error.code}</Code><Message>{_escaped(error.message)}</Message>"
        return Answer(status, f"<Error>{text}</Error>".encode(), {"content-type": "application/xml"})
    body_json = {"__type": error.code, "message": error.message}
    return Answer(status, body_json, {"x-amzn-errortype": error.code, "content-type": "application/json"})


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


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
