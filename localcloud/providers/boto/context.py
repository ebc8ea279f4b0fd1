"""Where a resource's calls go: a service, a region, an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.boto import service_models
from localcloud.providers.boto.session import Ask, Session


@dataclass(frozen=True)
class Context:
    """What `calls` work with.

    Attributes:
        session: the signed-in session.
        service: botocore's name of the service.
        region: where.
    """

    session: Session
    service: str
    region: str

    @property
    def ask(self) -> Ask:
        """The service's calls."""
        return self.session.asks(self.service, self.region)

    @property
    def account(self) -> str:
        """The account that is signed in."""
        return self.session.account()

    def taken(self, operation: str, wish: Mapping[str, Any]) -> dict[str, Any]:
        """Of a wish, what an operation takes."""
        members = service_models.parameters(self.service, operation)
        return {name: value for name, value in wish.items() if name in members}

    def do(self, operation: str, **parameters: object) -> dict[str, Any]:
        """Call an operation with those of the parameters that it takes."""
        return self.ask(operation, **self.taken(operation, parameters))
