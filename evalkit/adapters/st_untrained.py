"""The same `SentenceTransformer` with fresh weights: what its architecture gives without training. Imports torch."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from transformers import PreTrainedModel

if TYPE_CHECKING:
    from collections.abc import Iterator


def untrained(model: Any, seed: int) -> Any | None:
    """A copy of a model whose weights are drawn anew; its tokenizer, pooling, prompts and maximum length stay.

    Transformers are made from their own config and initialise themselves as that says. Every other module with
    weights is asked to reset them.

    Args:
        model: A `SentenceTransformer`; it is left as it is.
        seed: Of torch's generator, whose state is put back afterwards.

    Returns:
        The copy, on the same device and in the same number types; None where a module cannot be made anew.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        try:
            # deepcopy takes what its memo holds: the fresh transformers for the trained ones, which are never copied.
            memo = {id(trained): _fresh(trained) for trained in _transformers(model)}
            fresh = copy.deepcopy(model, {**memo, **{id(each): each for each in _tokenizers(model)}})
            return fresh if all(map(_reset, _others(fresh))) else None
        except Exception:  # the classes' own code runs, which may need more than a config
            return None


def _transformers(module: Any) -> Iterator[Any]:
    """The outermost transformers; those within them are made together with them."""
    if isinstance(module, PreTrainedModel):
        yield module
        return
    for child in module.children():
        yield from _transformers(child)


def _others(module: Any) -> Iterator[Any]:
    """Every module outside of transformers."""
    if isinstance(module, PreTrainedModel):
        return
    yield module
    for child in module.children():
        yield from _others(child)


def _fresh(trained: Any) -> Any:
    fresh = type(trained)(copy.deepcopy(trained.config))
    held = dict(trained.named_parameters())
    for name, parameter in fresh.named_parameters():
        parameter.data = parameter.data.to(held[name])
    for name, buffer in trained.named_buffers():
        fresh.get_buffer(name).data = buffer.detach().clone()
    return fresh.train(trained.training)


def _reset(module: Any) -> bool:
    """Draw a module's own weights anew; whether it has none that stay as they were."""
    if not any(True for _ in module.parameters(recurse=False)):
        return True
    reset = getattr(module, "reset_parameters", None)
    if not callable(reset):
        return False
    reset()
    return True


def _tokenizers(model: Any) -> list[Any]:
    held = (getattr(module, "tokenizer", None) for module in model.modules())
    return [tokenizer for tokenizer in held if tokenizer is not None]
