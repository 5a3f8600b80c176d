"""What a sceptical user caught us at: each of these once went wrong without a word."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evalkit
from evalkit.errors import EvalkitError
from evalkit.fingerprint import digest_json
from evalkit.labels import encoder_labels
from evalkit.schema import EncoderRecord
from evalkit.types import Similarity

ROWS = [(f"left {row}", f"right {row % 7}", row % 6) for row in range(24)]


def sts(folder: Path, protocol: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "task.toml").write_text(f'name = "T"\ntype = "STS"\n[protocol]\n{protocol}\n')
    rows = [{"sentence1": a, "sentence2": b, "score": score} for a, b, score in ROWS]
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


class Instructed:
    """Puts the task's prompt in front, and does not say so."""

    name = "instructed"
    fingerprint = digest_json("instructed")
    similarity = Similarity.COSINE

    def encode(self, texts: Any, *, role: Any, task: Any, batch_size: int) -> Any:
        seeds = [int(digest_json([dict(task.prompts), text])[:8], 16) for text in texts]
        return np.stack([np.random.default_rng(seed).standard_normal(8) for seed in seeds]).astype(np.float32)


def test_a_changed_prompt_never_meets_old_vectors(tmp_path: Path) -> None:
    for protocol in ("", 'prompt = "Represent this: "'):
        folder = sts(tmp_path / "T", protocol)
        [cached] = evalkit.evaluate(Instructed(), folder)
        [fresh] = evalkit.evaluate(Instructed(), folder, cache=False)
        assert cached.main_score == fresh.main_score
        assert cached.timing is not None
        assert cached.timing.texts_cached == 0


def record(name: str, spec: str, digit: str) -> EncoderRecord:
    return EncoderRecord(name=name, fingerprint=digit * 64, spec=spec, similarity="cosine")


def test_namesakes_are_told_apart_by_their_options() -> None:
    group = [
        record("m", "st:PATH?device=cpu", "1"),
        record("m", "st:PATH?max_length=128&device=cpu", "2"),
        record("other", "bm25", "3"),
        record("m", "st:PATH?device=cpu", "1"),
    ]
    assert encoder_labels(group) == ("m", "m?max_length=128", "other", "m")
    silent = [record("m", "python:a:b", "1"), record("m", "python:a:b", "2")]
    assert encoder_labels(silent) == (f"m ({'1' * 12})", f"m ({'2' * 12})")
    unidentified = silent[1].model_copy(update={"fingerprint": None})
    assert encoder_labels([silent[0], unidentified]) == (f"m ({'1' * 12})", "m (unidentified)")


def test_no_result_is_lost_among_namesakes(tmp_path: Path) -> None:
    folder = sts(tmp_path / "T")
    results = evalkit.evaluate(["hashing?name=h", "hashing?dim=64&name=h"], str(folder))
    assert set(results.scores()) == {"h", "h?dim=64"}
    assert len(results.only(encoder="h?dim=64")) == 1
    assert len(results[:1]) == 1
    assert len(repr(results)) < 400


def test_nothing_scored_is_said(tmp_path: Path) -> None:
    folder = sts(tmp_path / "T")
    with pytest.raises(EvalkitError, match="bm25 has no vectors"):
        evalkit.evaluate("bm25", folder)
    results = evalkit.evaluate(["bm25", "hashing"], folder)
    assert len(results) == 1
    assert "bm25 has no vectors" in results.left_out[0]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evalkit", "run", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_user_code_that_exits_ends_nothing_but_itself(tmp_path: Path) -> None:
    sts(tmp_path / "data" / "T")
    (tmp_path / "leaver.py").write_text("import sys\n\ndef leave(texts):\n    sys.exit(0)\n")
    (tmp_path / "gone.py").write_text("import sys\nsys.exit(4)\n")
    arguments = ("-m", "python:leaver:leave", "-m", "python:gone:x", "-m", "hashing", "--data", "data", "--json")
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    record = json.loads(done.stdout)
    assert [each["encoder"] for each in record["results"]] == ["hashing"]
    assert len(record["failures"]) == 2
    assert "Traceback" not in done.stderr


def test_what_an_encoder_prints_stays_out_of_the_data(tmp_path: Path) -> None:
    sts(tmp_path / "data" / "T")
    code = (
        "import numpy as np\nprint('import')\ndef f(texts):\n    print('noise')\n    return np.ones((len(texts), 2))\n"
    )
    (tmp_path / "loud.py").write_text(code)
    done = run(tmp_path, "-m", "python:loud:f", "--data", "data", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"]
    assert "noise" in done.stderr


BROKEN = """
class Broken:
    lexical, main_score, protocol = False, "x", {{}}
    def __init__(self, folder):
        self.info = folder.info
        {constructor}
    @property
    def fingerprint(self):
        raise KeyError("no such thing")
    def cells(self):
        return []

def register(plugins):
    plugins.add_task_type("Broken", Broken)
"""


@pytest.mark.parametrize("constructor", ["pass", "raise ZeroDivisionError('in the constructor')"])
def test_a_broken_task_type_stops_no_other_task(constructor: str, tmp_path: Path) -> None:
    sts(tmp_path / "data" / "T")
    bad = sts(tmp_path / "data" / "Bad")
    (bad / "task.toml").write_text('name = "Bad"\ntype = "Broken"\n')
    (tmp_path / "broken.py").write_text(BROKEN.format(constructor=constructor))
    done = run(tmp_path, "--plugin", "broken.py", "-m", "hashing", "--data", "data", "--json")
    assert done.returncode == 2
    assert [each["task"] for each in json.loads(done.stdout)["results"]] == ["T"]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("name", "fingerprint"), [(None, "a" * 64), ("", None), ("x", 5)])
def test_an_encoder_that_is_nobody_is_refused(name: Any, fingerprint: Any, tmp_path: Path) -> None:
    nobody = Instructed()
    nobody.name, nobody.fingerprint = name, fingerprint
    with pytest.raises(EvalkitError, match="fingerprint"):
        evalkit.evaluate(nobody, sts(tmp_path / "T"))
