"""Automatic device management and IoT Edge deployments: configurations kept, and applied to their targets.

A twin is looked at again whenever its tags, reported properties or identity change, and all twins whenever a
configuration does; the service takes minutes for that, the local cloud none. What a configuration sets is its
own: the twin keeps which paths, and a service that overwrites one finds it put back (whether the service does
so is not published). Documents: kind "configuration", key "{hub host}/{id}"; twins get "configurations" ({id:
{"status"}}, shown) and "managed" (paths, not shown). Metrics are counted when they are read.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from localcloud.azure.hub import deployment, twins
from localcloud.azure.hub.configurations import (
    Configuration,
    Document,
    check_content,
    checked,
    compiled,
    content_name,
    system_queries,
)
from localcloud.azure.hub.deployment import Setting
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.identities import EDGE_AGENT, check_etag, new_etag
from localcloud.azure.hub.query import count_rows, holds, read_query
from localcloud.azure.hub.quotas import quotas
from localcloud.azure.hub.twins import Twin
from localcloud.clock import Clock
from localcloud.store import Store

LOG = logging.getLogger("localcloud.hub")
_NONE: tuple[Configuration, ...] = ()


class Registry(Protocol):
    """What configurations ask of the registry."""

    def hub(self, host: str) -> dict[str, Any] | None:
        """The hub's ARM document."""

    def get_device(self, host: str, device_id: str) -> dict[str, Any]:
        """The identity. HubError 404."""

    def get_twin(self, host: str, subject: str) -> Twin:
        """The twin as services see it."""

    def stored_twin(self, host: str, subject: str) -> Twin | None:
        """The twin as it is kept."""

    def write_managed(self, host: str, subject: str, twin: Twin, desired: Twin | None) -> None:
        """Keep a twin, tell the device of a desired patch."""

    def all_twins(self, host: str, collection: str = "devices") -> Iterator[Twin]:
        """All twins of a collection."""

    def list_modules(self, host: str, device_id: str) -> list[dict[str, Any]]:
        """The modules of a device."""

    def create_module(
        self, host: str, device_id: str, module_id: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Add a module to a device."""


class Configurations:
    """The configurations of all hubs."""

    def __init__(self, store: Store, clock: Clock, registry: Registry) -> None:
        self._store = store
        self._clock = clock
        self._registry = registry
        self._compiled: dict[str, tuple[Configuration, ...]] = {}

    def put(self, host: str, configuration_id: str, body: object, if_match: str | None) -> Document:
        """Make one, or with If-Match change it. HubError 400, 409, 412, 413."""
        before = self._store.get("configuration", _key(host, configuration_id))
        if before is None and if_match is not None:
            text = f"There is no configuration '{configuration_id}' that If-Match could fit."
            raise HubError(412, "PreconditionFailed", text)
        if before is not None and if_match is None:
            text = f"Configuration '{configuration_id}' exists already; If-Match is required to change it."
            raise HubError(409, "ConfigurationAlreadyExists", text)
        if before is not None:
            check_etag(before["etag"], if_match)
        document = checked(configuration_id, body, before, self._clock.text())
        if before is None:
            self._make_room(host, document)
        document["etag"] = new_etag()
        with self._store.transaction():
            self._store.put("configuration", _key(host, configuration_id), document)
            self._apply_everywhere(host)
        return self.shown(host, document)

    def get(self, host: str, configuration_id: str) -> Document:
        """One with its metrics. HubError 404."""
        return self.shown(host, self._stored(host, configuration_id))

    def all(self, host: str, top: int | None = None) -> list[Document]:
        """All with their metrics, by id."""
        found = self._store.list("configuration", f"{host.lower()}/")
        return [self.shown(host, it) for _, it in found[:top]]

    def delete(self, host: str, configuration_id: str, if_match: str | None) -> None:
        """Remove one; its settings leave the twins. HubError 404, 412."""
        check_etag(self._stored(host, configuration_id)["etag"], if_match)
        with self._store.transaction():
            self._store.delete("configuration", _key(host, configuration_id))
            self._apply_everywhere(host)

    def forget(self, host: str) -> None:
        """The hub is gone."""
        for key, _ in self._store.list("configuration", f"{host.lower()}/"):
            self._store.delete("configuration", key)
        self._compiled.pop(host.lower(), None)

    def apply_once(self, host: str, device_id: str, content: dict[str, Any]) -> None:
        """Set the modules of one Edge device: `applyConfigurationContent`. HubError 400, 404."""
        device = self._registry.get_device(host, device_id)
        check_content(content)
        if content_name(content) != "modulesContent" or not device["capabilities"].get("iotEdge"):
            text = "applyConfigurationContent takes modulesContent for an IoT Edge device."
            raise HubError(400, "InvalidOperation", text)
        modules = content["modulesContent"]
        with self._store.transaction():
            self._make_modules(host, device_id, deployment.listed_modules(modules))
            for module_id, part in modules.items():
                self._write(host, f"{device_id}/{module_id}", deployment.settings(part, ""), None)
            self.twin_changed(host, device_id)

    def twin_changed(self, host: str, subject: str) -> None:
        """A twin is new or has changed: apply what targets it now."""
        if self._of(host):
            self._apply(host, subject)

    def shown(self, host: str, document: Document) -> Document:
        """A configuration with its metrics counted."""
        queries = {"systemMetrics": system_queries(document), "metrics": document["metrics"]["queries"]}
        shown = dict(document)
        for part, texts in queries.items():
            results = {name: self._count(host, text) for name, text in texts.items()}
            if part == "systemMetrics":
                results = {"targetedCount": 0, **results}
            shown[part] = {"results": results, "queries": texts}
        return shown

    def _count(self, host: str, text: str) -> int:
        query = read_query(text)
        return count_rows(query, self._registry.all_twins(host, query.condition.collection))

    def _of(self, host: str) -> tuple[Configuration, ...]:
        """All of a hub, lowest rank first; read once, as most hubs have none and all twins ask."""
        found = self._compiled.get(host)
        if found is None:
            kept = self._store.list("configuration", f"{host.lower()}/")
            ranked = sorted((compiled(it) for _, it in kept), key=lambda it: it.rank)
            found = self._compiled[host] = tuple(ranked) or _NONE
        return found

    def _apply_everywhere(self, host: str) -> None:
        self._compiled.clear()
        for collection in ("devices", "devices.modules"):
            for twin in list(self._registry.all_twins(host, collection)):
                self._apply(host, _subject(twin))

    def _apply(self, host: str, subject: str) -> None:
        twin = self._registry.get_twin(host, subject)
        if "moduleId" in twin:
            self._apply_to_module(host, subject, twin)
            return
        targeting = self._targeting(host, "device", twin)
        wanted = [it for one in targeting for it in deployment.settings(one.content, one.id)]
        deployments = self._targeting(host, "edge", twin) if twin["capabilities"].get("iotEdge") else []
        in_force = _in_force(deployments)
        statuses = {it.id: "Targeted" for it in (*targeting, *deployments)}
        statuses |= {it.configuration: "Applied" for it in deployment.effective(wanted)}
        statuses |= {it.id: "Applied" for it in in_force}
        self._write(host, subject, wanted, statuses)
        for one in in_force:
            self._make_modules(host, subject, deployment.listed_modules(one.content))
        if deployments or twin.get("configurations"):
            for module in self._registry.list_modules(host, subject):
                self._apply(host, f"{subject}/{module['moduleId']}")

    def _apply_to_module(self, host: str, subject: str, twin: Twin) -> None:
        wanted: list[Setting] = []
        statuses: dict[str, str] = {}
        device = self._registry.get_twin(host, twin["deviceId"])
        if device["capabilities"].get("iotEdge"):
            for one in _in_force(self._targeting(host, "edge", device)):
                part = one.content.get(twin["moduleId"], {})
                wanted += deployment.settings(part, one.id)
                if part or twin["moduleId"] == EDGE_AGENT:
                    statuses[one.id] = "Applied"
        targeting = self._targeting(host, "module", twin)
        wanted += [it for one in targeting for it in deployment.settings(one.content, one.id)]
        statuses |= {it.id: "Targeted" for it in targeting}
        statuses |= {it.configuration: "Applied" for it in deployment.effective(wanted)}
        self._write(host, subject, wanted, statuses)

    def _targeting(self, host: str, kind: str, twin: Twin) -> list[Configuration]:
        return [
            it
            for it in self._of(host)
            if it.kind == kind and it.condition is not None and holds(it.condition.where, twin)
        ]

    def _write(self, host: str, subject: str, wanted: list[Setting], statuses: dict[str, str] | None) -> None:
        """Put settings into a twin; `statuses` None is a single application that leaves nothing managed."""
        twin = self._registry.stored_twin(host, subject)
        if twin is None:
            return
        settings = deployment.effective(wanted)
        managed = twin.get("managed", []) if statuses is not None else []
        desired = twins.plain(twin["properties"]["desired"])
        patch = deployment.difference(desired, deployment.rewritten(desired, managed, settings))
        before = (twin.get("configurations"), twin.get("managed"))
        if statuses is not None:
            twin["configurations"] = {name: {"status": it} for name, it in sorted(statuses.items())}
            twin["managed"] = [list(it.path) for it in settings]
        try:
            heard = twins.patch_twin(twin, _as_patch(patch), self._clock.text()) if patch else None
        except HubError as error:
            fields = {"hub": host, "subject": subject, "detail": error.message}
            LOG.warning("a configuration does not fit into a twin", extra={"fields": fields})
            return
        if patch or before != (twin.get("configurations"), twin.get("managed")):
            self._registry.write_managed(host, subject, twin, heard)

    def _make_modules(self, host: str, device_id: str, wanted: set[str]) -> None:
        """Identities for the modules of a deployment, owned by the Edge runtime."""
        there = {it["moduleId"] for it in self._registry.list_modules(host, device_id)}
        for module_id in sorted(wanted - there):
            self._registry.create_module(host, device_id, module_id, {"managedBy": "IotEdge"})

    def _make_room(self, host: str, document: Document) -> None:
        kind = content_name(document["content"]) == "modulesContent"
        kept = [it for _, it in self._store.list("configuration", f"{host.lower()}/")]
        count = sum((content_name(it["content"]) == "modulesContent") == kind for it in kept)
        allowed = quotas(self._registry.hub(host))
        most = allowed.deployments if kind else allowed.configurations
        if count >= most:
            what = "IoT Edge deployments" if kind else "configurations"
            text = f"Hub {host} has {count} {what}, the most that it may have."
            raise HubError(413, "ConfigurationCountLimitExceeded", text)

    def _stored(self, host: str, configuration_id: str) -> Document:
        document = self._store.get("configuration", _key(host, configuration_id))
        if document is None:
            text = f"There is no configuration '{configuration_id}' in hub {host}."
            raise HubError(404, "ConfigurationNotFound", text)
        return document


def _in_force(deployments: Sequence[Configuration]) -> list[Configuration]:
    """Of deployments, lowest rank first: the highest that is no layer, and the layers above it."""
    bases = [it for it in deployments if not deployment.is_layered(it.content)]
    if not bases:
        return []
    base = bases[-1]
    layers = [it for it in deployments if deployment.is_layered(it.content) and it.priority > base.priority]
    return [base, *layers]


def _as_patch(desired: dict[str, Any]) -> Twin:
    return {"properties": {"desired": desired}}


def _subject(twin: Twin) -> str:
    return f"{twin['deviceId']}/{twin['moduleId']}" if "moduleId" in twin else str(twin["deviceId"])


def _key(host: str, configuration_id: str) -> str:
    return f"{host.lower()}/{configuration_id}"
