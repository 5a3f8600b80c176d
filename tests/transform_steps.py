"""Transforms by their specs, applied to vectors without an encoder."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from evalkit.types import Role, Vectors

D = 12
EPS = float(np.finfo(np.float32).eps)


def make(step: str, options: Mapping[str, str] | None = None) -> Any:
    name, _, argument = step.partition(":")
    [point] = entry_points(group="evalkit.transforms", name=name)
    return point.load()(argument, options or {})


def ready(step: str, sample: Any = None) -> Any:
    transform = make(step)
    return transform.apply(sample if transform.fitted else None)


def change(step: str, x: Any, sample: Any = None) -> Any:
    return ready(step, x if sample is None else sample)(x, role=Role.TEXT)


def normal(n: int = 200, d: int = D, seed: int = 0) -> Vectors:
    """Correlated, off centre, every dimension at another scale."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((d, d)) * np.linspace(0.3, 2, d)
    return (rng.standard_normal((n, d)) @ mixing + rng.standard_normal(d)).astype(np.float32)


SAMPLE = normal()
quick = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
values = st.floats(-100, 100, width=32)
matrices = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: arrays(np.float32, shape, elements=values)
)


def sparse(n: int = 40, d: int = 50, seed: int = 0) -> csr_array:
    x = normal(n, d, seed)
    return csr_array(np.where(np.abs(x) > np.quantile(np.abs(x), 0.8), x, np.float32(0)))
