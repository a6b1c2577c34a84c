"""An address says which kind of store there is, and one that has no form says which forms there are."""

import pytest
from teleward_contract.redis_url import StoreAddress, StoreKind, parse_store_url


def address(
    kind: StoreKind, *hosts: tuple[str, int], username: str | None = None,
    password: str | None = None, service: str = "", database: int = 0, is_tls: bool = False,
) -> StoreAddress:  # fmt: skip
    return StoreAddress(kind, hosts, username, password, service, database, is_tls)


READ = {
    "redis://a": address(StoreKind.ONE, ("a", 6379)),
    "rediss://u:p%40ss@a:7000/3": address(
        StoreKind.ONE, ("a", 7000), username="u", password="p@ss", database=3, is_tls=True
    ),
    "redis://:secret@[::1]:7000": address(StoreKind.ONE, ("::1", 7000), password="secret"),
    "redis+sentinel://a:1,b/main": address(
        StoreKind.SENTINEL, ("a", 1), ("b", 26379), service="main"
    ),
    "rediss+sentinel://u:p@a:1,[::1]:2/main/4": address(
        StoreKind.SENTINEL, ("a", 1), ("::1", 2), username="u", password="p", service="main",
        database=4, is_tls=True,
    ),
    "redis+cluster://:p@a:1,b": address(StoreKind.CLUSTER, ("a", 1), ("b", 6379), password="p"),
}  # fmt: skip
REFUSED = [
    "", "a:6379", "http://a", "redis://", "redis://a,b", "redis://a:x", "redis://a:99999",
    "redis://a/x", "redis://a/0/1", "redis+sentinel://a:1", "redis+sentinel://a/main/0/1",
    "redis+sentinel://,/main", "redis+cluster://a/1", "redis+other://a", "redis://a#b",
    "redis+cluster://secret@",
]  # fmt: skip


@pytest.mark.parametrize("url", READ)
def test_an_address_is_taken_apart(url: str) -> None:
    assert parse_store_url(url) == READ[url]


@pytest.mark.parametrize("url", REFUSED)
def test_what_has_no_form_is_refused_with_the_forms_and_without_the_address(url: str) -> None:
    with pytest.raises(ValueError, match="use redis://host:port/0, ") as refused:
        parse_store_url(url)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "ports"),
    [
        ("redis://a:7000", (7000,)),
        ("redis+cluster://a:7001,b:7000,c:7001", (7000, 7001)),
        ("redis+sentinel://a,b/main", (6379, 26379)),
    ],
)
def test_the_ports_that_a_client_must_reach_are_told(url: str, ports: tuple[int, ...]) -> None:
    assert parse_store_url(url).ports == ports
