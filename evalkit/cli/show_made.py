"""What an encoder is made of, and what its transforms were fitted on, for `evalkit show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalkit.schema import CellRecord

_LABEL = "made of"


def made_of(parts: Mapping[str, Any], cells: Sequence[CellRecord]) -> Iterator[tuple[str, str]]:
    """Lines of a page, each with its label; nothing of an encoder that is made of nothing else."""
    lines = [*_parts(parts), *_fits(cells)]
    for number, line in enumerate(lines):
        yield "" if number else _LABEL, line


def _parts(parts: Mapping[str, Any]) -> Iterator[str]:
    for key, value in parts.items():
        if isinstance(value, dict):
            yield f"{key} {_one(value)}"
            yield from _parts(value.get("parts", {}))
        elif isinstance(value, list):
            yield from (line for each in value for line in _listed(each))
        else:
            yield f"{key} {value}"


def _listed(part: Mapping[str, Any]) -> Iterator[str]:
    """A transform with its parameters, or a weighted part with what it is made of itself."""
    if "transform" in part:
        yield f"then {part['transform']}: {_pairs(part['parameters'])}"
        return
    yield f"{part.get('weight', 1):g} × {_one(part)}"
    yield from _parts(part.get("parts", {}))


def _one(part: Mapping[str, Any]) -> str:
    fingerprint = part.get("fingerprint")
    return f"{part.get('name')} ({fingerprint[:12] if fingerprint else 'no fingerprint'})"


def _fits(cells: Sequence[CellRecord]) -> Iterator[str]:
    for cell in cells:
        where = f"{cell.split}/{cell.subset}: " if len(cells) > 1 else ""
        for fit in cell.fits:
            source = "the evaluated texts" if fit.get("evaluated") else _pairs(fit.get("texts", {}))
            told = f"{fit.get('n'):,} texts ({fit.get('role')}) of {source}, seed {fit.get('seed')}"
            yield f"{where}{fit.get('transform')} fitted on {told}"


def _pairs(values: Any) -> str:
    if not isinstance(values, dict):
        return str(values)
    return ", ".join(f"{key}={_pairs(value)}" for key, value in values.items() if key != "version")
