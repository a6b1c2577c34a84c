"""A block of datagrams: what crosses between socket and packet path, with no object per packet."""

STRIDE = 2048
"""Bytes set aside for each datagram: an Ethernet frame, and room for the SRTP trailer."""
LONGEST = 1500
"""Bytes of the longest datagram that is taken: Ethernet's MTU. What is longer was never a browser's."""


class Datagrams:
    """`capacity` datagrams side by side in one buffer that never moves, with their lengths.

    Attributes:
        buffer: Datagram `n` begins at `n * STRIDE`.
        lengths: Bytes of each.
        peers: Number of the peer that each came from.
        count: How many are filled.
    """

    __slots__ = ("buffer", "capacity", "count", "lengths", "peers", "view")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.buffer = bytearray(capacity * STRIDE)
        self.view = memoryview(self.buffer)
        self.lengths = [0] * capacity
        self.peers = [0] * capacity
        self.count = 0
