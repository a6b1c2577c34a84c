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


def test_another_rate_counts_from_now_on_and_nothing_beyond_its_burst_is_kept() -> None:
    bucket = TokenBucket.full(10, 20, Seconds(0))
    assert bucket.allow(Seconds(0), 20)

    bucket.resize(1, 5, Seconds(1))
    assert bucket.tokens == 5
    assert bucket.allow(Seconds(1), 5)
    assert not bucket.allow(Seconds(2), 2)
    assert bucket.allow(Seconds(3), 2)
