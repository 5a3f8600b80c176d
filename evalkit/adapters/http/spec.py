"""From a spec to the encoder: every option read and checked before anything is sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evalkit.adapters.http.address import endpoint, is_secret, secret_refused
from evalkit.adapters.http.encoder import HttpEncoder
from evalkit.adapters.http.key import BEARER, find_key
from evalkit.adapters.http.settings import CONCURRENCY, RETRIES, SCHEME, TIMEOUT, Settings
from evalkit.adapters.options import Options, no_argument
from evalkit.errors import EncoderError
from evalkit.types import Role, Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.adapters.http.key import Key

EXAMPLE = "http:https://api.openai.com/v1?model=text-embedding-3-small"
ENCODINGS = ("float", "base64")
SIMILARITIES = (Similarity.COSINE, Similarity.DOT)
FIELD = "field."
PROMPT = "prompt."
KNOWN = (
    "model",
    "dimensions",
    "revision",
    "similarity",
    "empty",
    "encoding",
    "batch",
    "concurrency",
    "retries",
    "timeout",
    "key_env",
    "key_header",
    PROMPT,
    FIELD,
)
_OWN = {"model": "model", "dimensions": "dimensions", "encoding_format": "encoding"}
"""Fields of a request that have an option of their own."""


def load(argument: str, options: Mapping[str, str]) -> HttpEncoder:
    """``http:URL?model=NAME&dimensions=256&prompt.query=query: &field.query.input_type=query``.

    Raises:
        EncoderError: The library is missing, the URL is none, it or an option holds a key, or an option is unknown or
            malformed.
    """
    if not argument:
        raise no_argument(SCHEME, EXAMPLE)
    # `http://host/v1?model=x` is a spec too: its scheme is what stands before the first colon.
    url = endpoint(f"{SCHEME}:{argument}" if argument.startswith("//") else argument)
    _refuse_secrets(options)
    chosen = Options(SCHEME, options, KNOWN)
    settings = _settings(url, chosen)
    header = chosen.text("key_header", BEARER)
    if not header.replace("-", "").isalnum() or not header.isascii():
        raise chosen.refuse("key_header", "the name of a header")
    key = find_key(url, options.get("key_env", ""), header)
    _refuse_key(key, argument, options)
    return HttpEncoder(settings, chosen.name(settings.model), key=key)


def load_https(argument: str, options: Mapping[str, str]) -> HttpEncoder:
    """``https://HOST/v1?model=NAME``: the same as ``http:https://HOST/v1?model=NAME``.

    Raises:
        EncoderError: As `load`.
    """
    return load(f"https:{argument}", options)


def _settings(url: str, chosen: Options) -> Settings:
    if "model" not in chosen.given:
        raise EncoderError("The http encoder needs the model's name.", hint=f"For example {EXAMPLE}.")
    given = chosen.given
    return Settings(
        url=url,
        model=chosen.text("model", ""),
        dimensions=chosen.integer("dimensions", 1, most=1 << 20) if "dimensions" in given else None,
        prompts=chosen.family(PROMPT),
        fields=_fields(chosen),
        empty=given.get("empty", ""),
        revision=chosen.text("revision", ""),
        similarity=Similarity(chosen.choice("similarity", Similarity.COSINE, SIMILARITIES)),
        encoding=chosen.choice("encoding", "", ENCODINGS) if "encoding" in given else "",
        batch=chosen.integer("batch", 1, most=1 << 16) if "batch" in given else None,
        concurrency=chosen.integer("concurrency", CONCURRENCY, most=256),
        retries=chosen.integer("retries", RETRIES, least=0, most=100),
        timeout=chosen.number("timeout", TIMEOUT, least=0.01, most=86_400),
    )


def _fields(chosen: Options) -> dict[str, dict[str, Any]]:
    """``field.NAME=value`` under ``""``, ``field.ROLE.NAME=value`` under the role."""
    fields: dict[str, dict[str, Any]] = {}
    for key, value in chosen.family(FIELD).items():
        role, dot, name = key.partition(".")
        if not dot or role not in set(Role):
            role, name = "", key
        if not name or name == "input":
            raise chosen.refuse(FIELD + key, "a further field of the request")
        if name in _OWN:
            raise chosen.refuse(FIELD + key, f"a further field: {_OWN[name]} is an option of its own")
        fields.setdefault(role, {})[name] = _value(value)
    return fields


def _value(text: str) -> Any:
    """A number, true, false, null, list or object of JSON; anything else is a text as it stands."""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return text
    return value


def _refuse_secrets(options: Mapping[str, str]) -> None:
    for key, value in options.items():
        name = key.rpartition(".")[2]
        own = key in KNOWN or key == "name" or key.startswith(PROMPT)
        if not own and is_secret(name, value):
            raise secret_refused("an option")


def _refuse_key(key: Key, argument: str, options: Mapping[str, str]) -> None:
    if any(key.within(text) for text in (argument, *options, *options.values())):
        raise secret_refused("it")
