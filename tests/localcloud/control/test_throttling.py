"""Limits as published, windows that never refuse a client within its limit, and what counts against which."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from localcloud.calls import Call
from localcloud.control.operations import Operation, of_call, of_message
from localcloud.control.throttling import DPS, Limit, Throttle, hub_limit

HUB, DPS_HOST = "hub.azure-devices.net", "dps.azure-devices-provisioning.net"
GLOBAL = "global.azure-devices-provisioning.net"


@pytest.mark.parametrize(
    ("operation", "edition", "units", "a_minute"),
    [
        ("identity", "S1", 1, 100),
        ("identity", "S2", 3, 300),
        ("identity", "S3", 2, 10_000),
        ("connections", "F1", 1, 6000),
        ("connections", "S1", 2, 6000),
        ("connections", "S1", 9, 6480),
        ("telemetry", "B2", 2, 14_400),
        ("telemetry", "S3", 1, 360_000),
        ("twin-reads", "S1", 5, 6000),
        ("twin-reads", "S2", 20, 12_000),
        ("twin-updates", "S3", 1, 15_000),
        ("queries", "S1", 2, 40),
        ("configurations", "S3", 1, 20),
        ("method-kilobytes", "S1", 1, 9600),
    ],
)
def test_limits_of_a_hub_are_the_published_ones(
    operation: str, edition: str, units: int, a_minute: int
) -> None:
    assert hub_limit(operation, edition, units) == Limit(a_minute)


def test_limits_of_dps_are_the_published_ones() -> None:
    assert {"operations": Limit(1000), "registrations": Limit(1000), "polls": Limit(5, 10.0)} == DPS


def test_the_limit_passes_and_the_next_waits() -> None:
    throttle, limit = Throttle(), Limit(1000)
    assert [throttle.wait_seconds("a", limit, 100.5) for _ in range(1000)] == [0.0] * 1000
    wait = throttle.wait_seconds("a", limit, 100.5)
    assert 59 <= wait <= 60
    assert throttle.wait_seconds("b", limit, 100.5) == 0
    assert throttle.wait_seconds("a", limit, 100.5 + wait - 0.01) > 0
    assert throttle.wait_seconds("a", limit, 100.5 + wait) == 0


def test_polls_are_counted_over_ten_seconds() -> None:
    throttle = Throttle()
    assert [throttle.wait_seconds("d", DPS["polls"], 7.0) > 0 for _ in range(6)] == [False] * 5 + [True]
    assert throttle.wait_seconds("d", DPS["polls"], 17.0) == 0


@given(some.lists(some.floats(0, 30), min_size=1, max_size=60), some.integers(1, 8))
def test_who_keeps_to_the_limit_is_never_refused(gaps: list[float], count: int) -> None:
    """Any pace with at most `count` in every window of ten seconds passes whole."""
    throttle, limit, now = Throttle(), Limit(count, 10.0), 1000.0
    sent: list[float] = []
    for gap in gaps:
        now += gap
        if len(sent) >= count:
            now = max(now, sent[-count] + 10.0)
        assert throttle.wait_seconds("k", limit, now) == 0
        sent.append(now)


@given(some.lists(some.floats(0, 3), max_size=80), some.integers(1, 6), some.integers(1, 9))
def test_never_more_than_the_limit_in_a_window(gaps: list[float], count: int, cost: int) -> None:
    throttle, limit, now = Throttle(), Limit(count, 10.0), 0.0
    passed: list[float] = []
    for gap in gaps:
        now += gap
        wait = throttle.wait_seconds("k", limit, now, cost)
        assert 0 <= wait <= 10.0 + 1e-6
        passed += [now] * min(cost, count) if wait == 0 else []
    slot = 10.0 / 60
    assert all(sum(start <= it <= start + 10.0 - slot - 1e-6 for it in passed) <= count for start in passed)


def test_quiet_keys_are_forgotten() -> None:
    throttle = Throttle()
    throttle.wait_seconds("k", Limit(1), 0.0)
    throttle.forget_quiet(59.0)
    assert throttle.wait_seconds("k", Limit(1), 59.0) > 0
    throttle.forget_quiet(121.0)
    assert not throttle._windows


@pytest.mark.parametrize(
    ("method", "host", "path", "expected"),
    [
        ("PUT", DPS_HOST, "/enrollments/a", Operation(DPS_HOST, "operations")),
        ("POST", DPS_HOST, "/enrollmentGroups/query", Operation(DPS_HOST, "operations")),
        ("GET", DPS_HOST, "/registrations/a", Operation(DPS_HOST, "operations")),
        ("PUT", GLOBAL, "/0neX/registrations/A/register", Operation("0nex", "registrations")),
        ("PUT", DPS_HOST, "/0neX/registrations/A/register", Operation("0nex", "registrations")),
        ("GET", GLOBAL, "/0neX/registrations/A/operations/4.x", Operation("0nex/a", "polls")),
        ("POST", GLOBAL, "/0neX/registrations/A", Operation("0nex/a", "polls")),
        ("PUT", HUB, "/devices/a", Operation(HUB, "identity")),
        ("GET", HUB, "/devices/a/modules", Operation(HUB, "identity")),
        ("POST", HUB, "/devices", Operation(HUB, "identity")),
        ("GET", HUB, "/statistics/devices", Operation(HUB, "identity")),
        ("POST", HUB, "/devices/query", Operation(HUB, "queries")),
        ("GET", HUB, "/twins/a", Operation(HUB, "twin-reads")),
        ("GET", HUB, "/twins/a/modules/m", Operation(HUB, "twin-reads")),
        ("PATCH", HUB, "/twins/a", Operation(HUB, "twin-updates")),
        ("POST", HUB, "/twins/a/methods", Operation(HUB, "method-kilobytes", 8)),
        ("PUT", HUB, "/configurations/c", Operation(HUB, "configurations")),
        ("POST", HUB, "/devices/e/applyConfigurationContent", Operation(HUB, "configurations")),
        ("POST", HUB, "/_local/devices/a/messages/devicebound", Operation(HUB, "cloud-to-device-sends")),
        ("GET", HUB, "/devices/a/messages/devicebound", Operation(HUB, "cloud-to-device-receives")),
        ("DELETE", HUB, "/devices/a/messages/devicebound/lock", None),
        ("POST", HUB, "/devices/a/files", Operation(HUB, "file-uploads")),
        ("POST", HUB, "/devices/a/files/notifications", None),
        ("GET", "management.azure.com", "/subscriptions/s", None),
        ("GET", GLOBAL, "/nothing", None),
    ],
)
def test_calls_count_against_their_limit(
    method: str, host: str, path: str, expected: Operation | None
) -> None:
    assert of_call(Call(method, host, path, raw=b"x" * 4001)) == expected


@pytest.mark.parametrize(
    ("raw", "rows"),
    [(b'{"mode":"create","enrollments":[{},{},{}]}', 3), (b"{]", 1), (b"[]", 1), (b'{"enrollments":7}', 1)],
)
def test_a_bulk_call_counts_once_or_by_rows(raw: bytes, rows: int) -> None:
    call = Call("POST", DPS_HOST, "/enrollments/", raw=raw)
    assert of_call(call) == Operation(DPS_HOST, "operations", 1)
    assert of_call(call, rows=True) == Operation(DPS_HOST, "operations", rows)
    assert of_call(Call("POST", DPS_HOST, "/enrollments/query", raw=raw), rows=True) == Operation(
        DPS_HOST, "operations"
    )


def test_messages_count_against_their_limit() -> None:
    device = "0nex/pump"
    assert of_message(GLOBAL, "$dps/registrations/PUT/iotdps-register/?$rid=1", device) == Operation(
        "0nex", "registrations"
    )
    assert of_message(
        GLOBAL, "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1", device
    ) == Operation(device, "polls")
    assert of_message(HUB, "$iothub/twin/GET/?$rid=1", HUB) == Operation(HUB, "twin-reads")
    assert of_message(HUB, "$iothub/twin/PATCH/properties/reported/?$rid=1", HUB) == Operation(
        HUB, "twin-updates"
    )
    assert of_message(HUB, "devices/p/messages/events/", HUB) == Operation(HUB, "telemetry")
    assert of_message(HUB, "$iothub/methods/res/200/?$rid=1", HUB) is None
