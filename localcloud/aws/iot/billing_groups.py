"""Billing groups: a thing is in one at most."""

import uuid
from typing import Any

from localcloud.aws.api import Operation, for_anyone
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import check_version, exists_already, invalid, not_found
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place

_GROUPS = "aws-billing-group"
_MEMBERS = "aws-billing-member"
_KIND = "Billing group"


class BillingGroups:
    """Billing groups by name."""

    def __init__(self, place: Place, tags: Tags) -> None:
        self._place = place
        self._tags = tags

    def operations(self) -> dict[str, Operation]:
        """The control plane's part; what concerns things is `things`'."""
        return for_anyone(
            {
                "CreateBillingGroup": self._create,
                "DescribeBillingGroup": self._describe,
                "UpdateBillingGroup": self._update,
                "DeleteBillingGroup": self._delete,
                "ListBillingGroups": self._list,
                "ListThingsInBillingGroup": self._list_things,
            }
        )

    def get(self, name: str) -> dict[str, Any] | None:
        """A group as DescribeBillingGroup tells it."""
        return self._place.store.get(_GROUPS, name)

    def require(self, name: str) -> dict[str, Any]:
        """A group that is there. Raises ApiError."""
        found = self.get(name)
        if found is None:
            raise not_found(_KIND, name)
        return found

    def join(self, name: str, thing: str) -> None:
        """A thing is in it from now on. Raises ApiError."""
        self.require(name)
        self._place.store.put(_MEMBERS, f"{name}/{thing}", {})

    def leave(self, name: str | None, thing: str) -> None:
        """It is in it no longer."""
        if name:
            self._place.store.delete(_MEMBERS, f"{name}/{thing}")

    def members(self, name: str) -> list[str]:
        """The things in it."""
        return [key.partition("/")[2] for key, _ in self._place.store.list(_MEMBERS, f"{name}/")]

    def _create(self, params: dict[str, Any]) -> dict[str, Any]:
        name, properties = params["billingGroupName"], params.get("billingGroupProperties") or {}
        known = self.get(name)
        if known and known["billingGroupProperties"] != properties:
            raise exists_already(_KIND, name, known["billingGroupArn"], known["billingGroupId"])
        if known is None:
            known = {
                "billingGroupName": name,
                "billingGroupId": str(uuid.uuid4()),
                "billingGroupArn": self._place.arn(f"billinggroup/{name}"),
                "version": 1,
                "billingGroupProperties": properties,
                "billingGroupMetadata": {"creationDate": self._place.now()},
            }
            self._tags.put(known["billingGroupArn"], params.get("tags") or [])
            self._place.store.put(_GROUPS, name, known)
        return {key: known[key] for key in ("billingGroupName", "billingGroupArn", "billingGroupId")}

    def _describe(self, params: dict[str, Any]) -> dict[str, Any]:
        return self.require(params["billingGroupName"])

    def _update(self, params: dict[str, Any]) -> dict[str, Any]:
        known = self.require(params["billingGroupName"])
        check_version(_KIND, known["billingGroupName"], params.get("expectedVersion"), known["version"])
        known["billingGroupProperties"] = params["billingGroupProperties"]
        known["version"] += 1
        self._place.store.put(_GROUPS, known["billingGroupName"], known)
        return {"version": known["version"]}

    def _delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """No fault when there is none (API_DeleteBillingGroup); one with things stays."""
        known = self.get(params["billingGroupName"])
        if known is None:
            return {}
        name = known["billingGroupName"]
        check_version(_KIND, name, params.get("expectedVersion"), known["version"])
        if self.members(name):
            raise invalid(f"Cannot delete billing group {name}: there are things in it.")
        self._place.store.delete(_GROUPS, name)
        self._tags.forget(known["billingGroupArn"])
        return {}

    def _list(self, params: dict[str, Any]) -> dict[str, Any]:
        found = self._place.store.list(_GROUPS, params.get("namePrefixFilter") or "")
        shown = [{"groupName": name, "groupArn": it["billingGroupArn"]} for name, it in found]
        return page("billingGroups", shown, lambda it: str(it["groupName"]), params)

    def _list_things(self, params: dict[str, Any]) -> dict[str, Any]:
        name = self.require(params["billingGroupName"])["billingGroupName"]
        return page("things", self.members(name), str, params)
