"""``python:``: any encoder that a Python module or file holds."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from contextlib import contextmanager
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.adapters.options import Options, no_argument
from evalkit.adapters.wrapping import wrap_or_call
from evalkit.errors import EncoderError
from evalkit.types import Form

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from evalkit.protocols import Scorer

SCHEME = "python"
EXAMPLE = "python:my_package.my_module:encode or python:encoder.py:MyEncoder"


def load(argument: str, options: Mapping[str, str]) -> Scorer:
    """``python:module:attr`` or ``python:path/to/file.py:attr``, each with ``?name=...&form=sparse``.

    Whatever is importable from the current folder can be named. See `evalkit.adapters.wrap` for what `attr` may be.
    The form is asked for where it returns anything but one dense vector a text and does not say so itself.

    Raises:
        EncoderError: There is no such module or attribute, importing it fails, or it is no encoder.
    """
    module_name, _, attribute = argument.rpartition(":")
    if not module_name or not attribute:
        raise no_argument(SCHEME, EXAMPLE)
    chosen = Options(SCHEME, options, ("form",))
    name, form = chosen.text("name", ""), Form(chosen.choice("form", Form.DENSE, tuple(Form)))
    target = _attribute(_module(module_name), module_name, attribute)
    stem = Path(module_name).stem if _is_file(module_name) else module_name
    return wrap_or_call(target, name or None, f"{stem}:{attribute}", form if "form" in options else None)


def _is_file(name: str) -> bool:
    return name.endswith(".py")


def _module(name: str) -> ModuleType:
    folder = Path(name).expanduser().resolve().parent if _is_file(name) else Path.cwd()
    with _importable(folder):
        try:
            return _load_file(Path(name).expanduser()) if _is_file(name) else importlib.import_module(name)
        except EncoderError:
            raise
        except (Exception, SystemExit) as error:
            raise _import_error(name, error) from error


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise EncoderError(f"{path} does not exist.", hint=f"Name a module or a file, such as {EXAMPLE}.")
    # A name of its own: the user's `tasks.py` must never stand in for another module called tasks.
    name = f"evalkit_user_{path.stem}_{sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise EncoderError(f"{path} is no Python file.", hint=f"Name a module or a file, such as {EXAMPLE}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import_error(name: str, error: BaseException) -> EncoderError:
    if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
        return EncoderError(
            f"There is no module {name!r}, neither installed nor in {Path.cwd()}.",
            hint=f"Name a module or a file, such as {EXAMPLE}.",
        )
    return EncoderError(
        f"Importing {name!r} failed: {type(error).__name__}: {error}.",
        hint="Mend the module, or install what it needs.",
    )


def _attribute(module: ModuleType, module_name: str, path: str) -> Any:
    target: Any = module
    for part in path.split("."):
        if not hasattr(target, part):
            close = get_close_matches(part, dir(target), n=1)
            meant = f"Did you mean {close[0]}?" if close else "Check its spelling."
            raise EncoderError(f"{module_name} has no attribute {path!r}.", hint=meant)
        target = getattr(target, part)
    return target


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let a folder be imported from, and leave `sys.path` as it was."""
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before
