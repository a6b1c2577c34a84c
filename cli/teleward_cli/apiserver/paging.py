"""Lists in pages: every page shows the moment of the first.

Source: Kubernetes API concepts, "Retrieving large results sets in chunks".
"""

import base64
import binascii
import itertools
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from teleward_cli.apiserver.documents import Document
from teleward_cli.apiserver.errors import StatusError, bad_request

KEPT = 64
"""Lists whose next page is remembered; who comes later lists again."""


@dataclass(frozen=True, slots=True)
class _Rest:
    items: Sequence[Document]
    version: int


class Pages:
    """What is left of the lists that are being read in pages."""

    def __init__(self) -> None:
        self._rests: OrderedDict[int, _Rest] = OrderedDict()
        self._numbers = itertools.count(1)

    def first(
        self, items: Sequence[Document], version: int, limit: int
    ) -> tuple[list[Document], Document]:
        """Begin a list: its first page (all of it when `limit` is 0) and the list's metadata."""
        return self._page(_Rest(items, version), limit)

    def next(self, token: str, limit: int) -> tuple[list[Document], Document]:
        """Go on with a list.

        Raises:
            StatusError: 400 when the token is none of ours; 410 when its list is no longer remembered.
        """
        try:
            number = json.loads(base64.urlsafe_b64decode(token))["list"]
        except (binascii.Error, ValueError, LookupError, TypeError) as err:
            raise bad_request("invalid continue token: continue key is not valid") from err
        rest = self._rests.get(number)
        if rest is None:
            raise StatusError(
                410, "Expired",
                "The provided continue parameter is too old to display a consistent list result. "
                "You must start a new list without the continue parameter.",
            )  # fmt: skip
        return self._page(rest, limit)

    def _page(self, rest: _Rest, limit: int) -> tuple[list[Document], Document]:
        meta: Document = {"resourceVersion": str(rest.version)}
        page, left = rest.items[: limit or None], rest.items[limit:] if limit else []
        if left:
            number = next(self._numbers)
            self._rests[number] = _Rest(left, rest.version)
            if len(self._rests) > KEPT:
                self._rests.popitem(last=False)
            token = json.dumps({"list": number}).encode()
            meta["continue"] = base64.urlsafe_b64encode(token).decode()
            meta["remainingItemCount"] = len(left)
        return [*page], meta
