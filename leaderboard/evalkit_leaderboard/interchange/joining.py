"""One result a model and task where several revisions have one: the rule of mteb's board.

In order (`BenchmarkResults.join_revisions` of mteb 2.26.24): the revision that mteb's registry names for the model; a
file whose mteb version can be read (a range cannot); a revision that is one; the later version. What mteb leaves to
chance after that, the file's path decides.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evalkit.fingerprint import digest_json
from evalkit.schema import EncoderRecord
from evalkit_leaderboard.interchange.oddities import Oddities, Oddity
from evalkit_leaderboard.interchange.published import EXTERNAL, TOOL, UNKNOWN, Published, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NO_REVISION = frozenset({EXTERNAL, "no_revision_available"})
_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)(?:\.?(dev|a|b|rc|post)(\d*))?")
_STAGES = {"dev": -4, "a": -3, "b": -2, "rc": -1, None: 0, "post": 1}

Version = tuple[tuple[int, ...], int, int]


def join(published: Iterable[Published], main: Mapping[str, str], oddities: Oddities) -> list[Published]:
    """The result that counts for each model and task.

    Args:
        published: Results of any revisions.
        main: Main revision of each model.
        oddities: Where the others are counted.
    """
    best: dict[tuple[str, str], Published] = {}
    for each in published:
        key = (each.source.model, each.task)
        if key in best:
            loser = min(each, best[key], key=lambda one: _strength(one, main))
            oddities.add(Oddity.SUPERSEDED, loser.source.file)
        best[key] = max(best.get(key, each), each, key=lambda one: _strength(one, main))
    return list(best.values())


def encoders(published: Iterable[Published], *, each_revision: bool) -> dict[tuple[str, str], EncoderRecord]:
    """The encoder that results of a (model, revision) belong to: one a model, or one a revision.

    Its fingerprint is made of the model's name and of all the revisions that it stands for.
    """
    together: dict[tuple[str, str], dict[str, Source]] = {}
    for each in published:
        source = each.source
        row = together.setdefault((source.model, source.revision if each_revision else ""), {})
        row.setdefault(source.revision, source)
    return {(row[revision].model, revision): _encoder(row) for row in together.values() for revision in row}


def _encoder(row: Mapping[str, Source]) -> EncoderRecord:
    sources = [row[revision] for revision in sorted(row)]
    name, revision = sources[0].model, "+".join(sorted(row))
    return EncoderRecord(
        name=name,
        fingerprint=digest_json([TOOL, name, revision]),
        spec=f"{TOOL}:{name}@{revision}",
        # Not every revision's model_meta.json says all.
        similarity=next((each.similarity for each in sources if each.similarity != UNKNOWN), UNKNOWN),
        dimension=next((each.dimension for each in sources if each.dimension is not None), None),
    )


def parse_version(text: str | None) -> Version | None:
    """A version that sorts; None for none, a range, or what is no version."""
    match = _VERSION.fullmatch(text) if text is not None else None
    if match is None:
        return None
    release = tuple(int(part) for part in match[1].split("."))
    return release, _STAGES[match[2]], int(match[3] or 0)


def _strength(one: Published, main: Mapping[str, str]) -> tuple[bool, bool, bool, Version, str]:
    version = parse_version(one.version)
    return (
        one.source.revision == main.get(one.source.model),
        version is not None,
        one.source.revision not in _NO_REVISION,
        version or ((), 0, 0),
        one.source.file,
    )
