"""A service of AWS over an Operation per name: who calls, whether the request is right, what it answers.

Errors are AWS': restJson1 names the code in `x-amzn-errortype`, JSON 1.1 in `__type`
(smithy.io/2.0/aws/protocols). A request is taken apart and checked by `model`, from botocore's service model.
"""

import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from localcloud.aws.model import BadRequest, Model, Request
from localcloud.calls import Answer, Call

LOG = logging.getLogger("localcloud.aws")
Params = dict[str, Any]


@dataclass(frozen=True)
class Caller:
    """Who calls. `role` is the name of the role of a session, None for the account's own root and users."""

    account: str
    region: str
    arn: str
    source_address: str = "127.0.0.1"
    access_key: str = field(default="", repr=False)
    role: str | None = None
    user: str | None = None
    session_policy: Params | None = None

    @property
    def is_root(self) -> bool:
        """The account itself, which policies do not limit."""
        return self.arn.endswith(":root")


class ApiError(Exception):
    """A refusal that the caller sees: AWS' code and words. Further members of the error's shape by name.

    The HTTP status is the one that the service model gives the code, or `status` where it is not in there.
    """

    def __init__(self, code: str, message: str, status: int | None = None, **members: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


Operation = Callable[[Caller, Params], Params | Awaitable[Params]]


def for_anyone(operations: Mapping[str, Callable[[Params], Params]]) -> dict[str, Operation]:
    """Operations that do not depend on who calls."""
    return {name: _for_anyone(it) for name, it in operations.items()}


def _for_anyone(operation: Callable[[Params], Params]) -> Operation:
    return lambda _caller, params: operation(params)


class Doorkeeper(Protocol):
    """Who knows callers, and what they may do."""

    def identify(self, call: Call, signing_name: str) -> Caller:
        """Whoever signed the call. Raises ApiError."""

    async def authorize(self, caller: Caller, service: str, operation: str, params: Params) -> None:
        """Let it pass. Raises ApiError."""


class Api:
    """One service of AWS. Operations that it has not are refused by name, with 501."""

    def __init__(
        self, service_name: str, operations: Mapping[str, Operation], doorkeeper: Doorkeeper, region: str
    ) -> None:
        self.model = Model.of(service_name)
        self.region = region
        self._operations = dict(operations)
        self._doorkeeper = doorkeeper
        unknown = sorted(set(operations) - set(self.model.operations))
        if unknown:
            raise ValueError(f"{service_name} has no operation {', '.join(unknown)}")

    async def answer(self, call: Call) -> Answer:
        """The response to any request to the service."""
        try:
            caller = self._doorkeeper.identify(call, self.model.signing_name)
            return await self.answer_for(caller, call)
        except ApiError as error:
            return self.refusal(error)

    async def answer_for(self, caller: Caller, call: Call) -> Answer:
        """The response to a caller who is known already."""
        try:
            request = self.model.read(call)
            operation = self._operation(request)
            await self._doorkeeper.authorize(caller, self.model.name, request.operation, request.params)
            given = operation(caller, request.params)
            result = given if isinstance(given, dict) else await given
            return _with_id(self.model.write(request.operation, result))
        except BadRequest as bad:
            return self.refusal(ApiError(self.model.invalid_code(bad.operation), str(bad), 400))
        except ApiError as error:
            return self.refusal(error)

    def fault(self, status: int, message: str) -> Answer:
        """An error that arose outside the service."""
        codes = {
            413: "InvalidRequestException",
            429: "ThrottlingException",
            503: "ServiceUnavailableException",
        }
        return self.refusal(ApiError(codes.get(status, "InternalFailureException"), message, status))

    def refusal(self, error: ApiError) -> Answer:
        """An error as the service tells it."""
        status = error.status or self.model.status_of(error.code)
        return _with_id(self.model.write_error(error.code, error.message, status, error.members))

    def _operation(self, request: Request) -> Operation:
        found = self._operations.get(request.operation)
        if found is None:
            name = f"{self.model.signing_name}:{request.operation}"
            raise ApiError("NotImplementedException", f"The local cloud does not serve {name}.", 501)
        return found


def _with_id(answer: Answer) -> Answer:
    return replace(answer, headers={**answer.headers, "x-amzn-requestid": str(uuid.uuid4())})
