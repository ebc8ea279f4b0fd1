"""What every service's answers share."""

from __future__ import annotations

import secrets
from typing import Any

import httpx


def new_etag() -> str:
    """An ETag never given before."""
    return secrets.token_hex(4)


def fault(status: int, code: str) -> httpx.Response:
    """An error in ARM's form."""
    body = {"error": {"code": code, "message": f"{code} happened"}}
    return httpx.Response(status, json=body, headers={"x-ms-request-id": "r-1"})


def merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    """RFC 7386, as twins do it."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = value
