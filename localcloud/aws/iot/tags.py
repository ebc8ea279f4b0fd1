"""Tags by ARN, for whatever can have them: TagResource, UntagResource, ListTagsForResource.

A resource is known here from when `put` is called for it (with no tags too) until `forget`. At most 50 tags a
resource (docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html); keys that begin with `aws:` are AWS'
own and refused.
"""

from collections.abc import Mapping, Sequence

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.place import Place

MOST_TAGS = 50
_KIND = "aws-tags"
Tag = Mapping[str, str]


class Tags:
    """Tags of resources. `key` and `value` are what a tag's members are called in the service's model."""

    def __init__(self, place: Place, kind: str = _KIND, key: str = "Key", value: str = "Value") -> None:
        self._store = place.store
        self._kind = kind
        self._key = key
        self._value = value

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {"TagResource": self._tag, "UntagResource": self._untag, "ListTagsForResource": self._list}
        )

    def put(self, arn: str, tags: Sequence[Tag]) -> None:
        """A resource that is made, with its tags. Raises ApiError."""
        self._store.put(self._kind, arn, {"tags": self._checked({}, tags)})

    def get(self, arn: str) -> list[Params]:
        """The tags of a resource, by key; none of one that is not known."""
        kept = self._store.get(self._kind, arn) or {"tags": {}}
        return [{self._key: key, self._value: value} for key, value in sorted(kept["tags"].items())]

    def forget(self, arn: str) -> None:
        """The resource is gone."""
        self._store.delete(self._kind, arn)

    def _tag(self, params: Params) -> Params:
        arn = params["resourceArn"]
        kept = self._known(arn)
        self._store.put(self._kind, arn, {"tags": self._checked(kept, params["tags"])})
        return {}

    def _untag(self, params: Params) -> Params:
        arn = params["resourceArn"]
        left = {key: value for key, value in self._known(arn).items() if key not in params["tagKeys"]}
        self._store.put(self._kind, arn, {"tags": left})
        return {}

    def _list(self, params: Params) -> Params:
        self._known(params["resourceArn"])
        return {"tags": self.get(params["resourceArn"])}

    def _known(self, arn: str) -> dict[str, str]:
        kept = self._store.get(self._kind, arn)
        if kept is None:
            raise ApiError("ResourceNotFoundException", f"There is no resource {arn}.")
        return dict(kept["tags"])

    def _checked(self, kept: Mapping[str, str], tags: Sequence[Tag]) -> dict[str, str]:
        merged = {**kept, **{it[self._key]: it.get(self._value, "") for it in tags}}
        for key in merged:
            if key.lower().startswith("aws:"):
                raise ApiError(
                    "InvalidRequestException", f"The tag key {key} begins with aws:, which is AWS' own."
                )
        if len(merged) > MOST_TAGS:
            raise ApiError(
                "LimitExceededException", f"A resource has {MOST_TAGS} tags at most, not {len(merged)}."
            )
        return merged
