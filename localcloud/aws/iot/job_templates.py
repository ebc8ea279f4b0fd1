"""Templates of jobs: what CreateJob takes when it names one.

Operations of botocore's iot 2015-05-28; docs.aws.amazon.com/iot/latest/developerguide/job-templates-cli.html.
What a call of CreateJob says itself comes before the template's configurations; a document beside a template
is refused, as the guide does not say which would hold. A document in S3 is read again for every job. Not
served, and refused by name: AWS' managed templates, maintenance windows, package versions.
"""

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.iot.jobs import CONFIGS, Jobs
from localcloud.aws.iot.named import Named, Noun, subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place

_NOUN = Noun("aws-job-template", "Job template", "jobtemplate")
_IDENTITY = ("jobTemplateArn", "jobTemplateId")
_SUMMARY = (*_IDENTITY, "description", "createdAt")
_JOB = ("document", "documentSource", *CONFIGS)
_SOURCES = ("jobArn", "document", "documentSource")


class JobTemplates:
    """Templates by id; nothing of one changes."""

    def __init__(self, place: Place, tags: Tags, jobs: Jobs) -> None:
        self._place = place
        self._jobs = jobs
        self._kept = Named(place, tags, _NOUN)
        jobs.template_of = self._for_job

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return {
            "CreateJobTemplate": lambda _caller, params: self._create(params),
            **for_anyone(
                {
                    "DescribeJobTemplate": lambda it: self._shown(it["jobTemplateId"]),
                    "ListJobTemplates": self._list,
                    "DeleteJobTemplate": self._delete,
                }
            ),
        }

    async def _create(self, params: Params) -> Params:
        name = params["jobTemplateId"]
        if self._kept.find(name) is not None:
            raise ApiError("ConflictException", f"Job template {name} already exists.", resourceId=name)
        if len(set(_SOURCES) & set(params)) != 1:
            raise invalid(f"A job template has one of {', '.join(_SOURCES)}.")
        wanted = {**self._of_job(params), **params}
        await self._jobs.check(wanted)
        kept = {
            **subset(wanted, ("jobTemplateId", "description", *_JOB)),
            "jobTemplateArn": self._kept.arn(name),
            "createdAt": self._place.now(),
        }
        return subset(self._kept.create(name, kept, params.get("tags", [])), _IDENTITY)

    def _of_job(self, params: Params) -> Params:
        """What a template takes over from the job that it is made from. Raises ApiError."""
        if "jobArn" not in params:
            return {}
        kind, _, job_id = (self._place.resource(params["jobArn"]) or "").partition("/")
        if kind != "job":
            raise invalid(f"{params['jobArn']} is no ARN of a job in this account.")
        return subset(self._jobs.require(job_id), ("document", *CONFIGS))

    def _for_job(self, arn: str) -> Params:
        """What CreateJob takes from the template. Raises ApiError."""
        kind, _, name = (self._place.resource(arn) or "").partition("/")
        if kind != _NOUN.path:
            raise invalid(f"{arn} is no ARN of a job template in this account; AWS' own are not served.")
        return subset(self._kept.get(name), _JOB)

    def _shown(self, name: str) -> Params:
        return subset(self._kept.get(name), (*_SUMMARY, *_JOB))

    def _list(self, params: Params) -> Params:
        found = [subset(it, _SUMMARY) for it in self._kept.all()]
        return page("jobTemplates", found, lambda it: str(it["jobTemplateId"]), params)

    def _delete(self, params: Params) -> Params:
        self._kept.remove(params["jobTemplateId"])
        return {}
