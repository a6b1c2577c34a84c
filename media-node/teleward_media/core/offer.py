"""Reading an offer: SDP text from a stranger becomes an `Offer` or one typed error.

Only what the answer needs is kept; candidates are never read, so that a client cannot make a media
node send anything anywhere.

Source: RFC 8866 (SDP), RFC 8829 (JSEP), RFC 8853 (simulcast), RFC 8851 (rid), RFC 8285 (extmap).
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from teleward_media.errors import OfferRefusedError

MAX_SECTIONS = 48
"""33 sections are the largest legal offer of a page (20 people); a little room for other clients. Ours."""
MAX_LINES = 4000
"""Of one offer. Ours: 33 sections of 103 lines, the longest of the browsers' offers kept in the tests, are 3,400."""
MAX_CODECS = 64
"""Payload types of one section. Ours: the longest list of those offers has 19."""
MAX_SSRCS = 64
"""Announced in one section: three encodings, each with its repairs and its error correction, are nine. They are looked
through for every packet of an SSRC that is not known. Ours."""
MAX_PARAMETERS = 512
"""Characters of one `a=fmtp`: the answer repeats it for every section. Ours: those offers have up to 81."""

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")

_TOKEN = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}$")
_ICE = re.compile(r"^[A-Za-z0-9+/]{4,256}$")
_FINGERPRINT = re.compile(r"^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){15,63}$")


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type of a section."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1
    parameters: str = ""
    feedback: tuple[str, ...] = ()

    @property
    def is_rtx(self) -> bool:
        """Whether it retransmits another payload type (RFC 4588)."""
        return self.name == "rtx"

    @property
    def apt(self) -> int:
        """The payload type that it retransmits; -1 when none is named."""
        for part in self.parameters.replace(" ", "").split(";"):
            name, _, value = part.partition("=")
            if name == "apt" and value.isascii() and value.isdigit() and len(value) <= 3:
                return int(value)
        return -1


@dataclass(frozen=True, slots=True)
class Section:
    """One `m=` section of the offer."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    mid: str
    direction: Direction
    codecs: tuple[Codec, ...] = ()
    extensions: dict[str, int] = field(default_factory=dict)
    ssrcs: tuple[int, ...] = ()
    rtx_ssrcs: dict[int, int] = field(default_factory=dict)
    rids: tuple[str, ...] = ()

    @property
    def sends(self) -> bool:
        """Whether the client may send here."""
        return self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        """Whether the client wants to receive here."""
        return self.direction in ("sendrecv", "recvonly")


@dataclass(frozen=True, slots=True)
class Offer:
    """What the answer needs of an offer."""

    ufrag: str
    password: str
    """With which an address must answer before its peer is sent to there (`core/ice.py`)."""
    fingerprints: tuple[tuple[str, str], ...]
    """(hash function, value) pairs, as in RFC 8122."""
    sections: tuple[Section, ...]


@dataclass(slots=True)
class _Block:
    """The `a=` lines of the session or of one section while reading."""

    media: str = ""
    attributes: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]

    def first(self, name: str) -> str | None:
        return next((value for key, value in self.attributes if key == name), None)


def parse_offer(text: str) -> Offer:
    """Read an offer.

    Raises:
        OfferRefusedError: It is not an offer of audio or video that can be answered.
    """
    session, blocks = _split(text)
    sections = tuple(_section(block) for block in blocks)
    if not any(section.kind in ("audio", "video") for section in sections):
        raise OfferRefusedError("the offer has no audio and no video section")
    mids = [section.mid for section in sections]
    if len(set(mids)) != len(mids):
        raise OfferRefusedError("two sections have the same mid")
    for block in (session, *blocks):
        if block.first("setup") in ("passive", "holdconn"):
            raise OfferRefusedError(
                "the offerer must be able to be the DTLS client: setup actpass"
            )
    return Offer(
        ufrag=_one(session, blocks, "ice-ufrag", _ICE),
        password=_one(session, blocks, "ice-pwd", _ICE),
        fingerprints=_fingerprints(session, blocks),
        sections=sections,
    )


def _split(text: str) -> tuple[_Block, list[_Block]]:
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise OfferRefusedError(f"more than {MAX_LINES} lines")
    if not lines or lines[0].strip() != "v=0":
        raise OfferRefusedError("an offer begins with v=0")
    session = block = _Block()
    blocks: list[_Block] = []
    for line in lines[1:]:
        kind, _, value = line.partition("=")
        if kind == "m":
            block = _Block(media=value.strip())
            blocks.append(block)
        elif kind == "a":
            name, _, rest = value.strip().partition(":")
            block.attributes.append((name, rest))
    if not blocks:
        raise OfferRefusedError("the offer has no section")
    if len(blocks) > MAX_SECTIONS:
        raise OfferRefusedError(f"more than {MAX_SECTIONS} sections")
    return session, blocks


def _one(session: _Block, blocks: list[_Block], name: str, pattern: re.Pattern[str]) -> str:
    value = next((v for b in (session, *blocks) if (v := b.first(name)) is not None), None)
    if value is None or not pattern.match(value):
        raise OfferRefusedError(f"{name} is missing or malformed")
    return value


def _fingerprints(session: _Block, blocks: list[_Block]) -> tuple[tuple[str, str], ...]:
    found: dict[tuple[str, str], None] = {}
    for block in (session, *blocks):
        for value in block.all("fingerprint"):
            algorithm, _, digest = value.partition(" ")
            if not _FINGERPRINT.match(digest):
                raise OfferRefusedError("a fingerprint is malformed")
            found[(algorithm.lower(), digest.upper())] = None
    if not any(algorithm in ("sha-256", "sha-384", "sha-512") for algorithm, _ in found):
        raise OfferRefusedError("a sha-256 fingerprint is missing")
    return tuple(found)


def _section(block: _Block) -> Section:
    parts = block.media.split()
    if len(parts) < 4:
        raise OfferRefusedError("an m= line is too short")
    kind, port, protocol, *formats = parts
    mid = block.first("mid")
    if mid is None or not _TOKEN.match(mid):
        raise OfferRefusedError("a section has no usable mid")
    if kind not in ("audio", "video"):
        return Section(kind, _number(port), protocol, tuple(formats), mid, "inactive")
    if "rtcp-mux" not in {name for name, _ in block.attributes}:
        raise OfferRefusedError("rtcp-mux is required")
    direction: Direction = next((d for d in DIRECTIONS if block.first(d) is not None), "sendrecv")
    ssrcs, rtx = _ssrcs(block)
    return Section(
        kind=kind,
        port=_number(port),
        protocol=protocol,
        formats=tuple(formats),
        mid=mid,
        direction=direction,
        codecs=_codecs(block, formats),
        extensions=_extensions(block),
        ssrcs=ssrcs,
        rtx_ssrcs=rtx,
        rids=_rids(block),
    )


def _number(text: str, top: int = 65535) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) > top:
        raise OfferRefusedError("a number is out of its range")
    return int(text)


def _codecs(block: _Block, formats: list[str]) -> tuple[Codec, ...]:
    if len(formats) > MAX_CODECS:
        raise OfferRefusedError(f"more than {MAX_CODECS} payload types in a section")
    parameters = dict(value.partition(" ")[::2] for value in block.all("fmtp"))
    feedback: dict[str, list[str]] = {}
    for value in block.all("rtcp-fb"):
        payload_type, _, what = value.partition(" ")
        feedback.setdefault(payload_type, []).append(what)
    codecs: dict[str, Codec] = {}
    for value in block.all("rtpmap"):
        payload_type, _, encoding = value.partition(" ")
        name, *rest = encoding.split("/")
        if payload_type not in formats or payload_type in codecs or not rest:
            continue
        if len(parameters.get(payload_type, "")) > MAX_PARAMETERS:
            raise OfferRefusedError("an fmtp line is too long")
        codecs[payload_type] = Codec(
            payload_type=_number(payload_type, 127),
            name=name.lower(),
            clock_rate=_number(rest[0], 2**31),
            channels=_number(rest[1], 16) if len(rest) > 1 else 1,
            parameters=parameters.get(payload_type, ""),
            feedback=tuple(feedback.get(payload_type, ())),
        )
    return tuple(
        codecs[format_] for format_ in formats if format_ in codecs
    )  # the offerer's preference


def _extensions(block: _Block) -> dict[str, int]:
    found = {}
    for value in block.all("extmap"):
        number, _, rest = value.partition(" ")
        identifier = _number(number.partition("/")[0], 255)
        uri = rest.split(" ")[0]
        if identifier and uri:
            found[uri] = identifier
    return found


def _ssrcs(block: _Block) -> tuple[tuple[int, ...], dict[int, int]]:
    ssrcs: dict[int, None] = {}
    for value in block.all("ssrc"):
        ssrcs[_number(value.partition(" ")[0], 2**32 - 1)] = None
    rtx: dict[int, int] = {}
    for value in block.all("ssrc-group"):
        members = value.split()
        if len(members) == 3 and members[0] == "FID":
            rtx[_number(members[1], 2**32 - 1)] = _number(members[2], 2**32 - 1)
    if len(ssrcs) > MAX_SSRCS or len(rtx) > MAX_SSRCS:
        raise OfferRefusedError(f"more than {MAX_SSRCS} SSRCs in a section")
    media = tuple(ssrc for ssrc in ssrcs if ssrc not in rtx.values())
    return media, rtx


def _rids(block: _Block) -> tuple[str, ...]:
    rids = []
    for value in block.all("rid"):
        rid, _, rest = value.partition(" ")
        if not _TOKEN.match(rid) or len(rid) > 16:
            raise OfferRefusedError("a rid is malformed")
        if rest.split(" ")[0] == "send":
            rids.append(rid)
    if len(rids) > 3:
        raise OfferRefusedError("more than three encodings")
    return tuple(rids)
