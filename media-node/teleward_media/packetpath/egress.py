"""How packets for one receiver leave together: runs of equal size, so that the kernel can cut them apart.

UDP GSO (`UDP_SEGMENT`) takes one buffer and one segment size; only the last segment may be shorter. Packets of
one video frame differ by a byte or so, and RTP padding makes them equal.
"""

from collections.abc import Iterator, Sequence

MAX_SEGMENTS = 16
"""Packets of one send: more of them at once are lost together in small buffers on the way. Ours."""
MAX_BYTES = 20_000
"""Bytes of one send, for the same reason; the kernel's own limit is 64 KB. Ours."""
EVEN_WITHIN = 32
"""Bytes of padding that evening out may cost a packet. Ours."""


def runs(sizes: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Split packets, in their order, into (first, end, size): each may be sent as one buffer.

    Every packet of a run but the last is to be padded to `size`; the last is `size` or shorter.
    """
    first = 0
    while first < len(sizes):
        least = size = sizes[first]
        end = first + 1
        while end < len(sizes) and end - first < MAX_SEGMENTS:
            following = sizes[end]
            grown = max(size, following)
            if grown - least > EVEN_WITHIN or grown * (end - first + 1) > MAX_BYTES:
                break
            if following < grown - EVEN_WITHIN:
                end += 1  # a shorter last one ends the run
                break
            size, least = grown, min(least, following)
            end += 1
        yield first, end, size
        first = end
