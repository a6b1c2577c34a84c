"""Transport-wide feedback of ours is what Pion's RTCP package reads, arrival for arrival."""

import json
import random
import subprocess

from teleward_media.packetpath import twcc
from teleward_testing.families.pion import PROGRAM

MANY = 2000


def test_pion_reads_the_same_statuses_and_arrival_times(pion: None) -> None:
    chance = random.Random(20)
    packets, meant = [], []
    for number in range(MANY):
        now = chance.getrandbits(31)
        arrivals: list[int | None] = []
        for _ in range(chance.randint(1, 120)):
            now += chance.choice([0, 1, 7, 255, 256, 5000, 32_000, -3])
            runs = chance.choice([1, 1, 1, 9, 20])
            arrivals += runs * [None if arrivals and chance.random() < 0.4 else now]
        base = chance.getrandbits(16)
        packet, told = twcc.write(3, 77, base, number, arrivals)
        packets.append(packet)
        meant.append((base, number & 0xFF, arrivals[:told]))

    program = PROGRAM.find()
    assert program is not None
    told_by_pion = subprocess.run(
        [str(program), "rtcp"], input="\n".join(p.hex() for p in packets), text=True,
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip

    read = [json.loads(line) for line in told_by_pion.stdout.splitlines()]
    assert [one for one in read if "error" in one] == []
    assert [(one["sender"], one["media"]) for one in read] == [(3, 77)] * MANY
    assert [(one["base"], one["count"], arrivals_of(one)) for one in read] == meant


def arrivals_of(said: dict[str, object]) -> list[int | None]:
    """Pion counts deltas in microseconds; a reference time of 24 bits is not signed there."""
    deltas = iter(said["deltas"])  # type: ignore[call-overload]  # a list of numbers
    now = int(str(said["reference"])) * twcc.REFERENCE_TICKS
    arrivals: list[int | None] = []
    for status in said["statuses"]:  # type: ignore[attr-defined]  # a list of numbers
        if status:
            now += next(deltas) // 250
        arrivals.append(now if status else None)
    return arrivals
