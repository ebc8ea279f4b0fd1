"""A fake of AWS' services in memory: what each operation answers, and what was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.providers.boto.codes import Refusal
from localcloud.providers.boto.session import Ask, Session
from localcloud.providers.boto.settings import Settings

Answer = Callable[[dict[str, Any]], dict[str, Any]]


class FakeSession(Session):
    """Answers with what tests put into `answers`: a dict, an error, or a function of the parameters."""

    def __init__(self, settings: Settings | None = None, /, **answers: Any) -> None:
        super().__init__(settings or Settings(region_name="eu-west-1"))
        self.answers: dict[str, Any] = {"get_caller_identity": {"Account": "111122223333"}, **answers}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def asks(self, service: str, region: str = "") -> Ask:  # noqa: ARG002 - operations have names of their own
        def ask(operation: str, /, **parameters: Any) -> dict[str, Any]:
            self.asked.append((operation, parameters))
            answer = self.answers[operation]
            if isinstance(answer, Exception):
                raise answer
            found: dict[str, Any] = answer(parameters) if callable(answer) else answer
            return found

        return ask

    def operations(self) -> list[str]:
        """What was asked, in order."""
        return [name for name, _ in self.asked]


def refusal(code: str, message: str = "no", **members: Any) -> Refusal:
    """An error of a service."""
    return Refusal(f"{code}: {message}", code, 400, members)
