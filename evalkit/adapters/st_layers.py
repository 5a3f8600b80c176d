"""A `SentenceTransformer` cut off after some of its layers. Imports torch."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from torch import nn
from transformers import PreTrainedModel

from evalkit.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DEPTH = "num_hidden_layers"
_BY_LAYER = "layer_types"
"""The entry of a transformers config that says what kind each layer is of."""


def cut(model: Any, layer: int, *, name: str) -> Any:
    """A copy of a model whose transformers have the first layers alone; it shares the weights with the model.

    What stands behind the stack of layers (a final normalisation, pooling, a dense module) stays.

    Args:
        model: A `SentenceTransformer`; it is left as it is.
        layer: How many layers are kept, from 1. With as many as there are, the model itself is returned.
        name: The encoder's name, for errors.

    Raises:
        EncoderError: It has not so many layers, or no stack of them that can be told from the rest.
    """
    depths = [len(_stack(transformer, name)) for transformer in _transformers(model)]
    if not depths:
        raise _no_stack(name)
    if not 1 <= layer <= min(depths):
        raise EncoderError(
            f"{name} has {min(depths)} layers, so that layer:{layer} cannot be had.",
            hint=f"Give a number from 1 to {min(depths)}.",
        )
    return model if set(depths) == {layer} else _shortened(model, layer, name)


def _shortened(model: Any, layer: int, name: str) -> Any:
    # deepcopy takes what its memo holds, so that weights and tokenizers are shared and not copied.
    shared = [*model.parameters(), *model.buffers(), *_tokenizers(model)]
    short = copy.deepcopy(model, {id(each): each for each in shared})
    for transformer in _transformers(short):
        # The config says how long the stack is, so it is changed last.
        del _stack(transformer, name)[layer:]
        _say(transformer.config, layer)
    return short


def _say(config: Any, layer: int) -> None:
    own = _text_config(config)
    if isinstance(getattr(own, _BY_LAYER, None), list | tuple):
        setattr(own, _BY_LAYER, list(getattr(own, _BY_LAYER)[:layer]))
    setattr(own, _DEPTH, layer)


def _stack(transformer: Any, name: str) -> nn.ModuleList:
    """The one list of modules that is as long as the config says that there are layers.

    Lists within such a list are none: they belong to a layer.
    """
    depth = getattr(_text_config(transformer.config), _DEPTH, None)
    found = list(_lists(transformer, depth)) if depth else []
    if len(found) != 1:
        raise _no_stack(name)
    stack: nn.ModuleList = found[0]
    return stack


def _lists(module: Any, depth: int) -> Iterator[nn.ModuleList]:
    for child in module.children():
        if isinstance(child, nn.ModuleList) and len(child) == depth:
            yield child
        else:
            yield from _lists(child, depth)


def _transformers(module: Any) -> Iterator[Any]:
    """The outermost transformers."""
    if isinstance(module, PreTrainedModel):
        yield module
        return
    for child in module.children():
        yield from _transformers(child)


def _text_config(config: Any) -> Any:
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def _tokenizers(model: Any) -> Sequence[Any]:
    held = (getattr(module, "tokenizer", None) for module in model.modules())
    return [tokenizer for tokenizer in held if tokenizer is not None]


def _no_stack(name: str) -> EncoderError:
    return EncoderError(
        f"{name} has no stack of layers that could be cut: no list of modules alone is as long as its config says.",
        hint="Leave layer out.",
    )
