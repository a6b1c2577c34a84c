"""What is asked of the gateways: how many clinics, who waits there, who looks on, who comes."""

from collections.abc import Iterator
from dataclasses import dataclass

from teleward_contract.projections import (
    ClinicProjection,
    EntryField,
    Role,
    TeamMember,
    WaitingAreaProjection,
)
from teleward_contract.units import Namespace

STAFF = "grace@example.org"
CLINICS_OF_AN_ORGANISATION = 10


@dataclass(frozen=True, slots=True)
class Shape:
    """One scenario."""

    name: str
    clinics: int
    waiting: int
    """Patients of each clinic who wait through the measurement."""
    dashboards: int
    """Of each clinic; they are spread over the replicas."""
    fill_s: float
    """Over how many seconds those who wait come; 0: as fast as they are let in."""
    arrivals: int
    """Patients, of all clinics together, who come beside those who wait."""
    over_s: float
    """Over how many seconds they come."""
    rest_s: float
    """How long nothing happens while cost is measured."""
    settle_s: float = 8.0
    """How long they are left alone before: longer than until a waiting page is noted as there for the first time."""

    def addresses(self) -> Iterator[tuple[str, str]]:
        """Namespace and name of each clinic."""
        for number in range(self.clinics):
            yield f"org-{number // CLINICS_OF_AN_ORGANISATION}", f"clinic-{number}"

    def projections(self) -> list[ClinicProjection]:
        """The clinics as the operator would write them."""
        return [
            ClinicProjection(
                namespace=Namespace(namespace), name=name, uid=f"uid-{name}", generation=1,
                display_name=name, team=(TeamMember(role=Role.RECEPTIONIST, user=STAFF),),
                waiting_area=WaitingAreaProjection(
                    uid=f"area-{name}", generation=1, max_waiting=5000,
                    entry_fields=(EntryField(name="reason", label={"en": "Why do you come?"}),),
                ),
            )
            for namespace, name in self.addresses()
        ]  # fmt: skip


MANY = Shape("many clinics", 100, 50, 2, fill_s=0, arrivals=300, over_s=60, rest_s=30)
ONE = Shape("one clinic", 1, 500, 20, fill_s=60, arrivals=120, over_s=60, rest_s=30)
