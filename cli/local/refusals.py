"""How many devices the local cloud refused, by service and reason: its own counters, over its own HTTPS."""

from __future__ import annotations

import json
import ssl

import httpx

from cli.local import cloud
from cli.local.layout import Layout

_TIMEOUT_SECONDS = 5.0
_TELEMETRY = "/telemetry/"


def counted(layout: Layout) -> dict[str, int]:
    """`{service}/{reason}` and how often, at most a second old. The local cloud has to run."""
    port = json.loads(cloud.endpoints_file(layout).read_text())["https_port"]
    trust = ssl.create_default_context(cafile=str(layout.cloud / "tls-ca.pem"))
    url = f"https://localhost:{port}/_local/counters"
    counters: dict[str, int] = (
        httpx.get(url, verify=trust, trust_env=False, timeout=_TIMEOUT_SECONDS).raise_for_status().json()
    )
    return {
        key.replace("/refused/", "/"): count
        for key, count in sorted(counters.items())
        if _TELEMETRY not in key
    }
