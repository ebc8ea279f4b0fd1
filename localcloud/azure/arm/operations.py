"""What ARM does with any resource type: PUT, GET, PATCH of tags, DELETE, list, actions.

Long-running operations are answered at once with the finished resource (200 or 201, provisioningState
Succeeded), which the pollers of azure-mgmt take as done.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from localcloud.azure.arm.errors import ArmError, invalid
from localcloud.azure.arm.models import shape_of
from localcloud.azure.arm.names import refuse_taken
from localcloud.azure.arm.resources import Action, Draft, ResourceType, World, new_etag
from localcloud.azure.shapes import Fault, MapOf, Member, Scalar, Shape
from localcloud.calls import Answer, Call, etag_fits
from localcloud.store import Document

Names = Mapping[str, str]
_TAGS = Shape("TagsResource", {"tags": Member(MapOf(Scalar("str?")))})


class Operations:
    """The operations of one resource type."""

    def __init__(self, world: World, of: ResourceType, removal: "Removal") -> None:
        self._world = world
        self._type = of
        self._types = removal.types
        self._removal = removal

    def put(self, call: Call, **names: str) -> Answer:
        """Create or replace. All faults of the body come in one answer."""
        draft = self._draft(call, names)
        self._require_above(draft.id)
        self._check(call, draft)
        with self._world.store.transaction():
            built = self._type.build(self._world, draft)
            document: Document = {"id": draft.id, "name": draft.name, "type": self._type.type, **built}
            if self._type.etag:
                document["etag"] = new_etag()
            self._world.store.put("arm", draft.id.lower(), document)
        return self._shown(document, 200 if draft.before else self._type.created)

    def get(self, _call: Call, **names: str) -> Answer:
        """The resource."""
        return self._shown(self._existing(names))

    def head(self, _call: Call, **names: str) -> Answer:
        """204 when it exists, 404 when not."""
        self._existing(names)
        return Answer(204)

    def patch(self, call: Call, **names: str) -> Answer:
        """Change tags, or what the type lets PATCH change: JSON merge patch, null removes."""
        document = self._existing(names)
        if call.query.get("api-version") in self._type.merged:
            whole = json.dumps(_merged(document, call.document())).encode()
            return self.put(replace(call, method="PUT", raw=whole), **names)
        self._check_etag(call, document)
        faults: list[Fault] = []
        body = call.document()
        _TAGS.check(body, "", faults)
        if faults:
            raise invalid(faults)
        merged = {**document.get("tags", {}), **(body.get("tags") or {})}
        document["tags"] = {key: value for key, value in merged.items() if value is not None}
        if self._type.etag:
            document["etag"] = new_etag()
        self._world.store.put("arm", document["id"].lower(), document)
        return self._shown(document)

    def delete(self, call: Call, **names: str) -> Answer:
        """Remove the resource and what is below it; 204 when there is none."""
        document = self._world.stored(self._id(names))
        if document is None:
            return Answer(204)
        self._check_etag(call, document)
        self._removal.remove(document)
        return Answer(200, document if self._type.type.startswith("Microsoft.Authorization/") else None)

    def list_siblings(self, call: Call, **names: str) -> Answer:
        """All resources of the type in the group, or below the parent."""
        collection = _filled(self._type.collection, names)
        self._require_above(f"{collection}/x")
        return self._listed(call, _scope(collection))

    def list_all(self, call: Call, subscription: str) -> Answer:
        """All resources of the type in the subscription."""
        self._check_subscription(subscription)
        return self._listed(call, f"/subscriptions/{subscription}")

    def act(self, action: Action, call: Call, **names: str) -> Answer:
        """A POST action on an existing resource."""
        document = self._existing(names)
        if "POST" in self._type.etag_required:
            self._check_etag(call, document)
        return action(self._world, document, call, names)

    def _draft(self, call: Call, names: Names) -> Draft:
        resource_id = self._id(names)
        before = self._world.stored(resource_id)
        faults: list[Fault] = []
        version = call.query.get("api-version", "")
        shape = shape_of(self._type.shapes.get(version, self._type.shape))
        body = shape.check(call.document(), "", faults)
        if not self._type.name.pattern.fullmatch(names["name"]):
            faults.insert(0, Fault("name", f"'{names['name']}' must have {self._type.name.words}"))
        kept = before["id"] if before else resource_id
        return Draft(kept, before["name"] if before else names["name"], names, body, before, faults)

    def _check(self, call: Call, draft: Draft) -> None:
        self._type.check(self._world, draft)
        if draft.faults:
            raise invalid(draft.faults)
        if draft.before:
            self._check_etag(call, draft.before, draft.at("etag"))
        elif call.header("if-match") and self._type.etag and not self._type.etag_required:
            raise ArmError(412, "PreconditionFailed", f"If-Match was given, but {draft.id} does not exist.")
        _check_location(draft)
        if self._type.zone:
            refuse_taken(draft.name, draft.id, self._owner_of(draft.name))

    def _owner_of(self, name: str) -> Document | None:
        """Who has this global name: types of one DNS zone share their names."""
        rivals = {key for key, it in self._types.items() if it.zone == self._type.zone}
        found = (it for _, it in self._world.store.list("arm") if it["type"].lower() in rivals)
        return next((it for it in found if it["name"].lower() == name.lower()), None)

    def _check_etag(self, call: Call, document: Document, in_body: str | None = None) -> None:
        if not self._type.etag:
            return
        given = call.header("if-match") or in_body
        if given is None and call.method in self._type.etag_required:
            message = f"If-Match with the resource's etag is required to {call.method} {document['id']}."
            raise ArmError(412, "PreconditionFailed", message)
        if not etag_fits(given, document["etag"]):
            message = f"If-Match is {given}, but the etag of {document['id']} is now {document['etag']}."
            raise ArmError(412, "PreconditionFailed", message)

    def _existing(self, names: Names) -> Document:
        resource_id = self._id(names)
        self._require_above(resource_id)
        document = self._world.stored(resource_id)
        if document is None:
            raise _not_found(resource_id, self._type, names["name"])
        return document

    def _id(self, names: Names) -> str:
        return _filled(self._type.path, names)

    def _require_above(self, resource_id: str) -> None:
        parts = resource_id.split("/")
        self._check_subscription(parts[2] if len(parts) > 2 and parts[1].lower() == "subscriptions" else "")
        is_group = len(parts) <= 5
        if len(parts) > 4 and parts[3].lower() == "resourcegroups" and not is_group:
            self._require_parents(parts)

    def _require_parents(self, parts: list[str]) -> None:
        if self._world.stored("/".join(parts[:5])) is None:
            raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{parts[4]}' could not be found.")
        for above in _above(parts):
            if _type_of(above).lower() in self._types and self._world.stored(above) is None:
                raise ArmError(404, "ParentResourceNotFound", f"The resource '{above}' was not found.")

    def _check_subscription(self, subscription: str) -> None:
        if subscription.lower() != self._world.owner.subscription_id:
            message = f"The subscription '{subscription}' could not be found."
            raise ArmError(404, "SubscriptionNotFound", message)

    def _listed(self, call: Call, scope: str) -> Answer:
        wanted, condition = self._type.type.lower(), call.query.get("$filter")
        found = [it for _, it in self._world.store.list("arm") if it["type"].lower() == wanted]
        return Answer(body={"value": [it for it in found if self._type.listed(it, scope, condition)]})

    def _shown(self, document: Document, status: int = 200) -> Answer:
        headers = {"ETag": f'"{document["etag"]}"'} if "etag" in document else {}
        return Answer(status, document, headers)


class Removal:
    """Takes resources away with all that is below them."""

    def __init__(self, world: World, types: Mapping[str, ResourceType]) -> None:
        self._world = world
        self.types = types

    def remove(self, document: Document) -> None:
        """Remove a resource, its children, and the roles assigned on it."""
        key = document["id"].lower()
        with self._world.store.transaction():
            for _, child in self._world.store.list("arm", f"{key}/"):
                self._forget(child)
            self._forget(document)

    def _forget(self, document: Document) -> None:
        self.types[document["type"].lower()].removed(self._world, document)
        self._world.store.delete("arm", document["id"].lower())
        self._world.store.delete("arm-keys", document["id"].lower())


def _above(parts: list[str]) -> Iterator[str]:
    """The ids above one: …/providers/{namespace}/{type}/{name}[/{type}/{name} | /providers/…]."""
    at = 5
    while at < len(parts):
        at += 4 if parts[at].lower() == "providers" else 2
        if at < len(parts):
            yield "/".join(parts[:at])


def _type_of(resource_id: str) -> str:
    """The type of an id's resource: the namespace after the last /providers/, and every other segment."""
    namespace, *rest = resource_id.rpartition("/providers/")[2].split("/")
    return "/".join((namespace, *rest[::2]))


def _merged(target: Any, patch: Any) -> Any:  # noqa: ANN401 - JSON
    """JSON merge patch, RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    base = target if isinstance(target, dict) else {}
    kept = {key: value for key, value in base.items() if key not in patch}
    changed = {key: _merged(base.get(key), value) for key, value in patch.items() if value is not None}
    return kept | changed


def _not_found(resource_id: str, of: ResourceType, name: str) -> ArmError:
    if of.type == "Microsoft.Resources/resourceGroups":
        return ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
    code = "RoleAssignmentNotFound" if of.type.endswith("/roleAssignments") else "ResourceNotFound"
    return ArmError(404, code, f"The Resource '{resource_id}' was not found.")


def _check_location(draft: Draft) -> None:
    before, now = draft.was("location"), draft.at("location")
    if before and now and _plain(before) != _plain(now):
        message = f"The resource '{draft.name}' already exists in location '{before}', not '{now}'."
        raise ArmError(409, "InvalidResourceLocation", message)


def _plain(location: Any) -> str:  # noqa: ANN401 - JSON
    return str(location).replace(" ", "").lower()


def _filled(path: str, names: Names) -> str:
    text = path.replace("{*", "{").format(**names)
    return text if text.startswith("/") else f"/{text}"


def _scope(collection: str) -> str:
    """What a collection belongs to: the resource above a child collection, else what stands before
    /providers/.
    """
    above, _, kinds = collection.rpartition("/providers/")
    return collection.rpartition("/")[0] if kinds.count("/") > 1 else above
