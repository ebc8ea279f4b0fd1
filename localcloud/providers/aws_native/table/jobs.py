"""Jobs, and templates of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.aws_native.table.audit import TAGS
from localcloud.providers.boto.calls import Plain, Wish, missing_is_none
from localcloud.providers.boto.codecs import document
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.errors import CloudRefused

_ENDED = ("COMPLETED", "CANCELED")


@dataclass(frozen=True)
class Jobs(Plain):
    """Jobs: their document is told by another call, and one that runs is cancelled before it goes."""

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """With its document."""
        found = missing_is_none(to, "describe_job", jobId=identity)
        if found is None:
            return None
        text = to.ask("get_job_document", jobId=identity).get("document")
        source = {"documentSource": found["documentSource"]} if found.get("documentSource") else {}
        return {**found["job"], "document": text, **source}

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Cancel it, then delete it."""
        found = missing_is_none(to, "describe_job", jobId=identity)
        if found is None:
            return
        if found["job"].get("status") not in _ENDED:
            self._cancel(to, identity)
        to.ask("delete_job", jobId=identity, force=True)

    def _cancel(self, to: Context, identity: str) -> None:
        """It may end by itself in between."""
        try:
            to.ask("cancel_job", jobId=identity, force=True)
        except CloudRefused as refused:
            if refused.code != "InvalidStateTransitionException":
                raise


def _fixed(name: str, *, required: bool = False, computed: bool = False) -> Property:
    return Property(name, fixed=True, required=required, computed=computed)


@dataclass(frozen=True)
class Templates(Plain):
    """Templates of jobs; nothing of one changes in place."""

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """Nothing."""


KINDS = (
    Kind(
        "aws-native:iot:Job",
        "iot",
        "create_job",
        {
            "jobId": own("jobId"),
            "abortConfig": Property("abortConfig"),
            "description": Property("description"),
            "destinationPackageVersions": _fixed("destinationPackageVersions"),
            "document": Property("document", how=document, fixed=True, computed=True),
            "documentParameters": _fixed("documentParameters"),
            "documentSource": _fixed("documentSource"),
            "jobExecutionsRetryConfig": _fixed("jobExecutionsRetryConfig"),
            "jobExecutionsRolloutConfig": Property("jobExecutionsRolloutConfig", computed=True),
            "jobTemplateArn": _fixed("jobTemplateArn"),
            "presignedUrlConfig": Property("presignedUrlConfig", computed=True),
            "schedulingConfig": _fixed("schedulingConfig"),
            "tags": TAGS,
            "targetSelection": _fixed("targetSelection", computed=True),
            "targets": _fixed("targets", required=True),
            "timeoutConfig": Property("timeoutConfig", computed=True),
        },
        {"arn": "jobArn", "createdAt": "createdAt"},
        Jobs("jobId", "create_job", "describe_job", "update_job"),
        name="",
        tagging=Tagging("jobArn"),
        sets=frozenset({"targets"}),
        is_regional=False,
    ),
    Kind(
        "aws-native:iot:JobTemplate",
        "iot",
        "create_job_template",
        {
            "jobTemplateId": own("jobTemplateId"),
            "abortConfig": _fixed("abortConfig"),
            "description": _fixed("description", required=True),
            "destinationPackageVersions": _fixed("destinationPackageVersions"),
            "document": Property("document", how=document, fixed=True, computed=True),
            "documentSource": _fixed("documentSource"),
            "jobArn": Property("jobArn", seen="-", fixed=True),
            "jobExecutionsRetryConfig": _fixed("jobExecutionsRetryConfig"),
            "jobExecutionsRolloutConfig": _fixed("jobExecutionsRolloutConfig", computed=True),
            "maintenanceWindows": _fixed("maintenanceWindows"),
            "presignedUrlConfig": _fixed("presignedUrlConfig", computed=True),
            "tags": Property("tags", how=TAGS.how, seen="-", fixed=True),
            "timeoutConfig": _fixed("timeoutConfig", computed=True),
        },
        {"arn": "jobTemplateArn"},
        Templates("jobTemplateId", "create_job_template", "describe_job_template", "", "delete_job_template"),
        name="",
        demanded=frozenset(
            {"presignedUrlConfig.roleArn", "timeoutConfig.inProgressTimeoutInMinutes"},
        ),
        renamed={
            "jobExecutionsRetryConfig.criteriaList": "retryCriteriaList",
            "jobExecutionsRolloutConfig.exponentialRate": "exponentialRolloutRate",
        },
        is_regional=False,
    ),
)
