"""`kill -9` of the provider amid a manifest: the next `up` finishes it, and nothing is sent twice."""

from __future__ import annotations

import time
from typing import Any

import psutil
import pytest

from bench.cloud import Cloud
from provider.clients.credentials import DPS_SCOPE
from provider.clients.dps_service import API_VERSION
from tests.e2e.test_killed import PROVIDER, started_by
from tests.e2e.whole_fleet import WholeFleet

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("fleet"), pytest.mark.timeout(900)]

ROWS = 900
PREFIX = "row-"
MANIFEST = {
    "rows": {"file": "rows.csv", "attestation": "symmetricKey", "allocation": {"hubs": ["eu-1"]}},
}


def rows_in_the_service(fleet: WholeFleet, cloud: Cloud) -> list[dict[str, Any]]:
    query: dict[str, object] = {"query": "SELECT * FROM enrollments"}
    found = cloud.pages(fleet.service, DPS_SCOPE, "/enrollments/query", API_VERSION, query)
    return [dict(each) for each in found if str(each["registrationId"]).startswith(PREFIX)]


def test_the_next_up_finishes_the_manifest(fleet: WholeFleet, cloud: Cloud) -> None:
    root = fleet.place.workspace.root
    names = [f"{PREFIX}{number:05}" for number in range(ROWS)]
    (root / "rows.csv").write_text("\n".join(["registration_id", *names]) + "\n")
    fleet.describe(MANIFEST)
    up = fleet.place.start_up()
    command = psutil.Process(up.pid)
    while not (some := rows_in_the_service(fleet, cloud)):
        assert up.poll() is None, up.communicate()[0]
        time.sleep(0.1)
    victim = started_by(command, PROVIDER, fleet.place.workspace)
    assert victim is not None
    victim.kill()
    said, _ = up.communicate(timeout=300)
    assert up.returncode != 0
    assert "Traceback" not in said
    left = rows_in_the_service(fleet, cloud)
    assert len(some) <= len(left) < ROWS

    fleet.up()
    assert fleet.place.outputs()["manifests"]["rows"] == {"rows": ROWS, "accepted": ROWS, "refused": 0}
    there = rows_in_the_service(fleet, cloud)
    assert sorted(each["registrationId"] for each in there) == names
    again = [it["registrationId"] for it in there if it["createdDateTimeUtc"] != it["lastUpdatedDateTimeUtc"]]
    assert again == []
    before = {each["registrationId"]: each["etag"] for each in left}
    assert {it["registrationId"]: it["etag"] for it in there if it["registrationId"] in before} == before
