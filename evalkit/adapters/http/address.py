"""The address of an endpoint: completed, brought into one form, and free of secrets."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, urlsplit

from evalkit.errors import EncoderError

PATH = "/embeddings"
PORTS = {"http": 80, "https": 443}
USUAL = "http:https://api.example.com/v1?model=NAME"
FROM_ENVIRONMENT = (
    "Put the key into the environment variable EVALKIT_HTTP_KEY, or into another and name it: key_env=NAME."
)

_SECRET = re.compile(r"key|token|secret|passw|auth|credential|signature|^sig$", re.IGNORECASE)
_COUNTS = re.compile(r"tokens|tokeni|token_type", re.IGNORECASE)
"""Names that speak of tokens of text."""
_SHAPED = re.compile(r"(sk-|hf_|nvapi-|bearer\s)", re.IGNORECASE)
_ESCAPED = re.compile(r"%3F|%26|%7C", re.IGNORECASE)
_PLAIN = {"%3F": "?", "%26": "&", "%7C": "|"}


def endpoint(argument: str) -> str:
    """The URL that texts are posted to: the one given where it ends in ``/embeddings``, else that path below it.

    Raises:
        EncoderError: It is no URL of a server, or holds a key or a password.
    """
    # The grammar of specs has these three characters for itself.
    text = _ESCAPED.sub(lambda found: _PLAIN[found.group().upper()], argument.strip())
    parts = _parts(text)
    _refuse_secrets(parts)
    path = parts.path.rstrip("/")
    host = _host(parts)
    return parts._replace(netloc=host, path=path if path.endswith(PATH) else path + PATH).geturl()


def server(url: str) -> str:
    """Host and port, for messages."""
    return urlsplit(url).netloc


def is_secret(name: str, value: str) -> bool:
    """Whether a setting looks like a key that must not stand in a spec: results keep the spec."""
    return bool(_SECRET.search(name) and not _COUNTS.search(name)) or bool(_SHAPED.match(value))


def _parts(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        known = parts.scheme in PORTS and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        known = None
        parts = SplitResult("", "", "", "", "")
    if "@" in parts.netloc:
        raise EncoderError("The http encoder's URL holds a user name or a password.", hint=FROM_ENVIRONMENT)
    if not known or parts.fragment or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise EncoderError("The http encoder's argument is no URL of a server.", hint=f"It looks like {USUAL}.")
    return parts


def _refuse_secrets(parts: SplitResult) -> None:
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if is_secret(name, value):
            raise secret_refused("the URL")


def secret_refused(where: str) -> EncoderError:
    """The error for a key in a spec; it shows neither the key nor the name that it stood under."""
    return EncoderError(
        f"The http encoder takes no key in its spec, since results keep that; {where} seems to hold one.",
        hint=FROM_ENVIRONMENT,
    )


def _host(parts: SplitResult) -> str:
    """Host and port in lower case, the port left out where it is the usual one."""
    name = str(parts.hostname)
    shown = f"[{name}]" if ":" in name else name
    usual = parts.port is None or parts.port == PORTS[parts.scheme]
    return shown if usual else f"{shown}:{parts.port}"
