"""The chart's environment is understood by the processes, whose keys and addresses fit what is mounted and probed."""

import re

import pytest
from helm_python.errors import HelmValuesError
from pydantic_settings import BaseSettings
from teleward_contract.tickets import TicketSigner
from teleward_gateway.settings import Settings as GatewaySettings
from teleward_operator.settings import Settings as OperatorSettings
from teleward_testing import chart

SETTINGS: dict[str, type[BaseSettings]] = {
    "operator": OperatorSettings,
    "gateway": GatewaySettings,
}
SECRET_URL = "redis://:secret@teleward-redis:6379/0"
CASES = [(name, part) for name in sorted(chart.CI_VALUES) for part in SETTINGS]


def deployment(name: str, part: str) -> chart.Object:
    (one,) = chart.objects(name)[f"{part}/deployment.yaml"]
    return one


def variables(settings: type[BaseSettings]) -> dict[str, bool]:
    return {
        f"TELEWARD_{name.upper()}": field.is_required()
        for name, field in settings.model_fields.items()
    }


@pytest.mark.parametrize(("name", "part"), CASES)
def test_every_variable_is_a_setting_and_none_that_is_required_is_missing(
    name: str, part: str
) -> None:
    known = variables(SETTINGS[part])
    given = chart.environment(deployment(name, part)).keys()

    assert given - known.keys() == set()
    assert {variable for variable, required in known.items() if required} - given == set()


@pytest.mark.parametrize(("name", "part"), CASES)
def test_the_process_accepts_the_values(
    name: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in chart.environment(deployment(name, part)).items():
        taken = SECRET_URL if variable == "TELEWARD_REDIS_URL" else "from-the-pod"
        monkeypatch.setenv(variable, taken if value is None else value)

    SETTINGS[part]()


@pytest.mark.parametrize(("name", "part"), CASES)
def test_ports_are_those_that_the_process_listens_on(name: str, part: str) -> None:
    (container,) = deployment(name, part)["spec"]["template"]["spec"]["containers"]
    given = chart.environment(deployment(name, part))
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}

    assert ports["operations"] == given["TELEWARD_OPERATIONS_PORT"]
    assert ports.get("people") == given.get("TELEWARD_PORT")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "operations"


@pytest.mark.parametrize("name", chart.CI_VALUES)
def test_the_operator_uses_the_cluster_it_runs_in(name: str) -> None:
    given = chart.environment(deployment(name, "operator"))

    assert given["TELEWARD_POOL_RUNTIME"] == "kubernetes"
    assert not {"TELEWARD_KUBECONFIG", "TELEWARD_SUPERVISOR_URL"} & given.keys()


@pytest.mark.parametrize("name", chart.CI_VALUES)
def test_staff_sign_in_at_issuers_and_nobody_by_the_development_sign_in(name: str) -> None:
    given = chart.environment(deployment(name, "gateway"))

    assert given["TELEWARD_SIGN_IN"] == "issuers"
    assert "TELEWARD_SIGN_IN_SECRET" not in given


def test_no_value_of_the_chart_can_switch_the_development_sign_in_on() -> None:
    """It is a constant of one template, no template adds variables of a site's choice, and no unknown value passes."""
    texts = {path: path.read_text() for path in (chart.CHART / "templates").rglob("*.*")}
    [line] = re.findall(r"name: TELEWARD_SIGN_IN\n +(.+)", "".join(texts.values()))

    assert line == "value: issuers"
    assert [path.name for path, text in texts.items() if "development" in text] == []
    assert [
        path.name
        for path, text in texts.items()
        if re.search(r"Values\.\S*[eE]nv\b|envFrom", text)
    ] == []
    for more in ({"signIn": {"mode": "development"}}, {"env": [{"name": "TELEWARD_SIGN_IN"}]}):
        with pytest.raises(HelmValuesError):
            chart.render({"gateway": {"publicUrl": "https://clinic.example.org", **more}})


@pytest.mark.parametrize("name", chart.CI_VALUES)
def test_files_that_the_gateway_reads_are_mounted(name: str) -> None:
    pod = deployment(name, "gateway")["spec"]["template"]["spec"]
    volumes = {
        volume["name"]: volume.get("secret") or volume.get("configMap") or {}
        for volume in pod["volumes"]
    }
    mounted = {}
    for mount in pod["containers"][0]["volumeMounts"]:
        items = volumes[mount["name"]].get("items")
        names = [item["path"] for item in items] if items else ["tls.crt", "tls.key"]
        mounted.update({f"{mount['mountPath']}/{one}": mount for one in names})
    files = {
        value
        for variable, value in chart.environment(deployment(name, "gateway")).items()
        if variable.endswith("_FILE")
    }

    assert files <= mounted.keys()


def test_client_secrets_are_mounted_from_the_secret_that_the_site_names_and_only_then() -> None:
    variable = "TELEWARD_CLIENT_SECRETS_DIR"
    pod = deployment("site", "gateway")["spec"]["template"]["spec"]
    (folder,) = [
        mount["mountPath"]
        for mount in pod["containers"][0]["volumeMounts"]
        if mount["name"] == "client-secrets"
    ]
    (volume,) = [one for one in pod["volumes"] if one["name"] == "client-secrets"]

    assert chart.environment(deployment("site", "gateway"))[variable] == folder
    assert (
        volume["secret"]["secretName"]
        == chart.values("site")["gateway"]["signIn"]["existingSecret"]
    )
    assert variable not in chart.environment(deployment("smallest", "gateway"))


def test_issuers_are_reached_by_the_ports_that_the_policy_lets_through() -> None:
    (policy,) = chart.objects("site")["gateway/networkpolicy.yaml"]
    anywhere = [rule for rule in policy["spec"]["egress"] if "to" not in rule]

    assert [{"protocol": "TCP", "port": port} for port in (443, 8443)] in [
        rule["ports"] for rule in anywhere
    ]


def test_redis_is_reached_by_the_port_that_the_policies_let_through() -> None:
    (policy,) = chart.objects("site")["gateway/networkpolicy.yaml"]
    ports = [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]

    assert chart.values("site")["redis"]["port"] in ports


def test_the_included_store_keeps_nothing_on_disk_and_asks_for_the_password() -> None:
    (container,) = deployment("trial", "redis")["spec"]["template"]["spec"]["containers"]
    arguments = dict(zip(container["args"][::2], container["args"][1::2], strict=True))

    assert (arguments["--save"], arguments["--appendonly"]) == ("", "no")
    assert arguments["--slowlog-max-len"] == "0"
    assert arguments["--requirepass"] == "$(PASSWORD)"
    assert "volumeMounts" not in container


def test_the_documented_commands_make_keys_that_the_gateway_accepts() -> None:
    readme = (chart.CHART / "README.md").read_text()
    (python,) = re.findall(r"python -c '(.+)' > ticket-key", readme)
    assert "openssl rand -base64 32 > seal-key" in readme
    printed: list[str] = []

    exec(python, {"print": printed.append})  # the reader's command, word for word

    TicketSigner(printed[0])
    (keys,) = [
        volume["secret"]["items"]
        for volume in deployment("smallest", "gateway")["spec"]["template"]["spec"]["volumes"]
        if volume["name"] == "keys"
    ]
    for item in keys:
        assert f"--from-file={item['key']}" in readme
