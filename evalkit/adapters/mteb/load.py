"""From a spec to a model of mteb's registry."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from evalkit.adapters.mteb.encoder import MtebModel, form_of
from evalkit.adapters.mteb.library import hub_or_cache, mteb, quiet
from evalkit.adapters.mteb.ranker import MtebCrossEncoder, MtebSearch
from evalkit.adapters.options import Options, no_argument
from evalkit.errors import EncoderError, in_words
from evalkit.types import Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.protocols import Scorer

SCHEME = "mteb"
AUTO = "auto"
KNOWN = ("revision", "device", "similarity", "loader.")


def load(argument: str, options: Mapping[str, str]) -> Scorer:
    """``mteb:NAME?revision=REVISION&device=cpu&loader.KEY=VALUE``.

    A cross-encoder, or a model with a search of its own, is a `evalkit.protocols.Ranker`.

    Raises:
        EncoderError: mteb knows no such model, it cannot be loaded, or an option is unknown or malformed.
    """
    if not argument:
        raise no_argument(SCHEME, "mteb:sentence-transformers/all-MiniLM-L6-v2")
    chosen = Options(SCHEME, options, KNOWN)
    similarity = chosen.choice("similarity", AUTO, (AUTO, *Similarity))
    name, device = chosen.name(argument), chosen.text("device", AUTO)
    given = {key: _value(text) for key, text in chosen.family("loader.").items()}
    with hub_or_cache() as reachable:
        meta = _meta(argument, chosen.text("revision", "") or None, reachable=reachable)
        model = _model(meta, None if device == AUTO else device, given)
    return _wrapped(model, name, given, None if similarity == AUTO else Similarity(similarity))


def _wrapped(model: Any, name: str, given: Mapping[str, Any], similarity: Similarity | None) -> Scorer:
    form = form_of(model)
    if form is not None:
        return MtebModel(model, name, given=given, similarity=similarity, form=form)
    if callable(getattr(model, "predict", None)):
        return MtebCrossEncoder(model, name, given=given)
    if callable(getattr(model, "search", None)) and callable(getattr(model, "index", None)):
        return MtebSearch(model, name, given=given)
    raise EncoderError(
        f"mteb's {type(model).__name__} has neither vectors nor a search that evalkit can use.",
        hint="Choose another model.",
    )


def _meta(name: str, revision: str | None, *, reachable: bool) -> Any:
    library = mteb()
    with quiet():
        try:
            return library.get_model_meta(name, revision)
        except ValueError as error:
            raise EncoderError(f"{in_words(error)}.", hint="Leave out ?revision= or give the one it expects.") from None
        except KeyError:
            if not reachable:
                raise _unknown(name) from None
        try:
            return library.get_model_meta(name, revision, fetch_from_hf=True)
        except Exception as error:  # what the hub's client raises is its own affair
            raise EncoderError(
                f"mteb's registry has no model {name!r}, and it cannot be made from the Hugging Face Hub: "
                f"{in_words(error)}.",
                hint="Check the name; `mteb available_models` shows the registry.",
            ) from error


def _unknown(name: str) -> EncoderError:
    names = mteb("models.model_implementations").MODEL_REGISTRY
    close = get_close_matches(name, names, n=3) or [each for each in names if each.partition("/")[2] == name]
    meant = f"Did you mean {' or '.join(close)}?" if close else "Check the name; st:PATH runs a local folder."
    return EncoderError(
        f"mteb's registry has no model {name!r}, and the Hugging Face Hub cannot be reached.", hint=meant
    )


def _model(meta: Any, device: str | None, given: Mapping[str, Any]) -> Any:
    with quiet():
        try:
            return meta.load_model(device=device, **given)
        except (Exception, SystemExit) as error:
            raise EncoderError(
                f"mteb cannot load {meta.name} (revision {meta.revision}): {in_words(error, 400)}.",
                hint="Install what it names, or check that the model is on this machine or the network is there.",
            ) from error


def _value(text: str) -> Any:
    """A value as JSON has it (128, true, null, [1, 2]); anything else is text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
