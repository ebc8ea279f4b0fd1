"""Streams of files in S3, kept: which files a device may fetch over MQTT, and in whose name they are read.

Operations of botocore's iot 2015-05-28. Delivery over `$aws/things/{thing}/streams/…` is not served.
"""

from collections.abc import Callable

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.iot.named import Named, Noun, subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.role_aliases import checked_role
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place
from localcloud.store import Document

LAST_VERSION = 65535
_NOUN = Noun("aws-stream", "Stream", "stream")
_TOLD = ("streamId", "streamArn", "description", "streamVersion")


class Streams:
    """Streams by id. `users_of` gives the OTA updates that need one."""

    def __init__(self, place: Place, tags: Tags) -> None:
        self._kept = Named(place, tags, _NOUN)
        self.users_of: Callable[[str], list[str]] = lambda _stream: []

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "CreateStream": lambda it: subset(self.create(it), _TOLD),
                "UpdateStream": self._update,
                "DescribeStream": self._describe,
                "ListStreams": self._list,
                "DeleteStream": self._delete,
            }
        )

    def require(self, stream_id: str) -> Document:
        """A stream that is there: files, roleArn. Raises ApiError."""
        return self._kept.get(stream_id)

    def create(self, params: Params) -> Document:
        """A new stream. Raises ApiError."""
        _check(params)
        document = {
            "streamArn": self._kept.arn(params["streamId"]),
            "streamVersion": 0,
            **subset(params, ("streamId", "description", "files", "roleArn")),
        }
        return self._kept.create(params["streamId"], document, params.get("tags", []))

    def remove(self, stream_id: str) -> None:
        """Forget it. Raises ApiError while an OTA update needs it."""
        users = self.users_of(stream_id)
        if users:
            raise ApiError("DeleteConflictException", f"Stream {stream_id} is used by {', '.join(users)}.")
        self._kept.remove(stream_id)

    def _update(self, params: Params) -> Params:
        known = self._kept.get(params["streamId"])
        changes = subset(params, ("description", "files", "roleArn"))
        _check({**known, **changes})
        if known["streamVersion"] >= LAST_VERSION:
            raise invalid(f"A stream has {LAST_VERSION} versions at most.")
        changed = self._kept.update(
            params["streamId"], {**changes, "streamVersion": known["streamVersion"] + 1}
        )
        return subset(changed, _TOLD)

    def _describe(self, params: Params) -> Params:
        known = self._kept.get(params["streamId"])
        times = {"createdAt": known["creationDate"], "lastUpdatedAt": known["lastModifiedDate"]}
        return {"streamInfo": {**subset(known, (*_TOLD, "files", "roleArn")), **times}}

    def _list(self, params: Params) -> Params:
        found = [subset(it, _TOLD) for it in self._kept.all()]
        return page("streams", found, lambda it: str(it["streamId"]), params)

    def _delete(self, params: Params) -> Params:
        self.remove(params["streamId"])
        return {}


def _check(document: Params) -> None:
    """Each file has an id of its own and a place in S3."""
    checked_role(document["roleArn"])
    ids = [it.get("fileId") for it in document["files"]]
    if None in ids or len(set(ids)) != len(ids):
        raise invalid("Every file of a stream has a fileId of its own.")
    for file in document["files"]:
        if not {"bucket", "key"} <= set(file.get("s3Location", {})):
            raise invalid("Every file of a stream has an s3Location with bucket and key.")
