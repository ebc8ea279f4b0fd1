"""Microsoft.Web (API 2025-05-01): function apps, their plans, and their host keys.

The functions themselves run in `localcloud.azure.functions`, which reads the site's document and package.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from localcloud.azure.arm.identity import check_identity
from localcloud.azure.arm.kept import keep
from localcloud.azure.arm.models import Published
from localcloud.azure.arm.resources import GROUP, SUBSCRIPTION, Draft, NameRule, ResourceType, World
from localcloud.azure.gate import KEYS
from localcloud.calls import Answer, Call
from localcloud.store import Document

ZONE = "azurewebsites.net"
SITE = "Microsoft.Web/sites"
_PLAN = "Microsoft.Web/serverfarms"
_MODELS = "azure.mgmt.web"
_VERSIONS = ("2025-05-01", "2024-11-01", "2024-04-01", "2023-12-01")


def _check_plan(world: World, draft: Draft) -> None:
    check_identity(world, draft)
    if draft.at("sku", "name") is None:
        draft.wrong("sku.name", "is required: Y1 is a consumption plan")


def _check_site(world: World, draft: Draft) -> None:
    check_identity(world, draft)
    plan = draft.at("properties", "serverFarmId")
    found = world.stored(str(plan)) if plan else None
    if plan and (found is None or found["type"] != _PLAN):
        draft.wrong("properties.serverFarmId", f"there is no App Service plan {plan}")
    names = [it.get("name") for _, it in draft.entries("properties", "siteConfig", "appSettings")]
    for name in sorted({str(it) for it in names if names.count(it) > 1}):
        draft.wrong("properties.siteConfig.appSettings", f"has {name} twice")


def _site(world: World, draft: Draft) -> Mapping[str, Any]:
    if world.store.get(KEYS, draft.id.lower()) is None:
        keys = {"masterKey": _new_key(), "functionKeys": {"default": _new_key()}, "systemKeys": {}}
        world.store.put(KEYS, draft.id.lower(), keys)
    host = f"{draft.name.lower()}.{ZONE}"
    return {"state": "Running", "defaultHostName": host, "hostNames": [host], "enabledHostNames": [host]}


def _new_key() -> str:
    return secrets.token_urlsafe(40)


def _list_host_keys(world: World, document: Document, _call: Call, _names: Mapping[str, str]) -> Answer:
    return Answer(body=world.store.get(KEYS, document["id"].lower()))


PLAN = ResourceType(
    type=_PLAN,
    path=f"{GROUP}/providers/{_PLAN}/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/{_PLAN}",
    versions=_VERSIONS,
    shape=Published(_MODELS, "AppServicePlan"),
    name=NameRule(re.compile(r"[A-Za-z0-9-]{1,60}"), "1 to 60 letters, digits and hyphens"),
    build=keep({"reserved": False}),
    check=_check_plan,
    etag=False,
)
WEB_APP = ResourceType(
    type=SITE,
    path=f"{GROUP}/providers/{SITE}/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/{SITE}",
    versions=_VERSIONS,
    shape=Published(_MODELS, "Site"),
    name=NameRule(
        re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,58}[A-Za-z0-9])?"), "1 to 60 letters, digits and hyphens"
    ),
    build=keep({"enabled": True, "httpsOnly": False}, _site),
    check=_check_site,
    actions={"host/default/listkeys": _list_host_keys},
    zone=ZONE,
    etag=False,
)
