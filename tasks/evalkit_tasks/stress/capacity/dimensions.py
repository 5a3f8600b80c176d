"""Dimensions as a user writes them: `4`, `2..8`, `4,8,12..16`."""

from __future__ import annotations

from evalkit.errors import EvalkitError

_MOST = 100_000
_HINT = "Write numbers and ranges from small to large, such as 2..16 or 4,8,12..16."


def parsed(text: str) -> tuple[int, ...]:
    """The dimensions in rising order, each once.

    Raises:
        EvalkitError: It is no such list.
    """
    found: set[int] = set()
    for part in text.split(","):
        first, dots, last = part.strip().partition("..")
        low = _number(first, text)
        high = _number(last, text) if dots else low
        if low > high:
            raise EvalkitError(f"The range {part.strip()} runs backwards.", hint=_HINT)
        found.update(range(low, high + 1))
    return tuple(sorted(found))


def _number(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise EvalkitError(f"{whole!r} is no list of dimensions.", hint=_HINT)
    if int(text) < 1:
        raise EvalkitError(f"Vectors of {int(text)} dimensions do not exist.", hint=_HINT)
    if len(text) > len(str(_MOST)) or int(text) > _MOST:
        raise EvalkitError(f"{text} dimensions are more than the {_MOST:,} that can be asked for.", hint=_HINT)
    return int(text)
