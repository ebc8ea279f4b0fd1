"""Every service of AWS that is not IoT's, for the front and for AWS IoT's own parts."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from localcloud.aws import signatures
from localcloud.aws.account import Account
from localcloud.aws.api import ApiError, Caller
from localcloud.aws.boto import Boto
from localcloud.aws.handed_out import HandedOut
from localcloud.aws.ministack import Ministack
from localcloud.aws.ministack_process import SESSIONS
from localcloud.aws.place import Place
from localcloud.calls import Answer, Call

_OWN_PATHS = ("/_ministack", "/_localstack", "/_muster")


class Emulator:
    """The service behind `**.amazonaws.com`. `proxy` is for functions that it runs."""

    def __init__(self, place: Place, account: Account, folder: Path, proxy: str) -> None:
        self._place = place
        self._account = account
        self._ministack = Ministack(place, folder, proxy, account.root_key())
        self._handed_out = HandedOut(place, account)
        root = account.root_credentials()
        self._boto = Boto(root.access_key, root.secret_key, place.region)
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
            answer = await self._ministack.forward(self._forwarded(call))
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

    def _forwarded(self, call: Call) -> Call:
        """A link of the root's is signed in the header instead: the process has no secret of the root's."""
        scope, root = signatures.read(call), self._account.root_credentials()
        is_own = scope.lasts_seconds is not None and scope.access_key == root.access_key
        return signatures.in_header(call, root) if is_own else call

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
        answer = await self.answer(self._boto.request(service, operation, params))
        return self._boto.result(service, operation, params, answer)

    async def tell_session(self, access_key: str, session: dict[str, Any]) -> None:
        """A session that AWS IoT made, as ministack keeps them. Raises ApiError."""
        body = json.dumps({"AccessKey": access_key, "Session": session}).encode()
        headers = {"host": "localhost", "content-type": "application/json"}
        answer = await self._ministack.forward(Call("POST", "localhost", SESSIONS, {}, headers, body))
        if answer.status != 204:
            raise ApiError("ServiceUnavailableException", "The emulator did not take the session.", 503)


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
