"""Detect's custom metrics and dimensions, kept.

Operations of botocore's iot 2015-05-28. Names of custom metrics do not begin with `aws:`; the token of a
request makes its repetition harmless, and the same name with another token is taken.
"""

from collections.abc import Callable

from localcloud.aws.api import Operation, Params, for_anyone
from localcloud.aws.iot.named import Named, Noun, subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place

_METRIC = Noun("aws-custom-metric", "Custom metric", "custommetric")
_DIMENSION = Noun("aws-dimension", "Dimension", "dimension")
_METRIC_SHOWN = (
    "metricName",
    "metricArn",
    "metricType",
    "displayName",
    "creationDate",
    "lastModifiedDate",
)
_DIMENSION_SHOWN = ("name", "arn", "type", "stringValues", "creationDate", "lastModifiedDate")


class Metrics:
    """Custom metrics and dimensions. `users_of` gives the security profiles that name one."""

    def __init__(self, place: Place, tags: Tags) -> None:
        self._metrics = Named(place, tags, _METRIC)
        self._dimensions = Named(place, tags, _DIMENSION)
        self.users_of: Callable[[str], list[str]] = lambda _name: []

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "CreateCustomMetric": self._create_metric,
                "UpdateCustomMetric": self._update_metric,
                "DescribeCustomMetric": self._describe_metric,
                "ListCustomMetrics": self._list_metrics,
                "DeleteCustomMetric": self._delete_metric,
                "CreateDimension": self._create_dimension,
                "UpdateDimension": self._update_dimension,
                "DescribeDimension": self._describe_dimension,
                "ListDimensions": self._list_dimensions,
                "DeleteDimension": self._delete_dimension,
            }
        )

    def type_of(self, name: str) -> str | None:
        """A custom metric's type; None for no such metric."""
        known = self._metrics.find(name)
        return str(known["metricType"]) if known else None

    def has_dimension(self, name: str) -> bool:
        """Whether there is such a dimension."""
        return self._dimensions.find(name) is not None

    def _create_metric(self, params: Params) -> Params:
        name = params["metricName"]
        if name.startswith("aws:"):
            raise invalid("The name of a custom metric does not begin with aws:.")
        known = self._metrics.find(name)
        if known is None or known["token"] != params["clientRequestToken"]:
            document = {
                "metricArn": self._metrics.arn(name),
                "token": params["clientRequestToken"],
                **subset(params, ("metricName", "metricType", "displayName")),
            }
            known = self._metrics.create(name, document, params.get("tags", []))
        return subset(known, ("metricName", "metricArn"))

    def _update_metric(self, params: Params) -> Params:
        changed = self._metrics.update(params["metricName"], {"displayName": params["displayName"]})
        return subset(changed, _METRIC_SHOWN)

    def _describe_metric(self, params: Params) -> Params:
        return subset(self._metrics.get(params["metricName"]), _METRIC_SHOWN)

    def _list_metrics(self, params: Params) -> Params:
        return page("metricNames", [str(it["metricName"]) for it in self._metrics.all()], str, params)

    def _delete_metric(self, params: Params) -> Params:
        self._check_unused(params["metricName"])
        self._metrics.delete(params["metricName"])
        return {}

    def _create_dimension(self, params: Params) -> Params:
        name = params["name"]
        known = self._dimensions.find(name)
        if known is None or known["token"] != params["clientRequestToken"]:
            document = {
                "arn": self._dimensions.arn(name),
                "token": params["clientRequestToken"],
                **subset(params, ("name", "type", "stringValues")),
            }
            known = self._dimensions.create(name, document, params.get("tags", []))
        return subset(known, ("name", "arn"))

    def _update_dimension(self, params: Params) -> Params:
        changed = self._dimensions.update(params["name"], {"stringValues": params["stringValues"]})
        return subset(changed, _DIMENSION_SHOWN)

    def _describe_dimension(self, params: Params) -> Params:
        return subset(self._dimensions.get(params["name"]), _DIMENSION_SHOWN)

    def _list_dimensions(self, params: Params) -> Params:
        return page("dimensionNames", [str(it["name"]) for it in self._dimensions.all()], str, params)

    def _delete_dimension(self, params: Params) -> Params:
        self._check_unused(params["name"])
        self._dimensions.delete(params["name"])
        return {}

    def _check_unused(self, name: str) -> None:
        users = self.users_of(name)
        if users:
            raise invalid(f"{name} is used by the security profiles {', '.join(users)}.")
