"""Ledgers against the cloud's books: every finding is a sentence, and there should be none. No IO."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from bench.soak.following import NUMBER
from bench.soak.ledger import Ledger
from bench.soak.service import Books, Held


def findings(
    ledgers: Sequence[Ledger],
    agents: Iterable[str],
    books: Books,
    written: Mapping[str, Mapping[int, int]],
    tried: Mapping[str, set[int]],
) -> list[str]:
    """What is lost, doubled or wrong. `written` and `tried` are the operator's, by device."""
    held = dict(books.devices)
    hubs = {ledger.device: ledger.hub for ledger in ledgers}
    return [
        *_registry(books, [*hubs, *agents], held),
        *(f"{name}: it is in {held[name].hub}, and was told {hub}" for name, hub in _astray(hubs, held)),
        *(text for it in ledgers for text in _messages(it, books.messages.get(it.device, 0))),
        *(
            text
            for it in ledgers
            if it.device in held
            for text in _twin(it, held[it.device], written.get(it.device, {}), tried.get(it.device, set()))
        ),
        *(
            text
            for name in agents
            if name in held
            for text in _agent(name, held[name], written.get(name, {}))
        ),
    ]


def _registry(books: Books, expected: Sequence[str], held: Mapping[str, Held]) -> Iterator[str]:
    """Each device is registered once, in one hub, and DPS says the same."""
    there = Counter(name for name, _ in books.devices)
    registered = Counter(name for name, _ in books.registrations)
    for what, found in (("hubs", there), ("registrations", registered)):
        yield from (f"{name}: lost from the {what}" for name in expected if not found[name])
        yield from (f"{name}: {times} times in the {what}" for name, times in found.items() if times > 1)
        yield from (f"{name}: in the {what}, and nobody's" for name in found.keys() - set(expected))
    for name, hub in books.registrations:
        if name in held and held[name].hub != hub:
            yield f"{name}: registered for {hub}, and in {held[name].hub}"


def _astray(hubs: Mapping[str, str], held: Mapping[str, Held]) -> Iterator[tuple[str, str]]:
    return ((name, hub) for name, hub in hubs.items() if name in held and held[name].hub != hub)


def _messages(ledger: Ledger, received: int) -> Iterator[str]:
    """Every id was acknowledged; the hub counted each at least once, and no more often than it was sent."""
    if ledger.attempts:
        yield f"{ledger.device}: message {ledger.acknowledged + 1} was sent, and never acknowledged"
    if received < ledger.acknowledged:
        yield f"{ledger.device}: {ledger.acknowledged} messages acknowledged, and {received} counted"
    if received > ledger.sent:
        yield f"{ledger.device}: sent {ledger.sent} times, and {received} messages counted"


def _twin(ledger: Ledger, held: Held, written: Mapping[int, int], tried: set[int]) -> Iterator[str]:
    """The device saw versions go up, each with what was written, and has and reported the last."""
    name = ledger.device
    versions = [version for version, _ in ledger.seen]
    if any(later < earlier for earlier, later in pairwise(versions)):
        yield f"{name}: versions went back: {versions}"
    for version, number in ledger.seen:
        if number and written.get(version, number) != number:
            yield f"{name}: version {version} held {number}, and {written[version]} was written"
        if number and number not in tried:
            yield f"{name}: version {version} held {number}, which nobody wrote"
    if (held.version, held.number) != (ledger.seen[-1] if ledger.seen else (0, 0)):
        yield f"{name}: has {ledger.seen[-1:]}, and the hub {held.version}, {held.number}"
    if held.reported.get(NUMBER) != held.version or ledger.reported != held.version:
        yield f"{name}: version {held.version}, reported {held.reported.get(NUMBER)}"
    yield from _last(name, held, written)


def _agent(name: str, held: Held, written: Mapping[int, int]) -> Iterator[str]:
    if held.reported.get("desiredVersion") != held.version:
        yield f"{name}: version {held.version}, reported {held.reported.get('desiredVersion')}"
    yield from _last(name, held, written)


def _last(name: str, held: Held, written: Mapping[int, int]) -> Iterator[str]:
    """No answered change is missing from the hub."""
    if written and held.version < max(written):
        yield f"{name}: the hub has version {held.version}, and answered {max(written)}"
    if written.get(held.version, held.number) != held.number:
        yield f"{name}: the hub has {held.number} in version {held.version}, not {written[held.version]}"
