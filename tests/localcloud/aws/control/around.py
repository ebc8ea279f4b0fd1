"""What stands around AWS IoT in these tests: IAM with roles of one's own making, SNS and S3 that remember."""

from typing import Any

from localcloud.aws.api import ApiError

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "iot.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": "111122223333"},
                "ArnLike": {"aws:SourceArn": "arn:aws:iot:eu-west-1:111122223333:*"},
            },
        }
    ],
}


class Around:
    """In the emulator's place: `call` is what AWS IoT calls."""

    def __init__(self) -> None:
        self.roles: dict[str, dict[str, Any]] = {}
        self.objects: dict[tuple[str, str], bytes] = {}
        self.published: list[dict[str, Any]] = []

    def add_role(self, name: str, *actions: str, resource: str = "*") -> str:
        """A role that trusts AWS IoT, and may do this; its ARN."""
        statement = {"Effect": "Allow", "Action": list(actions) or ["none:none"], "Resource": resource}
        self.roles[name] = {"Version": "2012-10-17", "Statement": [statement]}
        return f"arn:aws:iam::111122223333:role/{name}"

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """As `Emulator.call`."""
        handler = getattr(self, f"_{service}_{operation.lower().replace('_', '')}")
        found: dict[str, Any] = handler(params)
        return found

    def _iam_getrole(self, params: dict[str, Any]) -> dict[str, Any]:
        self._role(params)
        return {"Role": {"AssumeRolePolicyDocument": TRUST}}

    def _iam_listrolepolicies(self, params: dict[str, Any]) -> dict[str, Any]:
        self._role(params)
        return {"PolicyNames": ["inline"]}

    def _iam_getrolepolicy(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"PolicyDocument": self._role(params)}

    def _iam_listattachedrolepolicies(self, params: dict[str, Any]) -> dict[str, Any]:
        self._role(params)
        return {"AttachedPolicies": []}

    def _sns_publish(self, params: dict[str, Any]) -> dict[str, Any]:
        self.published.append(params)
        return {"MessageId": "1"}

    def _s3_getobject(self, params: dict[str, Any]) -> dict[str, Any]:
        found = self.objects.get((params["Bucket"], params["Key"]))
        if found is None:
            raise ApiError("NoSuchKey", "The specified key does not exist.", 404)
        return {"Body": found}

    def _s3_headobject(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"ContentLength": len(self._s3_getobject(params)["Body"])}

    def _s3_putobject(self, params: dict[str, Any]) -> dict[str, Any]:
        self.objects[params["Bucket"], params["Key"]] = params["Body"]
        return {}

    def _s3_createbucket(self, _params: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _lambda_getpolicy(self, _params: dict[str, Any]) -> dict[str, Any]:
        raise ApiError("ResourceNotFoundException", "There is no such function.", 404)

    def _role(self, params: dict[str, Any]) -> dict[str, Any]:
        found = self.roles.get(params["RoleName"])
        if found is None:
            raise ApiError("NoSuchEntity", "There is no such role.", 404)
        return found
