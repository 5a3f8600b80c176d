"""What an answer with another status than success means: whether to ask again, with less, or not at all."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from evalkit.adapters.http.address import FROM_ENVIRONMENT
from evalkit.adapters.http.patience import MOST
from evalkit.adapters.http.trouble import FailedRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

QUOTED = 200
"""Characters of a server's message in ours."""
PASSING = frozenset({408, 425, 429})
"""Statuses below 500 that say: later."""

_TOO_LONG = re.compile(
    r"too (long|large|many (inputs|texts|tokens|items))|maximum (context|allowed|batch|input|sequence|number|model)"
    r"|exceed|context length|at most \d+|longer than",
    re.IGNORECASE,
)
_REFUSING = frozenset({400, 413, 422})
_TOO_LARGE = re.compile(r"too (long|large)", re.IGNORECASE)
_QUOTA = re.compile(r"insufficient_quota|exceeded your current quota", re.IGNORECASE)
_HINTS = {
    401: f"Check the key. {FROM_ENVIRONMENT}",
    403: f"Check the key. {FROM_ENVIRONMENT}",
    404: "Check the URL (such as http://host/v1, to which /embeddings is added) and the model's name.",
    405: "Check the URL: it should be the API's, such as http://host/v1.",
}


def refusal(
    status: int, body: bytes, location: str, wait: float | None, hide: Callable[[str], str]
) -> FailedRequestError:
    """The trouble behind an answer.

    Args:
        status: Its status.
        body: Its body.
        location: Where it redirects to.
        wait: Seconds that it asks to wait.
        hide: Takes the key out of a text.
    """
    if 300 <= status < 400:
        # A redirect is not followed: the key is meant for this server alone.
        where = hide(location.partition("?")[0])[:QUOTED] or "nowhere"
        return FailedRequestError(
            f"answered {_status(status)} to {where}", hint="Give the URL that the API itself has."
        )
    said = _message(body)
    what = f"answered {_status(status)}{_quoted(hide(said))}"
    if is_too_long(status, said):
        return FailedRequestError(what, too_long=True, hint="Send fewer texts in a request, such as batch=8.")
    if wait is not None and wait > MOST:
        return FailedRequestError(f"{what} and asks to wait {wait:.0f} seconds", hint="Run again later.")
    if _QUOTA.search(said):
        return FailedRequestError(what, hint="Raise the quota, then run again.")
    passing = status in PASSING or status >= 500
    hint = "Run again later, or ask for less at a time (concurrency=1)." if passing else _HINTS.get(status, "")
    return FailedRequestError(what, hint=hint, passing=passing, wait=wait)


def is_too_long(status: int, said: str) -> bool:
    """Whether a server refuses a request for its size, in one of the many ways to say so."""
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return True
    if status in _REFUSING:
        return bool(_TOO_LONG.search(said))
    # llama.cpp answers 500 for an input that is too large, OpenAI 429 for a request beyond the tokens of a minute.
    return status in {429, 500} and bool(_TOO_LARGE.search(said))


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _quoted(said: str) -> str:
    line = " ".join(said.split()).rstrip(".")
    return f" ({line if len(line) <= QUOTED else line[: QUOTED - 3] + '...'})" if line else ""


def _message(body: bytes) -> str:
    """What a server says in the body of an error, in the shapes of OpenAI, FastAPI and plain text."""
    text = body[: 1 << 16].decode("utf-8", "replace")
    if text.lstrip().startswith("<"):
        return "a web page"
    try:
        return _words(json.loads(text)) or text
    except (ValueError, RecursionError):
        return text


def _words(record: Any) -> str:
    if isinstance(record, str):
        return record
    if isinstance(record, list):
        return "; ".join(filter(None, map(_words, record[:3])))
    if not isinstance(record, dict):
        return ""
    found = (_words(record.get(key)) for key in ("error", "message", "detail", "msg"))
    said = next(filter(None, found), "")
    code = record.get("code")
    return f"{said} [{code}]" if said and isinstance(code, str) else said
