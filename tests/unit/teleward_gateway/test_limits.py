"""Who is counted as one, and how tokens are taken."""

import pytest
from teleward_gateway.core.limits import (
    BY_ADDRESS,
    BY_BROWSER,
    WITHOUT_PASS,
    Bucket,
    Door,
    network_of,
    take,
)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"), ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"), ("", "unknown"), ("a hospital", "unknown"),
    ],
)  # fmt: skip
def test_an_address_is_counted_by_its_network(host: str, expected: str) -> None:
    assert network_of(host) == expected


def test_a_bucket_gives_what_it_holds_and_a_token_each_interval() -> None:
    bucket = Bucket(2, 0.5)
    first, wait = take(0, 1000, bucket)
    second, wait_2 = take(first, 1000, bucket)

    assert (wait, wait_2) == (0, 0)
    assert take(second, 1000, bucket) == (second, 2000)
    assert take(second, 3000, bucket)[1] == 0


def test_a_factor_makes_a_bucket_larger_and_never_empty() -> None:
    assert Bucket(10, 2).times(3) == Bucket(30, 6)
    assert Bucket(10, 2).times(0.01) == Bucket(1, 0.02)


def test_those_without_a_pass_leave_most_of_an_address_to_those_with_one() -> None:
    assert WITHOUT_PASS[Door.ENTER].burst * 4 < BY_ADDRESS[Door.ENTER].burst
    assert WITHOUT_PASS[Door.ENTER].per_s * 4 < BY_ADDRESS[Door.ENTER].per_s
    assert BY_BROWSER[Door.ENTER].burst < WITHOUT_PASS[Door.ENTER].burst
