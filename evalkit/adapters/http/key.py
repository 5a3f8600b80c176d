"""The key of an endpoint: read from the environment, sent to the server, and hidden from everybody else."""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from evalkit.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = "EVALKIT_HTTP_KEY"
OPENAI = "OPENAI_API_KEY"
OPENAI_HOST = "openai.com"
BEARER = "Authorization"
HIDDEN = "[key]"

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_SENDABLE = re.compile(r"[\x21-\x7e]+")
_LONG = 12
"""From so many characters on, a part of a key counts as the key: servers quote its beginning or its end."""
_LOGS = ("httpcore2.http11", "httpcore2.http2")
"""Loggers that write the headers of answers, in which a server might quote the key."""


class Key:
    """A key that only the server gets to see.

    Args:
        value: The key; empty where there is none.
        header: The header that carries it: ``Authorization`` as a bearer token, any other as it is.
    """

    def __init__(self, value: str = "", header: str = BEARER) -> None:
        self._value = value
        self._header = BEARER if header.lower() == BEARER.lower() else header
        self._pattern = _pattern(value) if value else None

    def __repr__(self) -> str:
        return f"Key({HIDDEN if self._value else ''})"

    def headers(self) -> dict[str, str]:
        """What goes with every request."""
        if not self._value:
            return {}
        return {self._header: f"Bearer {self._value}" if self._header == BEARER else self._value}

    def hide(self, text: str) -> str:
        """A text of somebody else, without the key and without words that hold its beginning or its end."""
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)

    def within(self, text: str) -> bool:
        """Whether a text holds the whole key; one too short to be a secret counts nowhere."""
        return len(self._value) >= _LONG and self._value in text

    def hide_in_logs(self) -> None:
        """Keep what a server quotes in its headers out of the logs of the library."""
        if self._value:
            for name in _LOGS:
                logging.getLogger(name).addFilter(self._hide_record)

    def _hide_record(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self.hide(record.getMessage()), ()
        return True


def find_key(url: str, named: str, header: str, environment: Mapping[str, str] | None = None) -> Key:
    """The key for an endpoint.

    Args:
        url: The endpoint.
        named: The variable that the user names; empty takes `EVALKIT_HTTP_KEY`, or for OpenAI's own hosts
            `OPENAI_API_KEY`. No other server is sent a key that was not meant for it.
        header: The header that carries it.
        environment: The variables.

    Raises:
        EncoderError: The variable that the user names is not set, or what it holds cannot be sent.
    """
    variables = os.environ if environment is None else environment
    if named and not _VARIABLE.fullmatch(named):
        # It is not shown: it may be the key itself.
        raise EncoderError(
            "The http encoder's option key_env is not the name of an environment variable.",
            hint="Give its name in capitals, such as key_env=MY_KEY, and never the key.",
        )
    variable = named or (OWN if variables.get(OWN) or not _is_openai(url) else OPENAI)
    value = variables.get(variable, "").strip()
    if named and not value:
        raise EncoderError(f"The environment variable {named} holds no key.", hint="Set it, or leave out key_env.")
    if value and not _SENDABLE.fullmatch(value):
        raise EncoderError(
            f"The key in {variable} holds characters that no key has, such as a space.", hint="Set it anew."
        )
    return Key(value, header)


def _is_openai(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return url.startswith("https:") and (host == OPENAI_HOST or host.endswith(f".{OPENAI_HOST}"))


def _pattern(value: str) -> re.Pattern[str]:
    whole = re.escape(value)
    if len(value) < _LONG:
        return re.compile(rf"(?<!\w){whole}(?!\w)")
    start, end = re.escape(value[:5]), re.escape(value[-4:])
    return re.compile(rf"{whole}|[^\s\"']*(?:{start}|{end})[^\s\"']*")
