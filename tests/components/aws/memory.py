"""AWS IoT, its data plane and DynamoDB as our functions know them, in memory that tests can edit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


class NotFoundError(Exception):
    """As ResourceNotFoundException of a client."""


class CanceledError(Exception):
    """As TransactionCanceledException of a client."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("TransactionCanceledException")
        self.response = {"CancellationReasons": [{"Code": each} for each in reasons]}


@dataclass
class Memory:
    """All three services; `calls` are what was written, in order."""

    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    principals: dict[str, list[str]] = field(default_factory=dict)
    certificates: dict[str, dict[str, Any]] = field(default_factory=dict)
    shadows: dict[str, Any] = field(default_factory=dict)
    items: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fails: str = ""
    """An operation that fails."""
    collisions: int = 0
    """How many transactions meet another one."""
    exceptions: Any = field(
        default_factory=lambda: SimpleNamespace(
            ResourceNotFoundException=NotFoundError, TransactionCanceledException=CanceledError
        )
    )

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AttributeError(f"the functions have no business with {name}")

    def _wrote(self, operation: str) -> None:
        if operation == self.fails:
            raise TimeoutError(operation)
        self.calls.append(operation)

    def describe_thing(self, thingName: str) -> dict[str, Any]:  # noqa: N803 - AWS' name
        if thingName not in self.things:
            raise NotFoundError
        return {"thingName": thingName, **self.things[thingName]}

    def list_thing_principals(self, thingName: str) -> dict[str, Any]:  # noqa: N803
        return {"principals": self.principals.get(thingName, [])}

    def create_thing(self, thingName: str, attributePayload: Any, **more: str) -> None:  # noqa: N803
        self._wrote("create_thing")
        self.things[thingName] = {**more, **attributePayload}

    def add_thing_to_billing_group(self, billingGroupName: str, thingName: str) -> None:  # noqa: N803
        self._wrote("add_thing_to_billing_group")
        self.things[thingName]["billingGroupName"] = billingGroupName

    def update_thing(self, thingName: str, attributePayload: Any) -> None:  # noqa: N803
        self._wrote("update_thing")
        assert attributePayload["merge"] is True
        known = self.things[thingName].setdefault("attributes", {})
        known.update(attributePayload["attributes"])

    def add_thing_to_thing_group(self, thingGroupName: str, thingName: str) -> None:  # noqa: N803
        self._wrote("add_thing_to_thing_group")
        self.things[thingName]["group"] = thingGroupName

    def attach_policy(self, policyName: str, target: str) -> None:  # noqa: N803
        self._wrote("attach_policy")
        self.certificates[target.rpartition("/")[2]].setdefault("policies", []).append(policyName)

    def attach_thing_principal(self, thingName: str, principal: str) -> None:  # noqa: N803
        self._wrote("attach_thing_principal")
        attached = self.principals.setdefault(thingName, [])
        attached += [] if principal in attached else [principal]

    def describe_certificate(self, certificateId: str) -> dict[str, Any]:  # noqa: N803
        return {"certificateDescription": self.certificates[certificateId]}

    def update_certificate(self, certificateId: str, newStatus: str) -> None:  # noqa: N803
        self._wrote("update_certificate")
        self.certificates[certificateId]["status"] = newStatus

    def get_thing_shadow(self, thingName: str) -> dict[str, Any]:  # noqa: N803
        if thingName not in self.shadows:
            raise NotFoundError
        return {"payload": self.shadows[thingName]}

    def update_thing_shadow(self, thingName: str, payload: bytes) -> None:  # noqa: N803
        self._wrote("update_thing_shadow")
        assert thingName in self.things
        self.shadows[thingName] = json.loads(payload)

    def get_item(self, TableName: str, Key: Any, ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803
        assert ConsistentRead
        found = self.items.get((TableName, Key["serial"]["S"]))
        return {} if found is None else {"Item": found}

    def transact_write_items(self, TransactItems: Any) -> None:  # noqa: N803
        put, update = TransactItems[0]["Put"], TransactItems[1]["Update"]
        key = (put["TableName"], put["Item"]["claim"]["S"])
        device, counter = (*key, put["Item"]["thing"]["S"]), (*key, update["Key"]["thing"]["S"])
        count = int(self.items.get(counter, {}).get("registered", 0))
        full = count >= int(update["ExpressionAttributeValues"][":limit"]["N"])
        reasons = ["ConditionalCheckFailed" if it else "None" for it in (device in self.items, full)]
        if self.collisions:
            self.collisions -= 1
            reasons = ["None", "TransactionConflict"]
        if reasons != ["None", "None"]:
            raise CanceledError(reasons)
        self.items[device], self.items[counter] = {}, {"registered": count + 1}
