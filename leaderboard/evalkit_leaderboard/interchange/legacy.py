"""Files from before mteb 1.11: the scores lie under the split's name, with or without a level for subsets.

The rules are those of `TaskResult._convert_from_before_v1_11_0` of mteb 2.26.24.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit_leaderboard.interchange.catalogue import Catalogue

NAME = "mteb_dataset_name"

_NO_SPLITS = frozenset({NAME, "dataset_revision", "mteb_version", "evaluation_phases"})
_GROUPS = {
    "cos_sim": "cosine",
    "manhattan": "manhattan",
    "euclidean": "euclidean",
    "dot": "dot",
    "max": "max",
    "similarity": "similarity",
}
_NO_SUBSETS = frozenset({"v_measures", "cos_sim", "euclidean", "manhattan", "dot", "max"})
_FRENCH_ONLY = frozenset({"MLSUMClusteringP2P", "MLSUMClusteringS2S"})
_FRENCH_ONLY_VERSIONS = frozenset({"1.1.2.dev0", "1.1.3.dev0"})


def modernise(record: Mapping[str, Any], known: Catalogue) -> dict[str, Any]:
    """An old file in today's layout; a main score that it lacks is None, as in mteb."""
    name = known.canonical(str(record[NAME]))
    splits = {key: dict(value) for key, value in record.items() if key not in _NO_SPLITS and isinstance(value, dict)}
    times = [split.pop("evaluation_time") for split in splits.values() if "evaluation_time" in split]
    by_subset = _by_subset(splits)
    _rename_subsets(name, str(record.get("mteb_version")), by_subset)
    main = known.tasks[name].main_score if name in known.tasks else None
    return {
        "task_name": name,
        "dataset_revision": record.get("dataset_revision"),
        "mteb_version": record.get("mteb_version"),
        "evaluation_time": sum(times) if times else None,
        "scores": {
            split: [{"hf_subset": subset, **_entry(scores, main)} for subset, scores in subsets.items()]
            for split, subsets in by_subset.items()
        },
    }


def _by_subset(splits: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """{split: {subset: scores}}, whether or not the file has the level of subsets."""
    items = (item for split in splits.values() for item in split.items())
    if not any(isinstance(value, dict) and key not in _NO_SUBSETS for key, value in items):
        return {split: {"default": scores} for split, scores in splits.items()}
    return {
        split: {key: value for key, value in subsets.items() if isinstance(value, dict)}
        for split, subsets in splits.items()
    }


def _rename_subsets(name: str, version: str, splits: dict[str, dict[str, Any]]) -> None:
    """What mteb corrects by hand: subsets that were called otherwise then."""
    test = splits.get("test", {})
    if name in _FRENCH_ONLY and version in _FRENCH_ONLY_VERSIONS and "default" in test:
        test["fr"] = test.pop("default")
    if name == "XPQARetrieval" and "fr" in test:
        test["fra-fra"] = test.pop("fr")


def _entry(scores: Mapping[str, Any], main: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    for key, value in scores.items():
        if key in _GROUPS and isinstance(value, dict):
            entry.update({f"{_GROUPS[key]}_{metric}": number for metric, number in value.items()})
        else:
            entry[key] = value
    entry.setdefault("main_score", entry.get(main) if main is not None else None)
    return entry
