"""Reads are kept until something changes."""

import asyncio
from typing import Any

import pytest

from localcloud.aws.calls import KeptCalls
from localcloud.calls import Call


class _Service:
    def __init__(self) -> None:
        self.count = 0

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        self.count += 1
        return {"asked": [service, operation, params], "number": self.count}


def _iam(action: str) -> tuple[Call, str]:
    return Call("POST", "iam.amazonaws.com", "/", raw=f"Action={action}&RoleName=r".encode()), "iam"


def _lambda(method: str, path: str) -> tuple[Call, str]:
    return Call(method, "lambda.eu-west-1.amazonaws.com", f"/2015-03-31/functions/{path}"), "lambda"


@pytest.mark.parametrize(
    ("seen", "number"),
    [
        (_iam("GetRole"), 1),
        (_iam("ListRoles"), 1),
        (_iam("UpdateAssumeRolePolicy"), 2),
        (_lambda("GET", "f/policy"), 1),
        (_lambda("POST", "f/invocations"), 1),
        (_lambda("POST", "f/policy"), 2),
        (_lambda("DELETE", "f"), 2),
        ((Call("POST", "sqs.eu-west-1.amazonaws.com", "/"), "sqs"), 1),
    ],
)
def test_what_makes_it_ask_again(seen: tuple[Call, str], number: int) -> None:
    async def work() -> None:
        kept = KeptCalls(_Service())
        assert (await kept.call("iam", "GetRole", RoleName="r"))["number"] == 1
        kept.observe(*seen)
        assert (await kept.call("iam", "GetRole", RoleName="r"))["number"] == number
        assert (await kept.call("iam", "GetRole", RoleName="s"))["number"] == number + 1

    asyncio.run(work())


def test_an_answer_that_a_change_overtook_is_not_kept() -> None:
    async def work() -> None:
        service = _Service()
        kept = KeptCalls(service)
        plain = service.call

        async def slow(*given: str, **params: Any) -> dict[str, Any]:
            answer = await plain(*given, **params)
            kept.observe(*_iam("DeleteRole"))
            return answer

        service.call = slow  # type: ignore[method-assign]
        await kept.call("iam", "GetRole", RoleName="r")
        service.call = plain  # type: ignore[method-assign]
        assert (await kept.call("iam", "GetRole", RoleName="r"))["number"] == 2

    asyncio.run(work())
