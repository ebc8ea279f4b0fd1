"""What bodies of the service API 2021-04-12 may hold, as azure-iot-hub 2.7.0 publishes it."""

from localcloud.azure.shapes import Choice, Kind, ListOf, MapOf, Member, Scalar, Shape

_TEXT, _COUNT, _FREE = Scalar("str"), Scalar("int"), MapOf(Scalar("any"))
_SCOPE = Scalar("str?")


def _shape(name: str, members: dict[str, Kind], read_only: tuple[str, ...] = ()) -> Shape:
    written = {key: Member(kind) for key, kind in members.items()}
    return Shape(name, {**written, **{key: Member(Scalar("any"), read_only=True) for key in read_only}})


_READ_ONLY = (
    "generationId",
    "etag",
    "connectionState",
    "connectionStateUpdatedTime",
    "statusUpdatedTime",
    "lastActivityTime",
    "cloudToDeviceMessageCount",
)
_AUTHENTICATION = _shape(
    "AuthenticationMechanism",
    {
        "type": Choice(("sas", "selfSigned", "certificateAuthority", "none")),
        "symmetricKey": _shape("SymmetricKey", {"primaryKey": _TEXT, "secondaryKey": _TEXT}),
        "x509Thumbprint": _shape(
            "X509Thumbprint", {"primaryThumbprint": _TEXT, "secondaryThumbprint": _TEXT}
        ),
    },
)
_CAPABILITIES = _shape("DeviceCapabilities", {"iotEdge": Scalar("bool")})
_STATUS = {
    "status": Member(Choice(("enabled", "disabled"))),
    "statusReason": Member(_TEXT, limits={"max_length": 128}),
}
_PROPERTIES = _shape("PropertyContainer", {"desired": _FREE, "reported": _FREE})

DEVICE = Shape(
    "Device",
    {
        **_shape(
            "",
            {
                "authentication": _AUTHENTICATION,
                "capabilities": _CAPABILITIES,
                "deviceScope": _SCOPE,
                "parentScopes": ListOf(_TEXT),
            },
            _READ_ONLY,
        ).members,
        **_STATUS,
        "deviceId": Member(_TEXT, required=True),
    },
)
MODULE = Shape(
    "Module",
    {
        **_shape("", {"authentication": _AUTHENTICATION, "managedBy": _TEXT}, _READ_ONLY).members,
        "deviceId": Member(_TEXT),
        "moduleId": Member(_TEXT, required=True),
    },
)
IMPORT_MODES = (
    "create",
    "update",
    "updateIfMatchETag",
    "delete",
    "deleteIfMatchETag",
    "updateTwin",
    "updateTwinIfMatchETag",
)
IMPORTED = Shape(
    "ExportImportDevice",
    {
        **_shape(
            "",
            {
                "moduleId": _TEXT,
                "eTag": _TEXT,
                "importMode": Choice(IMPORT_MODES),
                "authentication": _AUTHENTICATION,
                "twinETag": _TEXT,
                "tags": _FREE,
                "properties": _PROPERTIES,
                "capabilities": _CAPABILITIES,
                "managedBy": _TEXT,
                "deviceScope": _SCOPE,
                "parentScopes": ListOf(_TEXT),
            },
        ).members,
        **_STATUS,
        "id": Member(_TEXT, required=True),
    },
)
METHOD = Shape(
    "CloudToDeviceMethod",
    {
        "methodName": Member(_TEXT, required=True, limits={"min_length": 1, "max_length": 100}),
        "payload": Member(Scalar("any")),
        "responseTimeoutInSeconds": Member(_COUNT, limits={"minimum": 5, "maximum": 300}),
        "connectTimeoutInSeconds": Member(_COUNT, limits={"minimum": 0, "maximum": 300}),
    },
)
QUERY = _shape("QuerySpecification", {"query": _TEXT})
TEST_QUERIES = _shape(
    "ConfigurationQueriesTestInput", {"targetCondition": _TEXT, "customMetricQueries": MapOf(_TEXT)}
)
