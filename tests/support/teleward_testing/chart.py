"""The chart rendered offline by Helm's own engine, and what Pod Security *restricted* asks of a pod."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from helm_python.chart import Chart

ROOT = Path(__file__).parents[3]
CHART = ROOT / "helm" / "teleward"
RELEASE, NAMESPACE = "teleward", "telehealth"
CI_VALUES = {path.stem.removesuffix("-values"): path for path in CHART.glob("ci/*-values.yaml")}
"""Sets of values that every rendering test runs over."""

Object = dict[str, Any]
ALLOWED_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}  # fmt: skip


def values(name: str) -> Object:
    """One of the sets of values under `ci/`."""
    loaded: Object = yaml.safe_load(CI_VALUES[name].read_text())
    return loaded


def render(chosen: Object, *, release: str = RELEASE) -> dict[str, str]:
    """Render all templates: path inside `templates/` → text, without the empty ones.

    Raises:
        HelmValuesError: The values do not fit the schema.
    """
    with Chart.load(CHART) as chart:
        texts = chart.render(chosen, name=release, namespace=NAMESPACE)
    prefix = "teleward/templates/"
    return {path.removeprefix(prefix): text for path, text in texts.items() if text.strip()}


@cache
def _rendered(name: str) -> dict[str, list[Object]]:
    texts = render(values(name))
    texts.pop("NOTES.txt")
    return {path: [one for one in _read(text) if one] for path, text in texts.items()}


def _read(text: str) -> Iterator[Object]:
    yield from yaml.load_all(text, Loader=yaml.CSafeLoader)  # ten times as fast as safe_load_all


def objects(name: str) -> dict[str, list[Object]]:
    """What one set of values renders to: path inside `templates/` → objects."""
    return _rendered(name)


def every_object() -> Iterator[tuple[str, str, Object]]:
    """Every object of every set of values, as (set, path, object)."""
    for name in sorted(CI_VALUES):
        for path, found in objects(name).items():
            yield from ((name, path, one) for one in found)


def pod_of(one: Object) -> Object | None:
    """The pod template's spec of a workload; None for anything else."""
    spec: Object | None = one.get("spec", {}).get("template", {}).get("spec")
    return spec


def environment(one: Object) -> dict[str, str | None]:
    """Environment of the only container of a workload: name → value, None when taken from elsewhere."""
    (container,) = one["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry.get("value") for entry in container.get("env", [])}


def not_restricted(pod: Object) -> list[str]:
    """Say where a pod breaks Pod Security *restricted*, and with it *baseline*.

    Source: kubernetes.io/docs/concepts/security/pod-security-standards.
    """
    faults = [key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)]
    faults += [
        f"volume {volume['name']}"
        for volume in pod.get("volumes", [])
        if not set(volume) - {"name"} <= ALLOWED_VOLUMES
    ]
    above = pod.get("securityContext", {})
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        faults += _container_faults(container, above)
    return faults


def _container_faults(container: Object, pod: Object) -> list[str]:
    own = container.get("securityContext", {})
    both = {**pod, **own}
    capabilities = own.get("capabilities", {})
    wrong = {
        "privileged": own.get("privileged", False),
        "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is not False,
        "capabilities.drop": "ALL" not in capabilities.get("drop", []),
        "capabilities.add": bool(set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}),
        "runAsNonRoot": both.get("runAsNonRoot") is not True,
        "runAsUser": both.get("runAsUser") == 0,
        "seccompProfile": both.get("seccompProfile", {}).get("type")
        not in {"RuntimeDefault", "Localhost"},
        "hostPort": any(port.get("hostPort") for port in container.get("ports", [])),
    }
    return [f"{container['name']}: {name}" for name, is_wrong in wrong.items() if is_wrong]
