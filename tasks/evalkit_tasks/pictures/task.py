"""The task type `ImageRankability`: the probe of `Rankability` on vectors of pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.errors import CellError, DataError
from evalkit.observations import Observations, parse_statistic
from evalkit.protocols import Encoder
from evalkit.types import Role
from evalkit_tasks.pictures.encoder import PictureEncoder
from evalkit_tasks.pictures.items import PictureItems, picture_files, read_pictures
from evalkit_tasks.pictures.protocol import ImageEncoder
from evalkit_tasks.pictures.untrained import untrained_pictures
from evalkit_tasks.rankability.task import Embedded, RankabilityTask

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.protocols import Cell, CellScores, Workbench
    from evalkit.types import FloatArray, Vectors

_TEXT_RUNG, _RUNG = "length", "brightness"


class ImageRankabilityTask(RankabilityTask):
    """As `RankabilityTask`, of a folder of pictures; in place of the text's length stands the picture's brightness.

    Attributes:
        images: Says that it needs an encoder with `encode_images`.
    """

    images: bool = True

    def metrics(self) -> tuple[str, ...]:
        """Those of texts, but for the lowest rung."""
        return tuple(_renamed(name) for name in super().metrics())

    def files(self, cell: Cell) -> list[Path]:
        """The rows and every picture that they name."""
        [rows] = super().files(cell)
        return [rows, *picture_files(rows)]

    def items(self, cell: Cell) -> PictureItems:
        """The items of a cell, checked against the protocol.

        Raises:
            DataError: They cannot be put in order, or the protocol asks for what they have not.
        """
        path = self.files(cell)[0]
        items = read_pictures(path)
        if missing := sorted({*self.parameters.transfer_to} - {*items.names}):
            raise DataError(
                f"{path} has no group {missing[0]!r}; it has {', '.join(items.names) or 'none'}.",
                hint="Correct transfer_to in task.toml.",
            )
        return items

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell.

        Raises:
            CellError: The encoder takes no images.
        """
        encoder = bench.scorer
        if not isinstance(encoder, ImageEncoder):
            raise CellError(f"{encoder.name} takes no images.", hint="Give it tasks of texts.")
        items = self.items(cell)
        embedded = self._embedded(encoder, items, bench)
        scores = self._scores(items, embedded, bench.workers, self.notes(cell))
        return _with_brightness(scores, items.brightness())

    def _embedded(self, encoder: ImageEncoder, items: PictureItems, bench: Workbench) -> Embedded:
        bench.expect(2 * len(items))
        vectors = _embed(encoder, items, bench)
        fresh, which = untrained_pictures(encoder, vectors.shape[1], self.parameters.seed)
        return Embedded(vectors, _embed(fresh, items, bench), which, self._ends(bench))

    def _ends(self, bench: Workbench) -> Vectors | None:
        """(2, d) vectors of the two texts of the zero-shot axis, where the encoder takes texts too."""
        ends, encoder = self.parameters.zero_shot, bench.scorer
        if ends is None or not isinstance(encoder, Encoder) or getattr(encoder, "images_only", False):
            return None
        bench.expect(2)
        return bench.embed([ends.high, ends.low], role=Role.TEXT)


def _embed(encoder: ImageEncoder, items: PictureItems, bench: Workbench) -> Vectors:
    return bench.beside(PictureEncoder(encoder, items.files)).embed(items.texts, role=Role.TEXT)


def _with_brightness(scores: CellScores, brightness: FloatArray) -> CellScores:
    """The scores with the picture's brightness where a text's length was, which of digests says nothing."""
    old = scores.observed
    columns = {
        _RUNG if name == _TEXT_RUNG else name: brightness if name == _TEXT_RUNG else column
        for name, column in old.columns.items()
    }
    statistics = {_renamed(name): statistic for name, statistic in old.statistics.items()}
    statistics[f"spearman_{_RUNG}"] = parse_statistic(f"spearman(value, {_RUNG})")
    observations = Observations(unit=old.unit, columns=columns, labels=old.labels, statistics=statistics)
    return replace(scores, observations=observations, warnings=(*scores.warnings, *_note(observations)))


def _renamed(metric: str) -> str:
    return f"spearman_{_RUNG}" if metric == f"spearman_{_TEXT_RUNG}" else metric


def _note(observations: Observations) -> tuple[str, ...]:
    alone, linear = (observations.value(name) for name in (f"spearman_{_RUNG}", "spearman"))
    if not abs(alone) > abs(linear):
        return ()
    return (
        f"How bright the pictures are alone orders them better ({alone:+.3f}) than the linear axis ({linear:+.3f}).",
    )
