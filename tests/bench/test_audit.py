"""The audit of a soak finds every way in which devices, messages and twins can be lost or doubled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.soak.audit import findings
from bench.soak.ledger import Ledger
from bench.soak.service import Books, Held

HUB, OTHER = "a.azure-devices.net", "b.azure-devices.net"
WRITTEN = {"pump-1": {2: 7, 3: 9}, "agent-1": {2: 8}}
TRIED = {"pump-1": {7, 9}, "agent-1": {8}}


def ledger() -> Ledger:
    made = Ledger("pump-1", hub=HUB, sent=12, acknowledged=10, reported=3)
    made.seen = [(1, 0), (2, 7), (3, 9)]
    return made


def books() -> Books:
    return Books(
        devices=(
            ("pump-1", Held(HUB, 3, 9, {"soak": 3})),
            ("agent-1", Held(HUB, 2, 8, {"desiredVersion": 2})),
        ),
        registrations=(("pump-1", HUB), ("agent-1", HUB)),
        messages={"pump-1": 11},
    )


def audit(ledger: Ledger, books: Books) -> list[str]:
    return findings([ledger], ["agent-1"], books, WRITTEN, TRIED)


def test_a_sound_soak_has_no_findings() -> None:
    assert audit(ledger(), books()) == []


def held(version: int = 3, number: int = 9, reported: int | None = 3, hub: str = HUB) -> Held:
    return Held(hub, version, number, {} if reported is None else {"soak": reported})


def with_device(changed: Held) -> Books:
    return replace(books(), devices=(("pump-1", changed), books().devices[1]))


BOOKS: dict[str, tuple[Callable[[], Books], str]] = {
    "lost": (lambda: replace(books(), devices=books().devices[1:]), "pump-1: lost from the hubs"),
    "doubled": (
        lambda: replace(books(), devices=(*books().devices, ("pump-1", held(hub=OTHER)))),
        "pump-1: 2 times in the hubs",
    ),
    "nobody's": (
        lambda: replace(books(), devices=(*books().devices, ("ghost", held()))),
        "ghost: in the hubs, and nobody's",
    ),
    "unregistered": (
        lambda: replace(books(), registrations=books().registrations[1:]),
        "pump-1: lost from the registrations",
    ),
    "registered elsewhere": (
        lambda: replace(books(), registrations=(("pump-1", OTHER), ("agent-1", HUB))),
        f"pump-1: registered for {OTHER}, and in {HUB}",
    ),
    "elsewhere": (lambda: with_device(held(hub=OTHER)), f"pump-1: it is in {OTHER}, and was told {HUB}"),
    "messages lost": (lambda: replace(books(), messages={"pump-1": 9}), "10 messages acknowledged, and 9"),
    "messages doubled": (lambda: replace(books(), messages={"pump-1": 13}), "sent 12 times, and 13"),
    "change not seen": (lambda: with_device(held(4, 11, 4)), "has [(3, 9)], and the hub 4, 11"),
    "report lost": (lambda: with_device(held(reported=2)), "version 3, reported 2"),
    "never reported": (lambda: with_device(held(reported=None)), "version 3, reported None"),
    "change lost": (lambda: with_device(held(2, 7, 2)), "the hub has version 2, and answered 3"),
    "change replaced": (lambda: with_device(held(3, 7)), "the hub has 7 in version 3, not 9"),
    "agent behind": (
        lambda: replace(books(), devices=(books().devices[0], ("agent-1", Held(HUB, 2, 8, {})))),
        "agent-1: version 2, reported None",
    ),
}


@pytest.mark.parametrize("case", BOOKS)
def test_what_the_cloud_has_lost_or_doubled(case: str) -> None:
    make, words = BOOKS[case]
    assert any(words in found for found in audit(ledger(), make())), audit(ledger(), make())


LEDGERS: dict[str, tuple[Callable[[Ledger], object], str]] = {
    "unacknowledged": (lambda it: setattr(it, "attempts", 1), "message 11 was sent, and never acknowledged"),
    "back": (lambda it: it.seen.insert(0, (2, 7)), "versions went back"),
    "other": (lambda it: it.seen.insert(1, (2, 9)), "version 2 held 9, and 7 was written"),
    "made up": (lambda it: it.seen.insert(2, (2, 5)), "version 2 held 5, which nobody wrote"),
    "unseen": (lambda it: it.seen.clear(), "has [], and the hub 3, 9"),
}


@pytest.mark.parametrize("case", LEDGERS)
def test_what_a_device_should_never_have_seen(case: str) -> None:
    change, words = LEDGERS[case]
    device = ledger()
    change(device)
    assert any(words in found for found in audit(device, books())), audit(device, books())
