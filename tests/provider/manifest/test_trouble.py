"""When a run cannot go on: what is kept, what is told, and that the next run goes on from there."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from provider.clients.errors import CancelledError
from provider.clients.retry import deadline
from provider.errors import InitFailedError, UnsupportedResourceError
from provider.handlers.device_manifest import DeviceManifest
from provider.manifest.deciding import Item, Kind, Live, Outcome, Step, after_error, decide
from provider.manifest.errors import BusyError, LedgerError, StoppedError
from provider.values import UNKNOWN


def gone(_: int) -> httpx.Response | None:
    raise httpx.ConnectError("refused")


def typed(handler: Any, given: dict[str, Any]) -> Any:
    return handler.state(handler.check(given).inputs, {}).inputs


def finished(handler: Any, dps: Any, given: dict[str, Any], error: InitFailedError, rows: int) -> None:
    """The next `up` after a failure completes the manifest, and nothing was done twice."""
    dps.before = dps.after = lambda _: None
    properties = handler.properties(given, error.outputs)
    assert handler.diff(given, properties, given).changes != ()
    made = handler.update(handler.state(given, properties), typed(handler, given))
    assert made.outputs.accepted == rows
    assert len(dps.ids()) == rows
    assert dps.twice() == {}


@pytest.mark.parametrize("failure", ["away", "throttled for ever", "forbidden", "broken"])
def test_a_run_that_cannot_go_on_keeps_what_it_has(
    handler: Any, dps: Any, write: Any, rows: Any, failure: str
) -> None:
    answers: dict[str, Callable[[int], httpx.Response | None]] = {
        "away": gone,
        "throttled for ever": lambda _: httpx.Response(429, headers={"retry-after": "30"}),
        "forbidden": lambda _: httpx.Response(403, json={"message": "no role"}),
        "broken": lambda _: httpx.Response(500),
    }
    dps.before = lambda number: answers[failure](number) if number > 4 else None
    given = handler.check(write(rows(*range(200)))).inputs
    with pytest.raises(InitFailedError) as raised:
        handler.create(typed(handler, given))
    assert "40 of 200 rows are in the service, 160 are left: " in str(raised.value)
    finished(handler, dps, given, raised.value, 200)


def test_a_creation_that_sent_nothing_leaves_nothing_in_the_state(
    handler: Any, dps: Any, write: Any, rows: Any
) -> None:
    dps.before = lambda _: httpx.Response(401, json={"message": "who?"})
    inputs = typed(handler, write(rows(*range(30))))
    with pytest.raises(StoppedError, match=r"no row was sent: .*401"):
        handler.create(inputs)
    dps.before = lambda _: None
    assert handler.create(inputs).outputs.accepted == 30


def test_one_row_that_spoils_a_call_is_found(handler: Any, dps: Any, write: Any, rows: Any) -> None:
    dps.spoils = "fridge-7"
    with pytest.raises(InitFailedError, match=r"line 9: fridge-7: the service refuses it: .*400"):
        handler.create(typed(handler, write(rows(*range(20)))))
    assert dps.ids() == {f"fridge-{number}" for number in range(20)} - {"fridge-7"}
    assert dps.twice() == {}


def test_custom_timeouts_hold_and_the_default_does_not(
    handler: Any, dps: Any, clock: Any, write: Any, rows: Any
) -> None:
    def slow(_: int) -> None:
        clock.seconds += 20

    dps.before = slow
    given = handler.check(write(rows(*range(1000)))).inputs
    with (
        deadline(600, clock),
        pytest.raises(InitFailedError, match="customTimeouts allows is over") as raised,
    ):
        handler.create(typed(handler, given))
    assert len(dps.ids()) < 1000
    with deadline(300, clock):  # what the engine's calls get when the program says nothing
        finished(handler, dps, given, raised.value, 1000)


def test_a_cancelled_run_keeps_what_it_has(handler: Any, dps: Any, clock: Any, write: Any, rows: Any) -> None:
    dps.after = lambda number: clock.cancel() if number == 3 else None
    given = handler.check(write(rows(*range(500)))).inputs
    with pytest.raises(InitFailedError, match=r"rows are in the service, \d+ are left: cancelled") as raised:
        handler.create(typed(handler, given))
    assert 0 < raised.value.outputs.accepted < 500  # type: ignore[attr-defined]  # it is the handler's outputs


def test_two_runs_at_once_are_refused(handler: Any, dps: Any, write: Any, rows: Any, tmp_path: Path) -> None:
    inputs = typed(handler, write(rows(1)))
    lock = tmp_path / "state" / "manifests" / "contoso.azure-devices-provisioning.net" / "fridges.lock"
    with lock.open("w") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="another run is at work on it"):
            handler.create(inputs)
    assert handler.create(inputs).outputs.accepted == 1


def test_a_preview_that_cannot_ask_says_so(
    handler: Any, another_machine: Any, life: Any, dps: Any, write: Any, rows: Any, clock: Any
) -> None:
    one = life(handler)
    one.create(write(rows(*range(30))))
    changed = {**one.inputs, **write(rows(*range(31)))}
    dps.enrollments.clear()
    dps.answer = lambda *_: httpx.Response(503)
    before = clock.now()
    (notice,) = another_machine.diff(one.inputs, one.properties, changed).notices
    assert "31 rows; which of them are new, changed or gone is found out by `pulumi up`" in notice.text
    assert clock.now() - before < 10


def test_a_preview_with_unknown_inputs_reads_the_file_all_the_same(
    handler: Any, write: Any, rows: Any
) -> None:
    given = {**write(rows(1, 2)), "iotHubs": UNKNOWN, "serviceHost": UNKNOWN}
    assert handler.check(given).faults == ()
    inputs = handler.state(given, {}).inputs
    assert handler.notices(None, inputs)[0].text == "manifest fridges: 2 added, 0 changed, 0 removed"
    known = handler.state(handler.check(write(rows(1, 2))).inputs, {}).inputs
    assert "depends on values that `pulumi up` will know" in handler.notices(known, inputs)[0].text


def test_an_unchanged_manifest_is_neither_read_nor_asked_for(
    handler: Any, life: Any, dps: Any, write: Any, rows: Any, tmp_path: Path
) -> None:
    one = life(handler)
    one.create(write(rows(*range(30))))
    (tmp_path / "fridges.csv").write_text("registration_id,nonsense\n")
    before = dps.calls.total()
    diff = handler.diff(one.inputs, one.properties, dict(one.inputs))
    assert (diff.changes, diff.notices) == ((), ())
    assert dps.calls.total() == before


def test_a_manifest_is_not_imported(handler: Any) -> None:
    with pytest.raises(UnsupportedResourceError, match="adopt = true"):
        handler.read("contoso.azure-devices-provisioning.net/manifests/fridges", None)


ROW = Item("f-1", Step.CREATE, 2, "new", {"registrationId": "f-1", "provisioningStatus": "enabled"})
GONE = Item("f-1", Step.LOOK)


@pytest.mark.parametrize(
    ("item", "found", "wanted"),
    [
        (ROW, None, Step.CREATE),
        (ROW, Live("e1", ours=True, digest="new"), Kind.HELD),
        (ROW, Live("e1", ours=True, digest="old"), Step.UPDATE),
        (ROW, Live("e1", ours=False, digest="new"), Kind.REFUSED),
        (ROW, Live("e1", ours=True, digest="old", revoked=True), Kind.REFUSED),
        (ROW, Live("e1", ours=True, digest="new", revoked=True), Kind.HELD),
        (GONE, None, Kind.GONE),
        (GONE, Live("e1", ours=True, digest="old"), Step.DELETE),
        (GONE, Live("e1", ours=False), Kind.GONE),
    ],
)
def test_decisions(item: Item, found: Live | None, wanted: Step | Kind) -> None:
    decision = decide(item, found)
    assert (decision.step if isinstance(decision, Item) else decision.kind) is wanted
    if isinstance(decision, Item) and decision.step is not Step.CREATE:
        assert decision.etag == "e1"


@pytest.mark.parametrize(
    ("item", "status", "wanted"),
    [
        (ROW, 409, Step.LOOK),
        (ROW, 412, Step.LOOK),
        (ROW, 503, Step.LOOK),
        (ROW, 404, Step.LOOK),
        (ROW, 0, Step.LOOK),
        (ROW, 429, Step.CREATE),
        (ROW, 400, Kind.REFUSED),
        (GONE, 404, Kind.GONE),
        (GONE, 412, Step.LOOK),
    ],
)
def test_errors_of_rows(item: Item, status: int, wanted: Step | Kind) -> None:
    decision = after_error(item, status, "why")
    assert (decision.step if isinstance(decision, Item) else decision.kind) is wanted
    assert not isinstance(decision, Outcome) or wanted is not Kind.REFUSED or "why" in decision.reason


def test_a_cancelled_wait_is_told(handler: Any, clock: Any, write: Any, rows: Any) -> None:
    inputs = typed(handler, write(rows(1)))
    clock.cancel()
    with pytest.raises((CancelledError, StoppedError), match="cancelled"):
        handler.create(inputs)


def test_a_ledger_that_is_none_is_told_and_may_be_deleted(
    handler: Any, life: Any, dps: Any, write: Any, rows: Any, tmp_path: Path
) -> None:
    one = life(handler)
    one.create(write(rows(*range(30))))
    folder = tmp_path / "state" / "manifests" / "contoso.azure-devices-provisioning.net"
    for path in folder.glob("fridges.ledger*"):
        path.write_bytes(b"no database" * 100)
    with pytest.raises(LedgerError, match="may be deleted"):
        one.update(**write(rows(*range(31))))
    for path in folder.iterdir():
        path.unlink()
    dps.applied.clear()
    one.update(**write(rows(*range(31))))
    assert set(dps.applied) == {("create", "fridge-30")}


def test_a_state_folder_that_cannot_be_made_is_told(
    azure: Any, clock: Any, write: Any, rows: Any, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    handler = DeviceManifest(azure.dps, clock, {"MUSTER_STATE_DIR": str(tmp_path / "taken")})
    (fault,) = handler.check(write(rows(1))).faults
    assert "MUSTER_STATE_DIR names another folder" in fault.reason
