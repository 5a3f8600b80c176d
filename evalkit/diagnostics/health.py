"""Which values are worth a second look, and why. Limits are modest: they mark collapse, not mediocrity.

No limit here comes with a proof that encoders beyond it score worse. They are evalkit's own, set where the value has a
plain meaning (more than half of the variance in one direction, say); the papers compare encoders with each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from evalkit.types import Similarity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from evalkit.diagnostics.diagnosis import Diagnosis

FEW_DIRECTIONS = 0.1
"""Share of min(n, d) below which the ranks are suspicious."""
NARROW = 0.02
"""IsoScore below which the vectors fill their space hardly at all."""
HALF = 0.5
STEEP = 2.0
"""alpha-ReQ above which the variance beyond the first ranks is next to nothing."""
CROWDED = -1.5
"""Uniformity above which the vectors crowd together; even spread in many dimensions is near -4."""
FLAT = 2.0
"""Intrinsic dimension below which the vectors lie near a curve."""
HUBS = 5.0
"""Skewness of N_10 above which a few texts are near very many."""
NEARER = 0.9
"""Share of the mean squared distance of any two texts that pairs have to come below."""
FEW_CHANGES = 0.2
"""Share of neighbours that may depend on the choice of similarity."""


class Level(StrEnum):
    """What is to be made of a value."""

    HEALTHY = "healthy"
    SUSPICIOUS = "suspicious"
    PLAIN = "plain"


@dataclass(frozen=True)
class Finding:
    """One diagnostic, judged.

    Attributes:
        name: Name of the diagnostic.
        value: Its value; None where it is undefined.
        level: Whether the value is within its limit; plain where no limit makes sense.
        why: What the value says, in a few words.
        share: Where the value lies between the worst (0) and the best (1) it can be, for a bar; None without bounds.
    """

    name: str
    value: float | None
    level: Level
    why: str
    share: float | None = None


@dataclass(frozen=True)
class _Context:
    values: Mapping[str, float | None]
    most: int
    similarity: str


def findings(diagnosis: Diagnosis, similarity: str = Similarity.COSINE) -> list[Finding]:
    """Every diagnostic but n and dimension, judged, in order.

    Args:
        diagnosis: The values.
        similarity: How the encoder says that its vectors are compared, ``cosine`` or ``dot``.
    """
    context = _Context(diagnosis.values, min(diagnosis.n, diagnosis.dimension), str(similarity))
    return list(_judged(context))


def warnings(diagnosis: Diagnosis, similarity: str = Similarity.COSINE) -> list[str]:
    """What the two tests of similarities say against using the vectors carelessly, one sentence each.

    Args:
        diagnosis: The values.
        similarity: How the encoder says that its vectors are compared.
    """
    tests = [each for each in findings(diagnosis, similarity) if each.name in _SIMILARITY_TESTS]
    return [_sentence(each, str(similarity)) for each in tests if each.level is Level.SUSPICIOUS]


def _sentence(finding: Finding, similarity: str) -> str:
    share = f"{finding.value or 0.0:.0%}"
    if finding.name == "cosine_dot_disagreement":
        return (
            f"Cosine and inner product disagree on {share} of the ten nearest neighbours, since the vectors differ in "
            f"length: compare them by {similarity}, as the encoder says."
        )
    return (
        f"{share} of the ten nearest neighbours by cosine change under scales of the coordinates that leave every "
        "inner product as it is: an encoder meant for inner products says nothing by its cosines."
    )


def _judged(context: _Context) -> Iterator[Finding]:
    for name, value in context.values.items():
        if name not in _RULES:
            continue
        if value is None:
            yield Finding(name, None, Level.PLAIN, "undefined: too few texts, or all alike")
        else:
            yield _RULES[name](name, value, context)


def _limit(name: str, value: float, *, suspicious: bool, good: str, bad: str, share: float | None = None) -> Finding:
    level, why = (Level.SUSPICIOUS, bad) if suspicious else (Level.HEALTHY, good)
    return Finding(name, value, level, why, None if share is None else min(max(share, 0.0), 1.0))


def _rank(name: str, value: float, context: _Context) -> Finding:
    share = value / context.most
    return _limit(
        name,
        value,
        suspicious=share < FEW_DIRECTIONS,
        good=f"of at most {context.most}",
        bad=f"of at most {context.most}: most directions carry next to nothing",
        share=share,
    )


def _stable_rank(name: str, value: float, context: _Context) -> Finding:
    first = f"first direction, the mean included: {1 / value:.0%} of the squared length"
    return _limit(name, value, suspicious=1 / value > HALF, good=first, bad=first, share=value / context.most)


def _participation(name: str, value: float, context: _Context) -> Finding:
    return Finding(
        name, value, Level.PLAIN, f"as many equal directions, of at most {context.most}", value / context.most
    )


def _isoscore(name: str, value: float, _: _Context) -> Finding:
    bad = "the variance is in very few directions"
    return _limit(name, value, suspicious=value < NARROW, good="1: equal in all directions", bad=bad, share=value)


def _alpha(name: str, value: float, _: _Context) -> Finding:
    good = "0: flat spectrum; near 1 is called balanced"
    bad = "the spectrum falls steeply: few directions carry the variance"
    return _limit(name, value, suspicious=value > STEEP, good=good, bad=bad)


def _nesum(name: str, value: float, context: _Context) -> Finding:
    first = f"first principal direction: {1 / value:.0%} of the variance"
    return _limit(name, value, suspicious=1 / value > HALF, good=first, bad=first, share=value / context.most)


def _anisotropy(name: str, value: float, _: _Context) -> Finding:
    good = "two texts at random are far apart"
    bad = "two texts at random look alike: cosines use a narrow range"
    return _limit(name, value, suspicious=value > HALF, good=good, bad=bad, share=1 - abs(value))


def _angle(name: str, value: float, _: _Context) -> Finding:
    return Finding(name, value, Level.PLAIN, "degrees between two texts; 90 is a right angle", min(value / 90, 1.0))


def _uniformity(name: str, value: float, _: _Context) -> Finding:
    good, bad = "0: all the same; near -4: evenly spread", "the vectors crowd together"
    return _limit(name, value, suspicious=value > CROWDED, good=good, bad=bad, share=-value / 4)


def _alignment(name: str, value: float, context: _Context) -> Finding:
    apart = 2 - 2 * (context.values.get("anisotropy") or 0.0)
    good = f"squared distance in a pair; {apart:.2f} between any two texts"
    bad = f"pairs are hardly nearer than any two texts ({apart:.2f})"
    return _limit(name, value, suspicious=value > NEARER * apart, good=good, bad=bad, share=1 - value / 4)


def _dimension(name: str, value: float, _: _Context) -> Finding:
    good, bad = "around each text; many dimensions are underestimated", "the vectors lie near a curve"
    return _limit(name, value, suspicious=value < FLAT, good=good, bad=bad)


def _hubness(name: str, value: float, _: _Context) -> Finding:
    good = "0: all texts are neighbours equally often"
    bad = "a few texts are among the ten nearest of very many"
    return _limit(name, value, suspicious=value > HUBS, good=good, bad=bad)


def _cosine_dot(name: str, value: float, context: _Context) -> Finding:
    bad = f"lengths matter: {value:.0%} of neighbours change; keep to {context.similarity}, as the encoder says"
    good = "cosine and inner product find the same neighbours"
    return _limit(name, value, suspicious=value > FEW_CHANGES, good=good, bad=bad, share=1 - value)


def _rescaling(name: str, value: float, context: _Context) -> Finding:
    change = f"{value:.0%} of cosine neighbours change under scales that no inner product sees"
    if context.similarity != Similarity.DOT:
        return Finding(name, value, Level.PLAIN, change, 1 - value)
    bad = f"{change}: do not use cosine with this encoder"
    return _limit(name, value, suspicious=value > FEW_CHANGES, good=change, bad=bad, share=1 - value)


_SIMILARITY_TESTS = ("cosine_dot_disagreement", "rescaling_disagreement")
_RULES: dict[str, Callable[[str, float, _Context], Finding]] = {
    "rankme": _rank,
    "effective_rank": _rank,
    "stable_rank": _stable_rank,
    "participation_ratio": _participation,
    "isoscore": _isoscore,
    "alpha_req": _alpha,
    "nesum": _nesum,
    "anisotropy": _anisotropy,
    "mean_angle": _angle,
    "uniformity": _uniformity,
    "alignment": _alignment,
    "two_nn": _dimension,
    "mle_dimension": _dimension,
    "hubness": _hubness,
    "cosine_dot_disagreement": _cosine_dot,
    "rescaling_disagreement": _rescaling,
}
