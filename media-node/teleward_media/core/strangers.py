"""How much strangers may make a media node work: STUN requests per source and in total.

Only requests that name a ufrag which is expected come here; everything else is dropped before, for less than the
question would cost. Proven addresses are never asked about.
"""

from collections import OrderedDict

from teleward_contract.units import Seconds

from teleward_media.core.limiter import TokenBucket

SOURCE_RATE, SOURCE_BURST = 200.0, 400.0
"""Requests a second from one source. A browser sends about 20 while it connects (libwebrtc checks each 50 ms), and a
clinic behind one address may open ten calls at once."""
TOTAL_RATE, TOTAL_BURST = 2000.0, 2000.0
"""Requests a second from all of them: at 10 µs for one (its HMAC and the answer) 2 % of a core."""
MAX_SOURCES = 4096
"""Sources remembered, about 300 bytes each: 1.2 MB. The one that was quiet longest is forgotten."""


class Strangers:
    """Allows or refuses requests from addresses that are not proven."""

    def __init__(self) -> None:
        self._sources: OrderedDict[bytes, TokenBucket] = OrderedDict()
        self._total = TokenBucket.full(TOTAL_RATE, TOTAL_BURST, Seconds(0.0))

    def __len__(self) -> int:
        return len(self._sources)

    def allow(self, source: bytes, now: Seconds) -> bool:
        """Take one request of `source`: an IPv4 address, or the /64 of an IPv6 address, whatever the port."""
        bucket = self._sources.get(source)
        if bucket is None:
            if len(self._sources) >= MAX_SOURCES:
                self._sources.popitem(last=False)
            bucket = self._sources[source] = TokenBucket.full(SOURCE_RATE, SOURCE_BURST, now)
        else:
            self._sources.move_to_end(source)
        return bucket.allow(now) and self._total.allow(now)
