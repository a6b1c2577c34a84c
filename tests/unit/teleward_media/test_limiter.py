"""A bucket allows a burst, then a rate, and never saves up more than the burst."""

from teleward_contract.units import Seconds
from teleward_media.core.limiter import TokenBucket


def allowed(bucket: TokenBucket, at: float, tries: int) -> int:
    return sum(bucket.allow(Seconds(at)) for _ in range(tries))


def test_the_burst_then_the_rate() -> None:
    bucket = TokenBucket.full(2, 5, Seconds(0))

    assert allowed(bucket, 0, 10) == 5
    assert allowed(bucket, 1, 10) == 2
    assert allowed(bucket, 1000, 10) == 5
