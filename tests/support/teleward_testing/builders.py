"""Builders of the objects that tests apply: the smallest organisation in which a promise can be seen."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from teleward_testing.running import MediaNodeShown, Running

Document = Mapping[str, object]

API_VERSION = "teleward.io/v1alpha1"


def document(kind: str, namespace: str, name: str, spec: Mapping[str, object]) -> Document:
    """Make one object."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name},
        "spec": dict(spec),
    }


@dataclass(frozen=True, slots=True)
class House:
    """An organisation of its own: one clinic, its team, its rooms and its media pool."""

    teleward: Running
    namespace: str
    clinic: str = "cardiology"
    meeting_room: str = "handover"
    user_room: str = "ada"

    @property
    def clinician(self) -> str:
        """Owner of the user room."""
        return f"ada@{self.namespace}.example"

    @property
    def colleague(self) -> str:
        """Another clinician of the same team."""
        return f"grace@{self.namespace}.example"

    def team(self, size: int) -> list[str]:
        """Users of the team's first `size` members."""
        return [self.clinician, self.colleague, *self._others][:size]

    @property
    def _others(self) -> list[str]:
        return [f"staff{n}@{self.namespace}.example" for n in range(3, 9)]

    @property
    def patient_url(self) -> str:
        """The clinic's door."""
        return f"{self.teleward.gateway}/c/{self.namespace}/{self.clinic}"

    @property
    def meeting_room_path(self) -> str:
        """The meeting room's call socket."""
        return f"/ws/call/room/{self.namespace}/{self.clinic}/meeting/{self.meeting_room}"

    @property
    def user_room_path(self) -> str:
        """The user room's call socket."""
        return f"/ws/call/room/{self.namespace}/{self.clinic}/user/{self.user_room}"

    @property
    def media_nodes(self) -> list[MediaNodeShown]:
        """The media nodes of its pool."""
        pool = f"{self.namespace}/default"
        return [node for node in self.teleward.status().media_nodes if node.pool == pool]

    def media_metric(self, sample: str, **labels: str) -> float:
        """Sum one sample over its media nodes' /metrics."""
        return sum(
            self.teleward.metric(node.process, sample, **labels) for node in self.media_nodes
        )

    def documents(
        self,
        *,
        clinic: Mapping[str, object] | None = None,
        waiting_area: Mapping[str, object] | None = None,
        pool: Mapping[str, object] | None = None,
    ) -> list[Document]:
        """All objects, with parts of some specs replaced."""
        members = [{"user": user, "role": "Clinician"} for user in self.team(8)]
        ref = {"clinicRef": {"name": self.clinic}}
        make = self._make
        return [
            make("Organisation", "organisation", {"displayName": f"House {self.namespace}"}),
            make("MediaPool", "default", {"replicas": 1, **(pool or {})}),
            make(
                "Clinic",
                self.clinic,
                {"displayName": "Cardiology", "team": members, **(clinic or {})},
            ),
            make("WaitingArea", self.clinic, {**ref, **(waiting_area or {})}),
            make("MeetingRoom", self.meeting_room, {**ref, "displayName": "Handover"}),
            make("UserRoom", self.user_room, {**ref, "owner": {"user": self.clinician}}),
        ]

    def _make(self, kind: str, name: str, spec: Mapping[str, object]) -> Document:
        return document(kind, self.namespace, name, spec)

    def apply(self, documents: Sequence[Document]) -> None:
        """`kubectl apply` these objects."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(documents)}
        self.teleward.kubectl("apply", "-f", "-", stdin=json.dumps(listed))


def build_house(
    teleward: Running, namespace: str, *, pool: Mapping[str, object] | None = None
) -> House:
    """Apply a new organisation and wait until its door opens."""
    house = House(teleward, namespace)
    teleward.kubectl("create", "namespace", namespace)
    house.apply(house.documents(pool=pool))
    for each in ("mediapool/default", f"clinic/{house.clinic}"):
        teleward.kubectl("wait", "--for=condition=Ready", each, "-n", namespace, "--timeout=20s")
    return house
