"""A sound description to start from."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def sound() -> dict[str, Any]:
    return {
        "name": "coldchain",
        "azure": {"hubs": {"eu-1": {}, "eu-2": {"sku": "S2", "units": 3}}},
        "identity": {"root": "certs/root.pem", "issuers": {"oslo": "certs/oslo.pem"}},
        "groups": {
            "reefers": {
                "attestation": {"x509": {"issuer": "oslo"}},
                "allocation": {"hubs": ["eu-1", "eu-2"]},
                "twin": {
                    "tags": {"line": "reefer"},
                    "desired": {"intervalSeconds": 60, "modes": [1, {"a": True}]},
                },
            }
        },
    }
