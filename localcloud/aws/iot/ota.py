"""OTA updates: files that are signed, as a job whose document FreeRTOS' OTA agents read.

Operations of botocore's iot 2015-05-28. The job is `AFR_OTA-{id}`; the document is the one that the agents
parse (`afr_ota`: protocols, streamname, files with filepath, filesize, fileid, certfile, a signature, and for
HTTP update_data_url and auth_scheme; FreeRTOS/FreeRTOS, aws/ota-for-aws-iot-embedded-sdk). An update is
complete before the call that makes it answers. Signing by AWS Signer is not served: signatures are given.
"""

import base64
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.calls import Calls
from localcloud.aws.iot.named import Named, Noun, subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.streams import Streams
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place
from localcloud.aws.roles import RoleRefused, Roles
from localcloud.store import Document

_NOUN = Noun("aws-ota-update", "OTA update", "otaupdate")
_JOB = "AFR_OTA-"
_LONGEST_JOB_ID = 64
_PRESIGNED_SECONDS = 1800
_KEPT = ("otaUpdateId", "description", "targets", "protocols", "targetSelection", "additionalParameters")
_CONFIGS = {
    "awsJobExecutionsRolloutConfig": "jobExecutionsRolloutConfig",
    "awsJobTimeoutConfig": "timeoutConfig",
}
_SHOWN = (
    *_KEPT,
    "otaUpdateArn",
    "awsJobExecutionsRolloutConfig",
    "awsJobPresignedUrlConfig",
    "otaUpdateFiles",
    "otaUpdateStatus",
    "awsIotJobId",
    "awsIotJobArn",
    "creationDate",
    "lastModifiedDate",
)
CreateJob = Callable[[Params], Awaitable[Params]]
DeleteJob = Callable[[str, bool], None]


class OtaUpdates:
    """Updates by id; `create_job` and `delete_job` are the jobs'."""

    def __init__(
        self,
        place: Place,
        tags: Tags,
        streams: Streams,
        create_job: CreateJob,
        delete_job: DeleteJob,
        roles: Roles,
        calls: Calls,
    ) -> None:
        self._place = place
        self._streams = streams
        self._create_job = create_job
        self._delete_job = delete_job
        self._roles = roles
        self._calls = calls
        self._kept = Named(place, tags, _NOUN)
        streams.users_of = self._users_of

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return {
            "CreateOTAUpdate": lambda _caller, params: self._create(params),
            **for_anyone(
                {
                    "GetOTAUpdate": self._get,
                    "ListOTAUpdates": self._list,
                    "DeleteOTAUpdate": self._delete,
                }
            ),
        }

    async def _create(self, params: Params) -> Params:
        update_id = params["otaUpdateId"]
        if len(f"{_JOB}{update_id}") > _LONGEST_JOB_ID:
            raise invalid(f"otaUpdateId is too long for a job's id: {_LONGEST_JOB_ID} with {_JOB} before it.")
        if self._kept.find(update_id) is not None:
            raise ApiError("ResourceAlreadyExistsException", f"OTA update {update_id} already exists.")
        for file in params["files"]:
            _check(file)
        places = [self._place_of(file) for file in params["files"]]
        sizes = [await self._size(params["roleArn"], it) for it in places]
        protocols = params.get("protocols", ["MQTT"])
        stream_id = f"{_JOB}{uuid.uuid4()}" if "MQTT" in protocols else None
        if stream_id:
            files = [{"fileId": n, "s3Location": it} for n, it in enumerate(places)]
            self._streams.create({"streamId": stream_id, "files": files, "roleArn": params["roleArn"]})
        document = _document(params["files"], places, sizes, protocols, stream_id)
        job = await self._job(params, document, stream_id)
        kept = {
            **subset(params, (*_KEPT, *_CONFIGS, "awsJobPresignedUrlConfig")),
            "protocols": protocols,
            "otaUpdateArn": self._kept.arn(update_id),
            "otaUpdateFiles": [_plain(it) for it in params["files"]],
            "otaUpdateStatus": "CREATE_COMPLETE",
            "awsIotJobId": job["jobId"],
            "awsIotJobArn": job["jobArn"],
            "stream": stream_id,
        }
        made = self._kept.create(update_id, kept, params.get("tags", []))
        told = ("otaUpdateId", "awsIotJobId", "otaUpdateArn", "awsIotJobArn", "otaUpdateStatus")
        return subset(made, told)

    async def _job(self, params: Params, document: Params, stream_id: str | None) -> Params:
        """The job, whose configuration the update's is. Nothing stays when it is refused."""
        wanted: Params = {
            "jobId": f"{_JOB}{params['otaUpdateId']}",
            "targets": params["targets"],
            "document": json.dumps(document),
            "targetSelection": params.get("targetSelection", "SNAPSHOT"),
            **{job: params[ota] for ota, job in _CONFIGS.items() if ota in params},
        }
        seconds = params.get("awsJobPresignedUrlConfig", {}).get("expiresInSec", _PRESIGNED_SECONDS)
        wanted["presignedUrlConfig"] = {"roleArn": params["roleArn"], "expiresInSec": seconds}
        if "awsJobAbortConfig" in params:
            wanted["abortConfig"] = {"criteriaList": params["awsJobAbortConfig"]["abortCriteriaList"]}
        try:
            return await self._create_job(wanted)
        except ApiError:
            if stream_id:
                self._streams.remove(stream_id)
            raise

    def _place_of(self, file: Params) -> dict[str, str]:
        location = file["fileLocation"]
        if "s3Location" in location:
            return dict(location["s3Location"])
        stream = self._streams.require(location["stream"]["streamId"])
        wanted = location["stream"].get("fileId")
        found = next((it["s3Location"] for it in stream["files"] if it["fileId"] == wanted), None)
        if found is None:
            raise invalid(f"Stream {stream['streamId']} has no file {wanted}.")
        return dict(found)

    async def _size(self, role_arn: str, place: dict[str, str]) -> int:
        """Bytes of a file that the update's role may read. Raises ApiError."""
        arn = f"arn:aws:s3:::{place['bucket']}/{place['key']}"
        try:
            await self._roles.require(role_arn, "s3:GetObject", arn, source_arn=self._place.arn(""))
            named = {"Bucket": place["bucket"], "Key": place["key"]}
            found = await self._calls.call("s3", "head_object", **named)
        except (RoleRefused, ApiError) as refused:
            raise invalid(f"{arn} cannot be read: {refused}") from refused
        return int(found["ContentLength"])

    def _get(self, params: Params) -> Params:
        known = self._kept.get(params["otaUpdateId"])
        files = [_with_bytes(it) for it in known["otaUpdateFiles"]]
        return {"otaUpdateInfo": {**subset(known, _SHOWN), "otaUpdateFiles": files}}

    def _list(self, params: Params) -> Params:
        wanted = params.get("otaUpdateStatus")
        members = ("otaUpdateId", "otaUpdateArn", "creationDate")
        found = [subset(it, members) for it in self._kept.all() if wanted in (None, it["otaUpdateStatus"])]
        return page("otaUpdates", found, lambda it: str(it["otaUpdateId"]), params)

    def _delete(self, params: Params) -> Params:
        known = self._kept.get(params["otaUpdateId"])
        with self._place.store.transaction():
            self._delete_job(known["awsIotJobId"], params.get("forceDeleteAWSJob", False))
            self._kept.remove(known["otaUpdateId"])
            if params.get("deleteStream") and known.get("stream"):
                self._streams.remove(known["stream"])
        return {}

    def _users_of(self, stream_id: str) -> list[str]:
        return [str(it["otaUpdateId"]) for it in self._kept.all() if it.get("stream") == stream_id]


def _check(file: Params) -> None:
    """A name, one place, and a signature that is given. Raises ApiError."""
    if not file.get("fileName"):
        raise invalid("Every file of an update has a fileName.")
    location = file.get("fileLocation", {})
    if len(location) != 1:
        raise invalid("fileLocation has one of stream and s3Location.")
    if not {"bucket", "key"} <= set(location.get("s3Location", {"bucket": "", "key": ""})):
        raise invalid("s3Location has a bucket and a key.")
    if not {"streamId", "fileId"} <= set(location.get("stream", {"streamId": "", "fileId": 0})):
        raise invalid("stream has a streamId and a fileId.")
    signing = file.get("codeSigning", {})
    for name in ("awsSignerJobId", "startSigningJobParameter"):
        if name in signing:
            raise invalid(f"{name}: AWS Signer is not served by the local cloud; give customCodeSigning.")
    custom = signing.get("customCodeSigning")
    members = {"signature", "certificateChain", "hashAlgorithm", "signatureAlgorithm"}
    if custom is not None and not members <= set(custom):
        raise invalid(f"customCodeSigning has {', '.join(sorted(members))}.")
    if custom is not None and "inlineDocument" not in custom["signature"]:
        raise invalid("The signature of customCodeSigning has an inlineDocument.")


def _document(
    files: list[Params],
    places: list[dict[str, str]],
    sizes: list[int],
    protocols: list[str],
    stream_id: str | None,
) -> Params:
    """What the device reads."""
    listed: list[dict[str, Any]] = []
    for number, (file, place, size) in enumerate(zip(files, places, sizes, strict=True)):
        entry: dict[str, Any] = {"filepath": file["fileName"], "filesize": size, "fileid": number}
        if "fileType" in file:
            entry["fileType"] = file["fileType"]
        if "HTTP" in protocols:
            url = f"https://{place['bucket']}.s3.amazonaws.com/{place['key']}"
            entry["update_data_url"] = f"${{aws:iot:s3-presigned-url:{url}}}"
            entry["auth_scheme"] = "aws.s3.presigned"
        listed.append({**entry, **_signature(file), **file.get("attributes", {})})
    body: dict[str, Any] = {"protocols": protocols, "files": listed}
    return {"afr_ota": {**body, "streamname": stream_id} if stream_id else body}


def _signature(file: Params) -> dict[str, str]:
    custom = file.get("codeSigning", {}).get("customCodeSigning")
    if custom is None:
        return {}
    name = f"sig-{custom['hashAlgorithm']}-{custom['signatureAlgorithm']}".lower()
    signature = base64.b64encode(custom["signature"]["inlineDocument"]).decode()
    return {"certfile": custom["certificateChain"].get("certificateName", ""), name: signature}


def _plain(file: Params) -> Document:
    """As the store keeps it: bytes as base64."""
    kept: Document = json.loads(json.dumps(file, default=lambda it: base64.b64encode(it).decode()))
    return kept


def _with_bytes(file: Document) -> Params:
    """As the service shows it."""
    custom = file.get("codeSigning", {}).get("customCodeSigning")
    if custom is None:
        return file
    signature = {"inlineDocument": base64.b64decode(custom["signature"]["inlineDocument"])}
    return {**file, "codeSigning": {"customCodeSigning": {**custom, "signature": signature}}}
