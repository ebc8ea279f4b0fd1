"""S3: buckets, what guards them, and objects."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.providers import assets
from localcloud.providers.boto.calls import Base, Wish, missing_is_none
from localcloud.providers.boto.codecs import ANY, FLAG, STRING, pairs
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Naming, Property
from localcloud.providers.errors import CloudRefused, ProviderError
from localcloud.providers.shapes import Fault, MapOf, Scalar

_BUCKET_NAME = Scalar(
    "string",
    pattern=r"^(?!xn--|sthree-)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    rule="3 to 63 small letters, digits, dots and hyphens, a letter or digit first and last",
)
_HOME = "us-east-1"  # the one region that CreateBucket takes no constraint for


@dataclass(frozen=True)
class Buckets(Base):
    """Buckets; what else can be said of one is resources of their own."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        place = {} if to.region == _HOME else {"CreateBucketConfiguration": {"LocationConstraint": to.region}}
        locked = {"ObjectLockEnabledForBucket": True} if wish.get("ObjectLockEnabledForBucket") else {}
        to.ask("create_bucket", Bucket=wish["Bucket"], **place, **locked)
        return str(wish["Bucket"])

    def complete(self, to: Context, identity: str, wish: Wish) -> None:
        """Its tags."""
        if wish.get("tags"):
            to.ask("put_bucket_tagging", Bucket=identity, Tagging={"TagSet": wish["tags"]})

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """The name, when it is ours."""
        return str(wish["Bucket"]) if refused.code == "BucketAlreadyOwnedByYou" else ""

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Whether it is there, and its tags."""
        if missing_is_none(to, "head_bucket", Bucket=identity) is None:
            return None
        return {
            "Bucket": identity,
            "tags": _tags(to, identity),
            "arn": f"arn:aws:s3:::{identity}",
            "domain": f"{identity}.s3.amazonaws.com",
            "regional": f"{identity}.s3.{to.region}.amazonaws.com",
        }

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """Its tags."""
        if wish.get("tags"):
            to.ask("put_bucket_tagging", Bucket=identity, Tagging={"TagSet": wish["tags"]})
        elif live.get("tags"):
            to.ask("delete_bucket_tagging", Bucket=identity)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:
        """With `forceDestroy`, all objects first, in every version."""
        if state.get("forceDestroy"):
            _empty(to, identity)
        to.ask("delete_bucket", Bucket=identity)


def _tags(to: Context, bucket: str) -> list[dict[str, str]] | None:
    try:
        found: list[dict[str, str]] = to.ask("get_bucket_tagging", Bucket=bucket)["TagSet"]
    except CloudRefused as refused:
        if refused.code == "NoSuchTagSet":
            return None
        raise
    return found


def _empty(to: Context, bucket: str) -> None:
    while True:
        found = to.ask("list_object_versions", Bucket=bucket)
        items = [*(found.get("Versions") or ()), *(found.get("DeleteMarkers") or ())]
        if not items:
            return
        for it in items:
            to.ask("delete_object", Bucket=bucket, Key=it["Key"], VersionId=it["VersionId"])


@dataclass(frozen=True)
class Aspect(Base):
    """One thing that is set of a bucket; the id is the bucket.

    Attributes:
        setter: the operation that sets it, `parameter` is what it sets.
        reader: the operation that reads it, `inside` is its place in the answer.
        remover: the operation that takes it away; empty where `left` is set instead.
    """

    setter: str
    parameter: str
    reader: str
    remover: str = ""
    inside: str = ""
    left: Mapping[str, Any] = field(default_factory=dict)

    def create(self, to: Context, wish: Wish) -> str:
        """One call; what is set is replaced, as the published provider does."""
        to.ask(self.setter, Bucket=wish["Bucket"], **{self.parameter: wish[self.parameter]})
        return str(wish["Bucket"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """One call."""
        found = missing_is_none(to, self.reader, Bucket=identity)
        told = found.get(self.inside) if found and self.inside else found
        return {self.parameter: told, "Bucket": identity} if told else None

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call."""
        to.ask(self.setter, Bucket=identity, **{self.parameter: wish[self.parameter]})

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:
        """One call, unless it shall stay."""
        if state.get("skipDestroy"):
            return
        if self.remover:
            to.ask(self.remover, Bucket=identity)
        else:
            to.ask(self.setter, Bucket=identity, **{self.parameter: dict(self.left)})


@dataclass(frozen=True)
class Objects(Base):
    """Objects, made of an asset or a text; the id is bucket/key."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call; an object that is there is replaced, as the published provider does."""
        body = _content(wish)
        to.ask("put_object", **to.taken("put_object", wish), Body=body)
        return f"{wish['Bucket']}/{wish['Key']}"

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """Its head; its content is as declared when its digest is."""
        bucket, _, key = identity.removeprefix("s3://").partition("/")
        found = missing_is_none(to, "head_object", Bucket=bucket, Key=key)
        if found is None:
            return None
        tag = str(found.get("ETag", "")).strip('"')
        return {
            **found,
            "Bucket": bucket,
            "Key": key,
            "etag": tag,
            "arn": f"arn:aws:s3:::{bucket}/{key}",
            **_as_declared(inputs, tag),
        }

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Put it anew."""
        self.create(to, wish)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call."""
        bucket, _, key = identity.partition("/")
        to.ask("delete_object", Bucket=bucket, Key=key)


def _content(wish: Mapping[str, Any]) -> bytes:
    if wish.get("source"):
        return assets.content(wish["source"])
    if "contentBase64" in wish:
        return base64.b64decode(wish["contentBase64"])
    return str(wish.get("content", "")).encode()


def _as_declared(inputs: Mapping[str, Any], tag: str) -> dict[str, Any]:
    """The declared content, changed where the object is another. An asset that is gone cannot be told."""
    declared = {name: inputs[name] for name in ("source", "content", "contentBase64") if name in inputs}
    try:
        is_it = hashlib.md5(_content(declared), usedforsecurity=False).hexdigest() == tag
    except ProviderError:
        is_it = True
    if is_it or not declared:
        return declared
    other = f"not as declared: {tag}"
    return {
        name: {**it, "hash": other} if isinstance(it, Mapping) else other for name, it in declared.items()
    }


def _one_source(inputs: Mapping[str, Any]) -> Iterator[Fault]:
    given = [name for name in ("source", "content", "contentBase64") if name in inputs]
    if len(given) > 1:
        yield Fault((given[1],), f"{given[0]} says already what the object holds")


def _object(token: str, absent: frozenset[str]) -> Kind:
    return Kind(
        token,
        "s3",
        "put_object",
        {
            "bucket": Property("Bucket", fixed=True, required=True),
            "key": Property("Key", fixed=True, required=True),
            "cacheControl": Property("CacheControl"),
            "content": Property("content", shape=STRING),
            "contentBase64": Property("contentBase64", shape=STRING),
            "contentDisposition": Property("ContentDisposition"),
            "contentEncoding": Property("ContentEncoding"),
            "contentLanguage": Property("ContentLanguage"),
            "contentType": Property("ContentType", computed=True),
            "forceDestroy": Property("forceDestroy", seen="-", shape=FLAG),
            "kmsKeyId": Property("SSEKMSKeyId", computed=True),
            "metadata": Property("Metadata", shape=MapOf(STRING)),
            "serverSideEncryption": Property("ServerSideEncryption", computed=True),
            "source": Property("source", shape=ANY),
            "sourceHash": Property("sourceHash", seen="-", shape=STRING),
            "storageClass": Property("StorageClass", computed=True),
        },
        {"arn": "arn", "versionId": "VersionId", "etag": "etag"},
        Objects(),
        name="key",
        naming=Naming(copied=True),
        unserved=frozenset(
            {
                "acl",
                "bucketKeyEnabled",
                "etag",
                "objectLockLegalHoldStatus",
                "objectLockMode",
                "objectLockRetainUntilDate",
                "tags",
                "websiteRedirect",
            }
        )
        | absent,
        judge=_one_source,
    )


KINDS = (
    Kind(
        "aws:s3/bucket:Bucket",
        "s3",
        "create_bucket",
        {
            "bucket": Property("Bucket", shape=_BUCKET_NAME, fixed=True, required=True),
            "forceDestroy": Property("forceDestroy", seen="-", shape=FLAG, default=False),
            "objectLockEnabled": Property("ObjectLockEnabledForBucket", seen="-", fixed=True),
            "tags": Property("tags", shape=MapOf(STRING), how=pairs()),
        },
        {"arn": "arn", "bucketDomainName": "domain", "bucketRegionalDomainName": "regional"},
        Buckets(),
        late=frozenset({"tags"}),
        name="bucket",
        naming=Naming(longest=63, finish=lambda name, _inputs: name.lower()),
        unserved=frozenset(
            {
                "accelerationStatus",
                "acl",
                "bucketNamespace",
                "bucketPrefix",
                "corsRules",
                "grants",
                "lifecycleRules",
                "logging",
                "objectLockConfiguration",
                "policy",
                "replicationConfiguration",
                "requestPayer",
                "serverSideEncryptionConfiguration",
                "versioning",
                "website",
            }
        ),
    ),
    Kind(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "s3",
        "put_public_access_block",
        {
            "bucket": Property("Bucket", fixed=True, required=True),
            **{
                name: Property(f"PublicAccessBlockConfiguration.{member}", default=False)
                for name, member in (
                    ("blockPublicAcls", "BlockPublicAcls"),
                    ("blockPublicPolicy", "BlockPublicPolicy"),
                    ("ignorePublicAcls", "IgnorePublicAcls"),
                    ("restrictPublicBuckets", "RestrictPublicBuckets"),
                )
            },
            "skipDestroy": Property("skipDestroy", seen="-", shape=FLAG),
        },
        {},
        Aspect(
            "put_public_access_block",
            "PublicAccessBlockConfiguration",
            "get_public_access_block",
            "delete_public_access_block",
            "PublicAccessBlockConfiguration",
        ),
        name="",
    ),
    Kind(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "s3",
        "put_bucket_encryption",
        {
            "bucket": Property("Bucket", fixed=True, required=True),
            "rules": Property("ServerSideEncryptionConfiguration.Rules", required=True),
        },
        {},
        Aspect(
            "put_bucket_encryption",
            "ServerSideEncryptionConfiguration",
            "get_bucket_encryption",
            "delete_bucket_encryption",
            "ServerSideEncryptionConfiguration",
        ),
        name="",
        renamed={
            "rules[].applyServerSideEncryptionByDefault.SSEAlgorithm": "sseAlgorithm",
            "rules[].applyServerSideEncryptionByDefault.KMSMasterKeyID": "kmsMasterKeyId",
        },
        unserved=frozenset({"expectedBucketOwner", "rules[].blockedEncryptionTypes"}),
    ),
    Kind(
        "aws:s3/bucketVersioning:BucketVersioning",
        "s3",
        "put_bucket_versioning",
        {
            "bucket": Property("Bucket", fixed=True, required=True),
            "versioningConfiguration": Property("VersioningConfiguration", required=True),
        },
        {},
        Aspect(
            "put_bucket_versioning",
            "VersioningConfiguration",
            "get_bucket_versioning",
            left={"Status": "Suspended"},
        ),
        name="",
        renamed={"versioningConfiguration.MFADelete": "mfaDelete"},
        demanded=frozenset({"versioningConfiguration.status"}),
        unserved=frozenset({"expectedBucketOwner", "mfa"}),
    ),
    _object("aws:s3/bucketObject:BucketObject", frozenset()),
    _object("aws:s3/bucketObjectv2:BucketObjectv2", frozenset({"checksumAlgorithm", "overrideProvider"})),
)
