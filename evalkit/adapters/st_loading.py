"""Models of the sentence-transformers library by name or folder, each only by the encoder that is made for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.adapters.extras import calm_tokenizers, require
from evalkit.adapters.hub import hub_reachable, is_local, unloadable
from evalkit.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from evalkit.adapters.options import Options

    Recognise = Callable[[str, str | None, bool], str]
    Build = Callable[[Any, str, Mapping[str, Any]], Any]

EXTRA = "sentence-transformers"
AUTO = "auto"
DENSE = "SentenceTransformer"
SPARSE = "SparseEncoder"
MULTI = "MultiVectorEncoder"
CROSS = "CrossEncoder"
SCHEMES = {DENSE: "st", SPARSE: "splade", MULTI: "colbert", CROSS: "cross"}
"""The encoder family that runs each class of model."""
_CALLED = {
    DENSE: "dense encoders",
    SPARSE: "sparse encoders",
    MULTI: "encoders of several vectors a text",
    CROSS: "cross-encoders",
}
DTYPES = (AUTO, "float32", "float16", "bfloat16")
"""Number type of the weights; unless one is asked for, the library decides, as it does under mteb."""
LOADING = ("max_length", "device", "dtype", "trust_remote_code", "revision", "prompt.")
"""Options that every family has."""


@dataclass(frozen=True)
class Family:
    """What an encoder family runs.

    Attributes:
        wanted: The class of models, a key of `SCHEMES`.
        recognise: Gives the class that (path, revision, offline) is a model of; by default, the one it names.
        build: Makes the model of (library, path, arguments); by default, the class itself does.
        elsewhere: What to do with a model of another class, where that is more than to take another encoder.
    """

    wanted: str
    recognise: Recognise | None = None
    build: Build | None = None
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    def kind(self, path: str, revision: str | None, offline: bool) -> str:
        """The class that a model is of."""
        from evalkit.adapters.st_identity import model_type

        return (self.recognise or model_type)(path, revision, offline)

    def made(self, library: Any, path: str, arguments: Mapping[str, Any]) -> Any:
        """The model."""
        if self.build is not None:
            return self.build(library, path, arguments)
        return getattr(library, self.wanted)(path, **arguments)

    def refused(self, path: str, kind: str, scheme: str) -> EncoderError:
        """The error for a model of another class."""
        other = f"Write {SCHEMES[kind]}:{path}." if kind in SCHEMES else f"Give it a {self.wanted}."
        message = f"{path} is a {kind}; the {scheme} encoder runs {_CALLED[self.wanted]}."
        return EncoderError(message, hint=self.elsewhere.get(kind, other))


def load_model(family: Family, argument: str, options: Options, *, settings: Mapping[str, Any] | None = None) -> Any:
    """The model of a spec.

    Args:
        family: What the encoder runs.
        argument: Name or folder of the model.
        options: Of the spec; those of `LOADING` are read, but for the prompts.
        settings: Further arguments of the class.

    Raises:
        EncoderError: The library is missing or too old, the model cannot be loaded or is of another class.
    """
    calm_tokenizers()
    dtype = options.choice("dtype", DTYPES[0], DTYPES)
    device = options.text("device", AUTO)
    max_length = options.integer("max_length", 512) if "max_length" in options.given else None
    arguments: dict[str, Any] = {
        "device": None if device == AUTO else device,
        "trust_remote_code": options.flag("trust_remote_code", False),
        "revision": options.text("revision", "") or None,
        **(settings or {}),
    }
    library = require("sentence_transformers", extra=EXTRA, scheme=options.scheme)
    _check_device(options, device)
    check_version(library, family.wanted, options.scheme)
    path = str(Path(argument).expanduser()) if is_local(argument) else argument
    model = _load(library, family, options.scheme, path, dtype, arguments)
    if max_length is not None:
        model.max_seq_length = max_length
    return model


def _load(library: Any, family: Family, scheme: str, path: str, dtype: str, arguments: Mapping[str, Any]) -> Any:
    from evalkit.adapters.st_identity import check_there, dtype_argument, quiet_loading, with_dtype

    offline = not is_local(path) and not hub_reachable()
    model_kwargs = {} if dtype == AUTO else dtype_argument(dtype)
    try:
        with quiet_loading():
            kind = family.kind(path, arguments["revision"], offline)
            if kind != family.wanted:
                check_there(path, arguments["revision"], offline)
                # The library would put layers of its own on top and give vectors that nobody trained.
                raise family.refused(path, kind, scheme)
            model = family.made(library, path, {**arguments, "model_kwargs": model_kwargs, "local_files_only": offline})
    except EncoderError:
        raise
    except Exception as error:
        raise _missing_package(path, error) or unloadable(scheme, path, error, local=is_local(path)) from error
    return model if dtype == AUTO else with_dtype(model, dtype)


def _missing_package(path: str, error: Exception) -> EncoderError | None:
    """A model saved by another library may name that one's classes, as those of pylate do."""
    name = (getattr(error, "name", None) or "").partition(".")[0]
    if not isinstance(error, ImportError) or name != "pylate":
        return None
    return EncoderError(f"{path} needs pylate, which is not installed.", hint="Run: pip install pylate")


def check_version(library: Any, wanted: str, scheme: str) -> None:
    """Refuse a library that does not know a class of models yet."""
    if not hasattr(library, wanted):
        raise EncoderError(
            f"The {scheme} encoder needs a newer sentence-transformers: {library.__version__} has no {wanted}.",
            hint="Run: pip install --upgrade sentence-transformers",
        )


def _check_device(options: Options, device: str) -> None:
    """Refuse a device that is not there with a sentence; torch would fail only when the model is moved to it."""
    torch = require("torch", extra=EXTRA, scheme=options.scheme)
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == AUTO or there.get(device.partition(":")[0], device.partition(":")[0] not in there):
        return
    found = ", ".join([AUTO, *(name for name, available in there.items() if available)])
    raise options.refuse("device", f"on this machine; there is {found}")
