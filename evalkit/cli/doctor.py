"""`evalkit doctor`."""

from __future__ import annotations

import os
import re
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from evalkit.cli import console
from evalkit.cli.cache import disk_size
from evalkit.cli.options import Json

if TYPE_CHECKING:
    from pathlib import Path

_DISTRIBUTION = "evalkit-embeddings"
_PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "bm25s",
    "lmdb",
    "pydantic",
    "typer",
    "rich",
    "torch",
    "transformers",
    "sentence-transformers",
    "model2vec",
    "wordllama",
    "mteb",
)
_NOT_FOR_USERS = frozenset({"all", "dev", "bench"})
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+).*;\s*extra\s*==\s*['\"]([^'\"]+)['\"]")


def doctor(json: Json = False) -> None:
    """Show versions, extras, devices and the cache: what to paste into a bug report."""
    report = _report()
    if json:
        console.json_data(report)
        return
    for key, value in _lines(report):
        console.line(f"{key:<27} {value}")


COMMAND = doctor


def _report() -> dict[str, Any]:
    import platform

    from evalkit._version import __version__
    from evalkit.repeats import available_workers

    return {
        "evalkit": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "extras": {extra: not missing for extra, missing in _extras().items()},
        "missing": {extra: missing for extra, missing in _extras().items() if missing},
        "cpus": os.cpu_count(),
        "workers": available_workers(),
        "devices": _devices(),
        "cache": _cache(),
    }


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _extras() -> dict[str, list[str]]:
    """Every extra that users install, and which of its packages are missing."""
    try:
        found = [match.groups() for text in requires(_DISTRIBUTION) or () if (match := _REQUIREMENT.match(text))]
    except PackageNotFoundError:  # run from a source tree that is not installed
        return {}
    extras: dict[str, list[str]] = {extra: [] for _, extra in found if extra not in _NOT_FOR_USERS}
    for package, extra in found:
        if extra in extras and _version(package) is None:
            extras[extra].append(package)
    return extras


def _devices() -> list[str]:
    if find_spec("torch") is None:
        return ["cpu"]
    try:
        import torch

        cuda = [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
        return ["cpu", *cuda, *(["mps"] if torch.backends.mps.is_available() else [])]
    except Exception as error:  # a broken PyTorch is a finding, not a crash
        return ["cpu", f"torch cannot be asked: {type(error).__name__}: {error}"]


def _cache() -> dict[str, Any]:
    from evalkit.embedding import cache_folder

    folder = cache_folder()
    return {"folder": str(folder), "bytes": disk_size(folder), "writable": _writable(folder)}


def _writable(folder: Path) -> bool:
    """Whether the folder, or the nearest one above it that exists, can be written."""
    there = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _lines(report: dict[str, Any]) -> list[tuple[str, str]]:
    cache = report["cache"]
    writable = "writable" if cache["writable"] else "not writable: set EVALKIT_CACHE to another folder"
    extras = [
        (f"extra {extra}", "usable" if usable else _install(extra, report["missing"][extra]))
        for extra, usable in report["extras"].items()
    ]
    return [
        *((key, report[key]) for key in ("evalkit", "python", "platform")),
        *((name, found or "not installed") for name, found in report["packages"].items()),
        *extras,
        ("cpus", f"{report['cpus']}, {console.counted(report['workers'], 'worker')}"),
        ("devices", ", ".join(report["devices"])),
        ("cache", f"{cache['folder']}, {console.size(cache['bytes'])}, {writable}"),
    ]


def _install(extra: str, missing: list[str]) -> str:
    return f"lacks {', '.join(missing)}: pip install '{_DISTRIBUTION}[{extra}]'"
