"""The function app of custom allocation: its package, its settings, and the template to copy."""

import importlib.util
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import azure.functions as func
import pytest

from components.azure.allocation_function import packaging
from components.azure.allocation_function.component import account_name
from fleet import Fleet

TEMPLATE = Path(packaging.__file__).parent / "template"
FILES = {"host.json": b"{}", "function_app.py": b"x = 1\n"}


@pytest.fixture
def program(
    declare: Callable[..., Any],
    described: Callable[..., Fleet],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    monkeypatch.chdir(tmp_path)
    allocation = {"policy": "custom", "hubs": ["eu-1"], "webhook": {"function": {"name": "allocate"}}}
    groups = {"vans": {"attestation": {"x509": {"issuer": "oslo"}}, "allocation": allocation}}
    azure = {"hubs": {"eu-1": {}}, "functionApp": {"folder": "functions"}}
    return declare(described("dev", azure=azure, groups=groups), functions=FILES)


def _settings(program: Any) -> dict[str, str]:
    site = program.one("azure-native:web:WebApp").inputs["siteConfig"]
    return {setting["name"]: setting["value"] for setting in site["appSettings"]}


def test_the_app_speaks_https_alone_and_new_tls(program: Any) -> None:
    app = program.one("azure-native:web:WebApp").inputs
    assert app["httpsOnly"] is True
    assert (app["siteConfig"]["minTlsVersion"], app["siteConfig"]["ftpsState"]) == ("1.2", "Disabled")
    assert (app["kind"], app["reserved"]) == ("functionapp,linux", True)
    assert program.one("azure-native:web:AppServicePlan").inputs["sku"] == {"name": "Y1", "tier": "Dynamic"}


def test_it_reads_its_package_by_an_identity_and_holds_no_key(program: Any) -> None:
    settings = _settings(program)
    (package,) = Path(".muster/functions").glob("*.zip")
    assert settings["WEBSITE_RUN_FROM_PACKAGE"] == f"https://blobs/{package.name}"
    assert settings["AzureWebJobsStorage__accountName"] == account_name("coldchain-dev-functions")
    assert settings["AzureWebJobsStorage__clientId"] == "client-of-coldchain-dev-functions-identity"
    assert not [name for name in settings if "key" in name.lower() or "connection" in name.lower()]
    assert zipfile.ZipFile(package).read("function_app.py") == FILES["function_app.py"]


def test_its_identity_may_use_its_own_storage_account_and_nothing_else(program: Any) -> None:
    principal = "principal-of-coldchain-dev-functions-identity"
    roles = program.of("azure-native:authorization:RoleAssignment")
    (right,) = [role for role in roles if role.inputs["principalId"] == principal]
    assert right.inputs["scope"].endswith("StorageAccount/coldchain-functions-storage")
    assert right.urn in program.one("azure-native:web:WebApp").depends_on


def test_a_package_is_the_same_wherever_and_whenever_it_is_made(tmp_path: Path) -> None:
    one = packaging.archive(FILES)
    assert one == packaging.archive(dict(reversed(FILES.items())))
    assert packaging.write(FILES, tmp_path / "a").name == packaging.write(FILES, tmp_path / "b").name
    assert zipfile.ZipFile(io.BytesIO(one)).namelist() == sorted(FILES)


def test_what_tools_made_and_developers_keep_stays_out(tmp_path: Path) -> None:
    for name in (
        "host.json",
        "function_app.py",
        "local.settings.json",
        "__pycache__/a.pyc",
        ".venv/lib.py",
        ".env",
        ".python_packages/lib/site-packages/a.py",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    assert set(packaging.read(tmp_path)) == {
        "host.json",
        "function_app.py",
        ".python_packages/lib/site-packages/a.py",
    }


def test_a_folder_that_is_no_project_is_told(tmp_path: Path) -> None:
    with pytest.raises(packaging.PackageError, match="no folder"):
        packaging.read(tmp_path / "missing")
    with pytest.raises(packaging.PackageError, match=r"no host\.json"):
        packaging.read(tmp_path)


@pytest.mark.parametrize("app", ["a1", "coldchain-prod-functions", "x" * 60])
def test_the_accounts_name_is_one_that_azure_takes(app: str) -> None:
    name = account_name(app)
    assert 3 <= len(name) <= 24
    assert name.isalnum()
    assert name == name.lower() == account_name(app.upper())


@pytest.fixture(scope="module")
def template() -> ModuleType:
    spec = importlib.util.spec_from_file_location("function_app", TEMPLATE / "function_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ask(template: ModuleType) -> Callable[[object], tuple[int, str]]:
    """Calls the function as the Functions host would."""
    (function,) = template.app.get_functions()

    def asked(body: object) -> tuple[int, str]:
        request = func.HttpRequest(method="POST", url="/api/allocate", body=json.dumps(body).encode())
        answer: func.HttpResponse = function.get_user_function()(request)
        return answer.status_code, answer.get_body().decode()

    return asked


HUBS = ["f-eu-1.azure-devices.net", "f-eu-2.azure-devices.net"]


def test_the_template_answers_with_the_hub_that_the_device_names(
    ask: Callable[[object], tuple[int, str]],
) -> None:
    body = {
        "deviceRuntimeContext": {"registrationId": "van-1", "payload": {"hub": "eu-2"}},
        "linkedHubs": HUBS,
        "enrollmentGroup": {"initialTwin": {"tags": {"line": "van"}}},
    }
    status, answer = ask(body)
    assert status == 200
    assert json.loads(answer) == {"iotHubHostName": HUBS[1], "initialTwin": {"tags": {"line": "van"}}}


def test_the_template_picks_one_by_the_devices_id_and_always_the_same(template: ModuleType) -> None:
    picked = {template.choose({"registrationId": f"van-{n}"}, HUBS) for n in range(50)}
    assert picked == set(HUBS)
    again = {template.choose({"registrationId": "van-1"}, order) for order in (HUBS, HUBS[::-1])}
    assert len(again) == 1


@pytest.mark.parametrize(
    "body", [{}, [], {"deviceRuntimeContext": {"registrationId": "a"}, "linkedHubs": []}]
)
def test_the_template_refuses_what_it_cannot_answer(
    ask: Callable[[object], tuple[int, str]], body: object
) -> None:
    assert ask(body)[0] == 400
