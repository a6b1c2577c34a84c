"""`teleward up --kubeconfig` on an empty kube-apiserver: the same consultation, by the same manifests."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator

import pytest
from teleward_testing.browser import sees_and_hears
from teleward_testing.builders import House, build_house
from teleward_testing.kube.control_plane import ControlPlane
from teleward_testing.kube.control_plane import running as plane_running
from teleward_testing.pages import Patient, Staff
from teleward_testing.recording import canary
from teleward_testing.running import Running, running


@pytest.fixture(scope="module")
def plane(
    tmp_path_factory: pytest.TempPathFactory, control_plane: ControlPlane
) -> Iterator[ControlPlane]:
    """A control plane that has never heard of us."""
    with plane_running(tmp_path_factory.mktemp("kube")) as made:
        yield made


@pytest.fixture(scope="module")
def teleward(tmp_path_factory: pytest.TempPathFactory, plane: ControlPlane) -> Iterator[Running]:
    root = tmp_path_factory.mktemp("teleward")
    with running(root / "data", kubeconfig=plane.kubeconfig) as one:
        yield one


@pytest.fixture(scope="module")
def house(teleward: Running) -> House:
    return build_house(teleward, "harbour")


async def test_a_consultation_on_a_real_api_server(
    teleward: Running, plane: ControlPlane, house: House,
    patient: Callable[[str], Awaitable[Patient]], staff: Callable[[str], Awaitable[Staff]],
) -> None:  # fmt: skip
    assert teleward.status().kubeconfig == str(plane.kubeconfig)
    name = canary("Patience")
    guest, clinician = await patient("patient"), await staff("clinician")

    await guest.enter(house.patient_url, name)
    await clinician.sign_in(teleward.gateway, house.clinician)
    await clinician.open_dashboard(teleward.gateway, house.namespace, house.clinic)
    await clinician.call_in(name)
    await asyncio.gather(
        sees_and_hears(guest.page, 1, seconds=20), sees_and_hears(clinician.page, 1, seconds=20)
    )
    assert guest.complaints == clinician.complaints == []
    await clinician.end_for_all()

    await guest.sees("ended")
    held = plane.kubectl("get", "teleward,events", "-A", "-o", "json")
    assert name not in held
    assert {one["kind"] for one in json.loads(held)["items"]} >= {"Clinic", "WaitingArea"}


async def test_kubectl_scales_media_nodes_there_too(teleward: Running, house: House) -> None:
    teleward.kubectl("scale", "mediapool", "default", "-n", house.namespace, "--replicas=2")

    teleward.until("two media nodes", lambda _: len(house.media_nodes) == 2)

    wait = ("--for=jsonpath={.status.ready}=2", "mediapool/default", "-n", house.namespace)
    teleward.kubectl("wait", *wait, "--timeout=20s")
