"""Fixtures that every test file may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Before torch or NumPy load: two threads on a busy two-core machine are slower than one, and one is reproducible.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# Two workers and the processes that tests start share the cores: how long an example takes says nothing.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data sets and reference scores beside the checkout; they are never part of it."""
    folder = ROOT.parent / "shared" / "data"
    if not (folder / "reference.json").is_file():
        pytest.skip("the reference data (../shared/data) are not on this machine")
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the developer's own embedding cache."""
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def encoded_once(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, _own_cache: None) -> Path:
    """One embedding cache for tests of real encoders, whichever comes first, and for all workers of pytest-xdist."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # each worker has a folder in that of the session
    monkeypatch.setenv("EVALKIT_CACHE", str(folder / "encoded-once"))
    return folder / "encoded-once"
