"""What every service's answers share."""

from __future__ import annotations

import secrets

import httpx


def new_etag() -> str:
    """An ETag never given before."""
    return secrets.token_hex(4)


def fault(status: int, code: str) -> httpx.Response:
    """An error in ARM's form."""
    body = {"error": {"code": code, "message": f"{code} happened"}}
    return httpx.Response(status, json=body, headers={"x-ms-request-id": "r-1"})
