"""Write `admission.md` and `visits.md` from the gateway's tables: who may do what, and what can happen to a visit.

`--check` changes nothing and exits with 1 when a page is not what the tables say.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from teleward_gateway.core.admission import PERMITTED, VISIT_ACTIONS, Action, needed_for
from teleward_gateway.core.visits import OVER, TRANSITIONS, VisitAction, VisitState

HERE = Path(__file__).parent

ADMISSION = """# Who may do what

Written by `make docs` from the one table in front of every door, `gateway/teleward_gateway/core/admission.py`.

* A role counts in the clinic whose team has it; a role of the organisation counts in each of its clinics; neither
  counts anywhere else. Who signed in at an issuer has roles in the organisation that declares it and in no other.
* A team names users or groups, as the issuer tells them. Both are judged at each door: who is taken out is out.
* `Patient` is who holds the ticket of a visit to this very clinic, `Owner` whose user room it is, and
  `Guest` who has used a guest link to this very clinic that is good still; where it leads, the link says.
* Several permit what any of them does. What is not permitted looks like what is not there.

`tests/contract/test_admission_matrix.py` tries every cell at the real doors, over HTTP and WebSocket.
"""

VISITS = """# What can happen to a visit

Written by `make docs` from the tables in `gateway/teleward_gateway/core/visits.py` and `admission.py`. Every other step
is refused. When a visit is over, what the patient said is gone in the same step. A visit is handed over by who called
it in, or by who may hand over those of others. A patient is added to a consultation by its owner; several visits that
share a call have each their own state, and the call ends with the last of them.
"""


def admission() -> str:
    """Render the matrix of standings and actions."""
    rows = [
        ["", *(standing.value for standing in PERMITTED)],
        ["---", *("---" for _ in PERMITTED)],
        *(
            [_words(action), *("yes" if action in may else "" for may in PERMITTED.values())]
            for action in Action
        ),
    ]
    return "\n".join([ADMISSION, *map(_row, rows)]) + "\n"


def visits() -> str:
    """Render the states as a drawing and the steps as a table."""
    drawing = ["```mermaid", "stateDiagram-v2", "    [*] --> waiting: enter", *_arrows()]
    drawing += [f"    {state} --> [*]" for state in VisitState if state in OVER] + ["```", ""]
    table = [_row(["step", "from", "to", "who"]), _row(["---"] * 4), *map(_row, _steps())]
    return "\n".join([VISITS, *drawing, *table]) + "\n"


def _arrows() -> Iterator[str]:
    for action, moves in TRANSITIONS.items():
        for before, after in moves.items():
            yield f"    {before} --> {after}: {_words(action)}"


def _steps() -> Iterator[list[str]]:
    for action, moves in TRANSITIONS.items():
        for before, after in moves.items():
            yield [_words(action), _words(before), _words(after), _who(action, before)]


def _who(action: VisitAction, before: VisitState) -> str:
    if action not in VISIT_ACTIONS:
        return "the patient's page"
    needed = needed_for(action, before)
    return ", ".join(standing for standing, may in PERMITTED.items() if needed <= may)


def _words(name: Action | VisitAction | VisitState) -> str:
    return name.value.replace("_", " ")


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


PAGES = {HERE / "admission.md": admission, HERE / "visits.md": visits}


def main() -> None:
    """Write, or check."""
    stale = [path for path, page in PAGES.items() if not _holds(path, page())]
    if "--check" in sys.argv[1:]:
        if stale:
            sys.exit(
                f"{', '.join(p.name for p in stale)}: not what the code says. Next: make docs"
            )
        return
    for path in stale:
        path.write_text(PAGES[path](), "utf-8")


def _holds(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


if __name__ == "__main__":
    main()
