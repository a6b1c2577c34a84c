"""Packets as Wireshark's dissector reads them: written to a capture file, judged by `tshark`."""

import json
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PORT = 5004
_RAW_IP = 101
"""Link type of packets that begin with their IP header (the list of link-layer header types of tcpdump)."""


def write_capture(path: Path, datagrams: Sequence[bytes]) -> None:
    """Write datagrams as a capture of UDP between two ports on loopback."""
    with path.open("wb") as file:
        file.write(struct.pack("!IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _RAW_IP))
        for number, datagram in enumerate(datagrams):
            udp = struct.pack("!HHHH", PORT, PORT, 8 + len(datagram), 0) + datagram
            loopback = bytes([127, 0, 0, 1])
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), number & 0xFFFF, 0, 64, 17, 0)
            packet = head + loopback + loopback + udp
            file.write(struct.pack("!IIII", number, 0, len(packet), len(packet)) + packet)


def dissect(
    tshark: str, folder: Path, datagrams: Sequence[bytes], protocol: str, fields: Sequence[str]
) -> list[dict[str, list[str]]]:
    """Read the fields of each datagram as `protocol`, such as `rtcp`; a field that is not there is an empty list."""
    capture = folder / f"{protocol}.pcap"
    write_capture(capture, datagrams)
    command = [
        tshark, "-r", str(capture), "-d", f"udp.port=={PORT},{protocol}", "-T", "json",
        *(part for field in (*fields, "_ws.malformed") for part in ("-e", field)),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, check=True, timeout=60)
    packets: list[dict[str, Any]] = json.loads(ended.stdout)
    assert len(packets) == len(datagrams)
    layers = [packet["_source"]["layers"] for packet in packets]
    return [
        {field: layer.get(field, []) for field in (*fields, "_ws.malformed")} for layer in layers
    ]
