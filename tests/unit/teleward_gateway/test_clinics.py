"""Clinics are looked up while the operator projects them again into a store that was emptied."""

import itertools

import pytest
from teleward_contract.projections import ClinicProjection, OrganisationProjection
from teleward_contract.projections_memory import MemoryProjections
from teleward_contract.units import LeaderEpoch, Namespace
from teleward_gateway.errors import RefusedError
from teleward_gateway.usecases.clinics import Clinics

HILLS = Namespace("hills")
LEADER = LeaderEpoch(1)
ORGANISATION = OrganisationProjection(
    namespace=HILLS, uid="uid-hills", generation=1, display_name="Hills"
)
CLINIC = ClinicProjection(
    namespace=HILLS, name="skin", uid="uid-skin", generation=1, display_name="Skin"
)


class Projecting(MemoryProjections):
    """A store that is filled step by step, each just before it is read once more."""

    def __init__(self, *steps: str) -> None:
        super().__init__()
        self.steps = list(steps)
        self.reads: list[str] = []

    async def _one_more(self, read: str) -> None:
        self.reads.append(read)
        if not self.steps:
            return
        for step in self.steps.pop(0).split():
            match step:
                case "organisation":
                    await self.put(ORGANISATION, LEADER)
                case "clinic":
                    await self.put(CLINIC, LEADER)
                case "mark":
                    await self.mark(LEADER)
                case "emptied":
                    self._documents, self._marked = {}, False
                case _:
                    pass

    async def clinic(self, namespace: Namespace, name: str) -> ClinicProjection | None:
        await self._one_more("clinic")
        return await super().clinic(namespace, name)

    async def organisation(self, namespace: Namespace) -> OrganisationProjection | None:
        await self._one_more("organisation")
        return await super().organisation(namespace)

    async def clinics(self) -> tuple[ClinicProjection, ...]:
        await self._one_more("clinics")
        return await super().clinics()

    async def is_complete(self) -> bool:
        await self._one_more("complete")
        return await super().is_complete()


def looking(projecting: Projecting) -> Clinics:
    """Whose memory is always a second old."""
    seconds = itertools.count()
    return Clinics(projecting, lambda: float(next(seconds)))


async def test_a_clinic_that_is_projected_as_it_is_looked_up_is_found() -> None:
    """Read before it was there, while all was there a moment later."""
    clinics = looking(Projecting("", "organisation clinic mark"))

    assert await clinics.get("hills", "skin") == (CLINIC, ORGANISATION)


async def test_a_clinic_whose_organisation_is_not_projected_yet_keeps_it() -> None:
    projecting = Projecting(
        "organisation clinic mark", "", "emptied clinic", "", "", "organisation mark"
    )
    clinics = looking(projecting)
    before = await clinics.get("hills", "skin")

    assert await clinics.get("hills", "skin") == before
    assert projecting.reads == ["clinic", "organisation"] * 2 + ["complete"]
    assert await clinics.get("hills", "skin") == before


async def test_a_clinic_without_an_organisation_is_found_once_all_is_projected() -> None:
    clinics = looking(Projecting("clinic", "", "", "mark"))

    with pytest.raises(RefusedError) as refused:
        await clinics.get("hills", "skin")

    assert refused.value.is_temporary
    assert await clinics.get("hills", "skin") == (CLINIC, None)


async def test_a_clinic_that_is_not_there_when_all_is_projected_is_unknown() -> None:
    clinics = looking(Projecting("organisation clinic mark"))
    await clinics.get("hills", "skin")

    with pytest.raises(RefusedError) as refused:
        await clinics.get("hills", "bones")

    assert not refused.value.is_temporary


@pytest.mark.parametrize(
    "steps", [("", "emptied", ""), ("emptied", "", "organisation clinic mark")]
)
async def test_a_list_that_was_read_in_part_is_not_taken(steps: tuple[str, ...]) -> None:
    """Emptied before the clinics are read; all projected only after that."""
    projecting = Projecting("organisation clinic mark")
    clinics = looking(projecting)
    before = await clinics.every()
    assert before == [(CLINIC, ORGANISATION)]

    projecting.steps = list(steps)

    assert await clinics.every() == before
