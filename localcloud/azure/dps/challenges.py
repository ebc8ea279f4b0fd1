"""Challenges to TPMs: keys that only the TPM of an enrollment can unlock, and the tokens signed with them.

learn.microsoft.com/azure/iot-dps/concepts-tpm-attestation. How long a challenge is good is not published:
here for an hour. Whoever knows the public keys can ask for one, so a newer challenge does not end the older
ones before it; the last few count. They are kept in memory: after a restart a device is challenged anew.
"""

import base64
import os
from collections import deque
from dataclasses import dataclass, field

from localcloud.azure.dps.keys import check_signature
from localcloud.azure.dps.matching import Refused
from localcloud.azure.dps.tpm.credential import lock
from localcloud.azure.dps.tpm.public import read_key
from localcloud.azure.dps.tpm.wire import TpmKeyError
from localcloud.azure.gate import Signature
from localcloud.clock import Clock

GOOD_SECONDS = 3600.0
KEPT_EACH = 4
_KEY_BYTES = 32


@dataclass(frozen=True)
class _Challenge:
    """A key that was sent to a TPM; `endorsed` are the public keys that it was locked for."""

    key: str = field(repr=False)
    endorsed: tuple[str, str]
    ends: float


class Challenges:
    """The challenges under way, by service and registration id."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: dict[str, deque[_Challenge]] = {}

    def new(self, place: str, endorsement_key: str, storage_root_key: str) -> str:
        """A new key as `authenticationKey`. Raises Refused when a key is none of a TPM."""
        self._forget_old()
        key, locked = locked_key(endorsement_key, storage_root_key)
        made = _Challenge(key, (endorsement_key, storage_root_key), self._clock.monotonic() + GOOD_SECONDS)
        self._sent.setdefault(place, deque(maxlen=KEPT_EACH)).append(made)
        return locked

    def met(self, place: str, token: Signature) -> tuple[str, str]:
        """The two keys of the TPM that signed the token. Raises Refused."""
        self._forget_old()
        known = self._sent.get(place)
        if not known:
            raise Refused(
                "no-challenge", "no challenge to this device is open; register without a token first"
            )
        for challenge in known:
            try:
                check_signature(token, [challenge.key])
            except Refused:
                continue
            return challenge.endorsed
        raise Refused("bad-signature", "the token is not signed with the key of a challenge to this device")

    def _forget_old(self) -> None:
        now = self._clock.monotonic()
        for place, sent in list(self._sent.items()):
            while sent and sent[0].ends < now:
                sent.popleft()
            if not sent:
                del self._sent[place]


def locked_key(endorsement_key: str, storage_root_key: str) -> tuple[str, str]:
    """A new symmetric key in base64, and the same locked for a TPM. Raises Refused."""
    secret = os.urandom(_KEY_BYTES)
    try:
        locked = lock(secret, read_key(endorsement_key), read_key(storage_root_key))
    except TpmKeyError as fault:
        raise Refused("endorsement-key-mismatch", f"the device sent no keys of a TPM: {fault}") from fault
    return base64.b64encode(secret).decode(), base64.b64encode(locked).decode()
