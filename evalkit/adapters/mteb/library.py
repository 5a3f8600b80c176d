"""The mteb library: imported when it is asked for, and kept quiet."""

from __future__ import annotations

import importlib
import logging
import sys
import time
import warnings
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from evalkit.adapters.extras import DISTRIBUTION, calm_tokenizers, root_logger_untouched
from evalkit.adapters.hub import hub_reachable
from evalkit.errors import EvalkitError, in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTRA = "mteb"
_PATIENCE = 60.0
"""Seconds for which a hub that did not answer is not asked again."""
_silent_since: dict[str, float] = {}
INSTALL = f"Run: pip install '{DISTRIBUTION}[{EXTRA}]'"


def mteb(part: str = "") -> Any:
    """The library, or one of its modules.

    Raises:
        EvalkitError: It is not installed, or cannot be imported.
    """
    name = f"mteb.{part}" if part else "mteb"
    if "mteb" not in sys.modules and find_spec("mteb") is None:
        raise EvalkitError("This needs mteb, which is not installed.", hint=f"{INSTALL}.")
    calm_tokenizers()
    try:
        with root_logger_untouched(), quiet():
            return importlib.import_module(name)
    except ImportError as error:
        raise EvalkitError(
            f"mteb is installed but {name} cannot be imported: {in_words(error)}.", hint="Reinstall it."
        ) from error


def mteb_version() -> str:
    """Version of the installed library."""
    return version("mteb")


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings, log lines and progress bars of mteb and the libraries beneath; what was set comes back."""
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(_silent_loggers("mteb", "datasets", "huggingface_hub"))
        stack.enter_context(_no_progress_bars())
        yield


@contextmanager
def hub_or_cache() -> Iterator[bool]:
    """Whether the hub answers; where it does not, its libraries look in their caches at once instead of waiting."""
    reachable = _is_reachable()
    constants: Any = importlib.import_module("huggingface_hub.constants")
    holders = [constants, *([config] if (config := _datasets_config()) is not None else [])]
    before = [holder.HF_HUB_OFFLINE for holder in holders]
    for holder in holders:
        holder.HF_HUB_OFFLINE = holder.HF_HUB_OFFLINE or not reachable
    try:
        yield reachable
    finally:
        for holder, value in zip(holders, before, strict=True):
            holder.HF_HUB_OFFLINE = value


def _is_reachable() -> bool:
    """Asked anew, but not of every task of a suite when it has just not answered."""
    if time.monotonic() - _silent_since.get("hub", -_PATIENCE) < _PATIENCE:
        return False
    reachable = hub_reachable()
    if not reachable:
        _silent_since["hub"] = time.monotonic()
    return reachable


def _datasets_config() -> Any:
    return importlib.import_module("datasets.config") if find_spec("datasets") is not None else None


@contextmanager
def _silent_loggers(*names: str) -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """No bar is shown, whatever its caller says."""
    if find_spec("tqdm") is None:
        yield
        return
    bar: Any = importlib.import_module("tqdm.std").tqdm
    own, data_sets = bar.__init__, sys.modules.get("datasets.utils.tqdm")
    shown = data_sets is not None and not data_sets.are_progress_bars_disabled()

    def silent(self: Any, *args: Any, **kwargs: Any) -> None:
        own(self, *args, **{**kwargs, "disable": True})

    bar.__init__ = silent
    if data_sets is not None:
        data_sets.disable_progress_bars()
    try:
        yield
    finally:
        bar.__init__ = own
        if data_sets is not None and shown:
            data_sets.enable_progress_bars()
