"""Whatever a client sends to an operation of the gateway's own schema, right or wrong, no answer is a fault of ours.

The schema is the application's; schemathesis makes requests from it. `make fuzz` makes many more.
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from teleward_testing import gateway_routes
from teleward_testing.front_door import FrontDoor, front_door
from teleward_testing.valkey import RunningValkey

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "20"))
"""Of each operation and each way to make requests."""
SCHEMA = schemathesis.openapi.from_dict(gateway_routes.described())
Operation: TypeAlias = APIOperation[Any, Any, Any, Any]
OPERATIONS: list[Operation] = [
    found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)
]


def cases() -> Iterator[tuple[str, Operation, GenerationMode, dict[str, str] | None]]:
    """What is asked: a name, an operation, whether as it should be, and what its path names (None: anything)."""
    for one in OPERATIONS:
        yield f"{one.label}, right", one, GenerationMode.POSITIVE, None
        sample = gateway_routes.SAMPLE.items()
        there = {name: value for name, value in sample if f"{{{name}}}" in one.path}
        if there:
            yield f"{one.label}, of what is there", one, GenerationMode.POSITIVE, there
        if one.body or one.query:
            yield f"{one.label}, wrong", one, GenerationMode.NEGATIVE, there or None


CASES = {name: rest for name, *rest in cases()}


class Door:
    """A running gateway, asked from outside any loop."""

    def __init__(self, url: str, cookie: str) -> None:
        self.url = url
        self.headers = {"Origin": url, "Cookie": cookie}
        self.session = requests.Session()
        self.statuses: dict[int, int] = {}

    def ask(self, case: Case[Any]) -> requests.Response:
        """Make the request that schemathesis thought of, with our Origin and cookies."""
        sent = case.as_transport_kwargs(base_url=self.url, headers=self.headers)
        answer = self.session.request(**sent, allow_redirects=False, timeout=10)
        self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
        return answer


@pytest.fixture(scope="module")
def door(valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder: Path = tmp_path_factory.mktemp("keys")

    with asyncio.Runner() as runner:
        opened = front_door(valkey, folder)
        made: FrontDoor = runner.run(opened.__aenter__())

        async def cookies() -> str:
            return f"{await made.sign_in()}; {await made.enter()}"

        door = Door(made.gateway.url, runner.run(cookies()))
        with door.session:
            yield door
        runner.run(opened.__aexit__(None, None, None))


@pytest.mark.parametrize(("operation", "mode", "there"), CASES.values(), ids=CASES)
def test_on_any_request_no_answer_is_a_fault_of_ours(
    door: Door, operation: Operation, mode: GenerationMode, there: dict[str, str] | None
) -> None:
    made = operation.as_strategy(generation_mode=mode, path_parameters=there)

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(case=made)
    def ask(case: Case[Any]) -> None:
        answer = door.ask(case)
        assert answer.status_code < 500, f"{answer.status_code}: {answer.text[:500]}"
        if answer.status_code >= 400 and case.path.startswith("/api/"):
            assert json.loads(answer.text)["error"].keys() >= {"code", "message"}

    ask()


def test_what_was_answered_is_of_every_kind(
    door: Door, record_property: Callable[[str, object], None]
) -> None:
    """So that the requests are not all turned away at the guard."""
    record_property("requests made from the schema", sum(door.statuses.values()))

    assert len(OPERATIONS) > 20
    assert {200, 204, 404, 422} <= door.statuses.keys()
    assert not [status for status in door.statuses if status >= 500]
