"""The cloud of `muster revocation reconcile` on AWS: tables of revoked serials, certificates, things.

botocore's models dynamodb 2012-08-10 and iot 2015-05-28. BatchGetItem takes 100 keys, BatchWriteItem 25
items; what DynamoDB leaves undone comes back with the answer and is sent again after a pause that grows.

A certificate is found by its id, which is the SHA-256 over its DER: so AWS IoT is seen to do, and no page of
AWS promises it. The certificate that comes back is compared for that reason, before anything is done to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from operations.errors import RefusedError
from provider.clients.aws import Aws, Document
from provider.clients.errors import NotFoundError
from provider.clients.retry import Clock, Policy, pause

KEYS: Final = 100
ITEMS: Final = 25
THINGS: Final = 250
"""How many of each a call takes, or a page has, at most."""
KEY: Final = "serial"
_PATIENCE: Final = Policy()
T = TypeVar("T")


def portions(every: Iterable[T], number: int) -> Iterator[tuple[T, ...]]:
    """As many at a time, the last ones perhaps fewer."""
    rest = iter(every)
    while some := tuple(islice(rest, number)):
        yield some


class AwsCloud:
    """One account and region. Every call raises the errors of provider.clients.errors.

    Raises WrongAccountError when the credentials are not those of the account that is named.
    """

    def __init__(self, aws: Aws, region: str, account: str | None, clock: Clock | None = None) -> None:
        if account is not None:
            aws.require_account(account)
        self._iot = aws.client("iot")
        self._tables = aws.client("dynamodb")
        self._clock = clock or Clock()
        self.service = f"aws {account or aws.account()} {region}"

    def missing(self, table: str, serials: Sequence[str]) -> tuple[str, ...]:
        """Those that are not in a table. Raises RefusedError when there is no such table."""
        there: set[str] = set()
        for some in portions(dict.fromkeys(serials), KEYS):
            keys: Document = {table: {"Keys": [{KEY: {"S": each}} for each in some], "ConsistentRead": True}}
            for answer in self._batches(table, "batch_get_item", keys, "UnprocessedKeys"):
                there |= {item[KEY]["S"] for item in answer["Responses"].get(table, [])}
        return tuple(each for each in dict.fromkeys(serials) if each not in there)

    def put(self, table: str, items: Sequence[Mapping[str, str]]) -> None:
        """Put items of texts in a table; one of the same serial is written over."""
        for some in portions(items, ITEMS):
            written = [
                {"PutRequest": {"Item": {name: {"S": text} for name, text in each.items()}}} for each in some
            ]
            for _ in self._batches(table, "batch_write_item", {table: written}, "UnprocessedItems"):
                pass

    def status(self, certificate_id: str) -> str | None:
        """What a certificate is in (ACTIVE, PENDING_ACTIVATION …); None when AWS IoT has it not.

        Raises RefusedError when it is another certificate.
        """
        found = self._iot.find("describe_certificate", certificateId=certificate_id)
        if found is None:
            return None
        described = found["certificateDescription"]
        held = x509.load_pem_x509_certificate(described["certificatePem"].encode())
        if held.fingerprint(hashes.SHA256()).hex() != certificate_id:
            raise RefusedError(
                f"AWS IoT has another certificate by the id {certificate_id}; it stays as it is"
            )
        return str(described["status"])

    def deactivate(self, certificate_id: str) -> None:
        """Make it INACTIVE."""
        self._iot.call("update_certificate", certificateId=certificate_id, newStatus="INACTIVE")

    def things(self, kinds: Sequence[str], enough: int) -> int:
        """How many things of some types there are; it is not counted beyond `enough`, give or take a page."""
        number = 0
        for kind in kinds:
            for page in self._iot.pages(
                "list_things", thingTypeName=kind, PaginationConfig={"PageSize": THINGS}
            ):
                number += len(page["things"])
                if number >= enough:
                    return number
        return number

    def _batches(self, table: str, operation: str, asked: Document, left: str) -> Iterator[Document]:
        for attempt in range(1, _PATIENCE.attempts + 1):
            answer = self._batch(table, operation, asked)
            yield answer
            asked = answer.get(left) or {}
            if not asked:
                return
            if attempt < _PATIENCE.attempts:
                pause(_PATIENCE.wait_seconds(attempt), self._clock, f"DynamoDB, table {table}")
        raise RefusedError(f"the table {table}: DynamoDB leaves some of it undone; run the command again")

    def _batch(self, table: str, operation: str, asked: Document) -> Any:  # noqa: ANN401 - the service's answer
        try:
            return self._tables.call(operation, RequestItems=asked)
        except NotFoundError as error:
            raise RefusedError(f"the table {table} is not there: has `pulumi up` run? ({error})") from error
