"""How every Teleward process starts: settings from the environment, refusals that say what to do."""

import os
import sys
from typing import NoReturn, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

_S = TypeVar("_S", bound=BaseSettings)
_PREFIX = "TELEWARD_"


def read_settings(settings: type[_S], program: str) -> _S:
    """Read a process's settings, or end it with one line that names the variable and what is wrong.

    A `TELEWARD_` variable that is no setting is refused: a misspelt one would be silently ignored.
    """
    known = {f"{_PREFIX}{name.upper()}" for name in settings.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith(_PREFIX) and name not in known)
    if unknown:
        refuse_start(
            program,
            f"unknown settings {', '.join(unknown)}",
            "correct or unset them; see its README",
        )
    try:
        return settings()
    except ValidationError as err:
        first = err.errors(include_input=False, include_url=False)[0]
        name = f"{_PREFIX}{'_'.join(str(part) for part in first['loc']).upper()}"
        refuse_start(program, f"{name}: {first['msg']}", "set it; the README lists every setting")


def refuse_start(program: str, problem: str, next_step: str) -> NoReturn:
    """End the process with exit code 1 and one clear line."""
    sys.exit(f"{program}: {problem}. Next: {next_step}.")
