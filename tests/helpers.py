"""Tiny folder tasks, encoders that behave or misbehave, and what a run left on the disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evalkit.types import Similarity

FIXTURES = Path(__file__).parent / "fixtures"
ENCODERS = FIXTURES / "encoders.py"
WORDS = ("river", "mountain", "bread", "engine", "violin", "winter", "harbour", "lantern", "orchard", "copper", "paper")
FINGERPRINT = "0123456789abcdef" * 4
HOME = "counting/0123456789ab"
"""Where the results of `Counting` lie."""


# -- folder tasks ------------------------------------------------------------------------------------------------


def jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def toml(folder: Path, kind: str, splits: Sequence[str] = ("test",), /, **protocol: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f'name = "{folder.name}"', f'type = "{kind}"', f"eval_splits = {json.dumps(list(splits))}", "[protocol]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in protocol.items()]
    (folder / "task.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def sentence(number: int, salt: str = "") -> str:
    first, second = WORDS[number % len(WORDS)], WORDS[(number * 5 + 3) % len(WORDS)]
    return f"{salt} {first} and {second} number {number}".strip()


def sts(
    folder: Path, n: int = 12, splits: Sequence[str] = ("test",), subsets: Sequence[str] = ("",), salt: str = ""
) -> Path:
    toml(folder, "STS", splits)
    for subset in subsets:
        for split in splits:
            mark = f"{salt}{subset}{split if len(splits) > 1 else ''}"
            rows = [
                {"sentence1": sentence(i, mark), "sentence2": sentence(i + 7, mark), "score": (i * 7) % 11 / 2}
                for i in range(n)
            ]
            jsonl(folder / subset / f"{split}.jsonl", rows)
    return folder


def classification(folder: Path, n: int = 24, labels: Sequence[Any] = ("red", "green", "blue"), salt: str = "") -> Path:
    toml(folder, "Classification", samples_per_label=4, n_experiments=3)
    for split, shift in (("train", 0), ("test", 1000)):
        rows = [{"text": sentence(shift + i, salt), "label": labels[i % len(labels)]} for i in range(n)]
        jsonl(folder / f"{split}.jsonl", rows)
    return folder


def clustering(folder: Path, n: int = 40, subsets: Sequence[str] = ("",), salt: str = "") -> Path:
    protocol = {"max_documents_per_cluster": 32, "n_clusters": 3, "max_fraction_of_documents_to_embed": 0.7}
    toml(folder, "Clustering", **protocol)
    for subset in subsets:
        rows = [{"text": sentence(i, salt + subset), "label": f"class {i % 4}"} for i in range(n)]
        jsonl(folder / subset / "test.jsonl", rows)
    return folder


def retrieval(folder: Path, n: int = 30, n_queries: int = 8, salt: str = "") -> Path:
    toml(folder, "Retrieval", k_values=[1, 3, 10], top_k=20)
    jsonl(folder / "corpus.jsonl", [{"_id": f"d{i}", "title": "", "text": sentence(i, salt)} for i in range(n)])
    jsonl(folder / "queries.jsonl", [{"_id": f"q{i}", "text": sentence(i * 3, salt)} for i in range(n_queries)])
    rows = [(f"q{i}", f"d{(i * 3 + shift) % n}", grade) for i in range(n_queries) for shift, grade in ((0, 2), (1, 1))]
    qrels(folder, rows)
    return folder


def qrels(folder: Path, rows: Sequence[tuple[str, str, Any]], split: str = "test") -> Path:
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in rows)]
    path = folder / "qrels" / f"{split}.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def edit(path: Path, line: int, text: str) -> None:
    """Replace one line, counted from 1."""
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


# -- encoders ----------------------------------------------------------------------------------------------------


def vector(text: str, dimension: int = 16) -> np.ndarray:
    """A vector that the text alone decides, bit for bit."""
    digest = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(4 * dimension)
    return (np.frombuffer(digest, dtype="<u4").astype(np.float64) / 2**31 - 1).astype(np.float32)


class Counting:
    """A well-behaved encoder that remembers every text that it was given.

    Args:
        name: Its name.
        fingerprint: Its fingerprint.
        fault: Called with (texts, vectors, number of the call) for what it returns instead; may raise.
        dimension: Length of its vectors.
    """

    similarity = Similarity.COSINE

    def __init__(
        self,
        name: str = "counting",
        fingerprint: str | None = FINGERPRINT,
        fault: Callable[[list[str], np.ndarray, int], Any] | None = None,
        dimension: int = 16,
    ) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self.fault = fault
        self.dimension = dimension
        self.texts: list[str] = []
        self.calls = 0

    def encode(self, texts: Sequence[str], *, role: Any, task: Any, batch_size: int) -> Any:
        self.calls += 1
        vectors = np.stack([self.vector(text, role, task) for text in texts])
        out = vectors if self.fault is None else self.fault(list(texts), vectors, self.calls)
        self.texts += texts
        return out

    def vector(self, text: str, role: Any, task: Any) -> np.ndarray:
        return vector(text, self.dimension)

    def variant(self, role: Any, task: Any) -> str:
        return ""


class Prompted(Counting):
    """Has a prompt for each role and says so."""

    def vector(self, text: str, role: Any, task: Any) -> np.ndarray:
        return vector(f"{role}: {text}")

    def variant(self, role: Any, task: Any) -> str:
        return f"{role}: "


class Secretive(Counting):
    """Depends on role and task without saying so: it has no `variant`."""

    variant = None  # type: ignore[assignment]

    def vector(self, text: str, role: Any, task: Any) -> np.ndarray:
        return vector(f"{role}/{task.name}: {text}")


# -- what came of it ---------------------------------------------------------------------------------------------


def cells(results: Any) -> dict[tuple[str, str, str, str], Any]:
    """Scores, repeats and observations of every cell, by encoder, task, split and subset."""
    return {
        (result.encoder.name, result.task.name, cell.split, cell.subset): cell.model_dump(mode="json")
        for result in results
        for cell in result.cells
    }


def files(root: Path) -> list[str]:
    """Every file below a folder, hidden ones too, without the cards of the encoders."""
    paths = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sorted(path for path in paths if not path.endswith("/encoder.json"))


def is_a_sentence(text: str) -> bool:
    return "\n" not in text and "Traceback" not in text and text[-1:] in {".", "?", "!"} and len(text) < 600


def environment(**more: Any) -> dict[str, str]:
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **{key: str(value) for key, value in more.items()}}


def command(*arguments: Any) -> list[str]:
    return [sys.executable, "-m", "evalkit", *map(str, arguments)]


def run_cli(*arguments: Any, timeout: float = 120, **more: Any) -> subprocess.CompletedProcess[str]:
    """`evalkit ...` as a real process."""
    return subprocess.run(
        command(*arguments), env=environment(**more), capture_output=True, text=True, timeout=timeout, check=False
    )


def call_cli(
    *arguments: Any, cwd: Path | None = None, given: str = "", **more: Any
) -> subprocess.CompletedProcess[str]:
    """`evalkit ...` within this process: what it prints, apart, and its exit code.

    It saves the second that starting takes. Signals, pipes, what standard output may not carry, what the working folder
    may hide and what is imported are seen in real processes only: `run_cli`.
    """
    from typer.testing import CliRunner

    from evalkit.cli import console
    from evalkit.cli.app import app

    for cached in (console.out, console.err):  # their width is the terminal's that was there first
        cached.cache_clear()
    told = [str(each) for each in arguments]
    environment = {key: str(value) for key, value in more.items()}
    with contextlib.chdir(cwd or Path.cwd()):
        done = CliRunner().invoke(app, told, input=given, env=environment, catch_exceptions=False, prog_name="evalkit")
    return subprocess.CompletedProcess(told, done.exit_code, done.stdout, done.stderr)


def spec(name: str = "Steady") -> str:
    return f"python:{ENCODERS}:{name}"
