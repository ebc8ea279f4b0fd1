"""A function app for custom allocation: its storage, its package, its identity, its plan, itself, its key."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import pulumi
from pulumi_azure_native import managedidentity, storage, web

from components.azure import roles
from components.azure.allocation_function import packaging
from components.azure.routing_targets import StorageAccountArgs, storage_account

PYTHON = "3.11"
"""Version that the functions run on."""
_PACKAGES = Path(".muster") / "functions"
"""Where packages are kept in the project, under the hash of their content."""
_CONTAINER = "packages"


class AllocationFunctionArgs(TypedDict):
    """Arguments of AllocationFunction."""

    resource_group_name: pulumi.Input[str]
    app_name: str
    """The name in Azure, the same nowhere else in the world."""
    location: str
    files: Mapping[str, bytes]
    """The project by path: host.json, function_app.py (Python, programming model v2) and so on."""
    tags: Mapping[str, str]


class AllocationFunction(pulumi.ComponentResource):
    """A Python function app over HTTPS alone, on a consumption plan, run from a package in a storage account.

    The app reads its package, and keeps its own state, by a user-assigned identity
    (`AzureWebJobsStorage__accountName`, "Use identity-based connections", and
    `WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID`, "Run your functions from a package file in Azure",
    learn.microsoft.com). The account is its own, for two reasons: the role that the Functions host needs,
    Storage Blob Data Owner, is on the whole account; and azure-native puts blobs there with the account's key
    (pulumi/pulumi-azure-native issue 2015), so it must take keys. No key is in the program, its state or the
    app's settings. Nothing is built in Azure: a package with libraries carries them in
    `.python_packages/lib/site-packages`. API 2025-05-01 of Microsoft.Web.
    """

    app_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: AllocationFunctionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:azure:AllocationFunction", name, {}, opts)
        self._opts = pulumi.ResourceOptions(parent=self)
        identity = self._identity(name, args)
        account = storage_account(f"{name}-storage", _account(args), self._opts)
        rights = self._rights(name, args, identity, account)
        package = self._package(name, args, account)
        app = self._app(name, args, _settings(identity, account, package), identity, rights)
        self.app_id = app.id
        self._host = app.default_host_name
        self._key = _host_key(args["resource_group_name"], app)
        self.register_outputs({"appId": self.app_id})

    def webhook_url(self, function: str) -> pulumi.Output[str]:
        """Where DPS asks a function of the app, by its route. A secret: the key is part of it."""
        return pulumi.Output.secret(
            pulumi.Output.format("https://{}/api/{}?code={}", self._host, function, self._key)
        )

    def _identity(self, name: str, args: AllocationFunctionArgs) -> "managedidentity.UserAssignedIdentity":
        return managedidentity.UserAssignedIdentity(
            f"{name}-identity",
            resource_group_name=args["resource_group_name"],
            resource_name_=f"{args['app_name']}-identity",
            location=args["location"],
            tags=args["tags"],
            opts=self._opts,
        )

    def _rights(
        self,
        name: str,
        args: AllocationFunctionArgs,
        identity: "managedidentity.UserAssignedIdentity",
        account: "storage.StorageAccount",
    ) -> list[pulumi.Resource]:
        right = roles.assign(
            f"{name}-storage-role",
            roles.STORAGE_BLOB_DATA_OWNER,
            to=identity.principal_id,
            on=account.id,
            key=(args["app_name"], "storage"),
            opts=self._opts,
        )
        return [right]

    def _package(
        self, name: str, args: AllocationFunctionArgs, account: "storage.StorageAccount"
    ) -> "storage.Blob":
        file = packaging.write(args["files"], _PACKAGES)
        container = storage.BlobContainer(
            f"{name}-packages",
            resource_group_name=args["resource_group_name"],
            account_name=account.name,
            container_name=_CONTAINER,
            public_access=storage.PublicAccess.NONE,
            opts=self._opts,
        )
        return storage.Blob(
            f"{name}-package",
            resource_group_name=args["resource_group_name"],
            account_name=account.name,
            container_name=container.name,
            blob_name=file.name,
            content_type="application/zip",
            source=pulumi.FileAsset(str(file)),
            opts=self._opts,
        )

    def _app(
        self,
        name: str,
        args: AllocationFunctionArgs,
        settings: Mapping[str, pulumi.Input[str]],
        identity: "managedidentity.UserAssignedIdentity",
        rights: list[pulumi.Resource],
    ) -> "web.WebApp":
        plan = web.AppServicePlan(
            f"{name}-plan",
            resource_group_name=args["resource_group_name"],
            name=f"{args['app_name']}-plan",
            location=args["location"],
            kind="linux",
            reserved=True,
            sku=web.SkuDescriptionArgs(name="Y1", tier="Dynamic"),
            tags=args["tags"],
            opts=self._opts,
        )
        return web.WebApp(
            f"{name}-app",
            resource_group_name=args["resource_group_name"],
            name=args["app_name"],
            location=args["location"],
            kind="functionapp,linux",
            reserved=True,
            server_farm_id=plan.id,
            https_only=True,
            identity=web.ManagedServiceIdentityArgs(
                type=web.ManagedServiceIdentityType.USER_ASSIGNED, user_assigned_identities=[identity.id]
            ),
            site_config=_site(settings),
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=rights),
        )


def _account(args: AllocationFunctionArgs) -> StorageAccountArgs:
    return {
        "resource_group_name": args["resource_group_name"],
        "account_name": account_name(args["app_name"]),
        "location": args["location"],
        "keys": True,
        "tags": args["tags"],
    }


def account_name(app_name: str) -> str:
    """A storage account's name from the app's, which is unique in the world: 3 to 24 letters and digits."""
    letters = "".join(letter for letter in app_name.lower() if letter.isalnum())
    return letters[:16] + hashlib.sha256(app_name.lower().encode()).hexdigest()[:8]


def _settings(
    identity: "managedidentity.UserAssignedIdentity",
    account: "storage.StorageAccount",
    package: "storage.Blob",
) -> dict[str, pulumi.Input[str]]:
    return {
        "FUNCTIONS_EXTENSION_VERSION": "~4",
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage__accountName": account.name,
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": identity.client_id,
        "WEBSITE_RUN_FROM_PACKAGE": package.url,
        "WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID": identity.id,
    }


def _site(settings: Mapping[str, pulumi.Input[str]]) -> "web.SiteConfigArgs":
    return web.SiteConfigArgs(
        linux_fx_version=f"Python|{PYTHON}",
        min_tls_version="1.2",
        scm_min_tls_version="1.2",
        ftps_state="Disabled",
        http20_enabled=True,
        remote_debugging_enabled=False,
        app_settings=[
            web.NameValuePairArgs(name=setting, value=value) for setting, value in settings.items()
        ],
    )


def _host_key(resource_group_name: pulumi.Input[str], app: "web.WebApp") -> pulumi.Output[str]:
    """The app's default function key; asked only once the app is there."""
    name = app.id.apply(lambda app_id: app_id.rpartition("/")[2])
    keys = web.list_web_app_host_keys_output(name=name, resource_group_name=resource_group_name)
    return pulumi.Output.secret(keys.apply(lambda found: (found.function_keys or {})["default"]))
