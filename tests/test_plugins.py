"""Plugins as users meet them: an installed package, a file, two that clash, one that is broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest


def evalkit(*arguments: str, folder: Path, site: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    if site is not None:
        environment["PYTHONPATH"] = str(site)
    command = [sys.executable, "-m", "evalkit", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def distribution(site: Path, name: str, entry_points: str, **modules: str) -> None:
    """A package as an installer leaves it: modules and their metadata."""
    for module, code in modules.items():
        (site / f"{module}.py").write_text(dedent(code))
    info = site / f"{name}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(dedent(entry_points))


@pytest.mark.slow
def test_an_installed_package_is_run_by_name(root: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", str(site)]
    subprocess.run([*command, str(root / "tests" / "example_plugin")], check=True, timeout=120)
    specs = ("-m", "vowels", "-m", "hashing", "-m", "vowels | clip:1")
    done = evalkit("run", *specs, "--suite", "odd", "--json", folder=tmp_path, site=site)
    assert done.returncode == 0, done.stderr
    scores = {each["encoder"]: each["value"] for each in json.loads(done.stdout)["results"]}
    assert set(scores) == {"vowels", "hashing", "vowels | clip:1"}
    assert all(0 <= value <= 1 for value in scores.values())
    wrong = evalkit("run", "-m", "vowels | clip:no", "--suite", "odd", folder=tmp_path, site=site)
    assert wrong.returncode == 2
    assert "clip takes a limit above 0" in wrong.stderr
    assert "clip" in evalkit("list", "transforms", folder=tmp_path, site=site).stdout
    listed = evalkit("list", "plugins", folder=tmp_path, site=site).stdout
    assert "evalkit-example-plugin" in listed
    board = evalkit("leaderboard", "--json", folder=tmp_path, site=site)
    assert "OddAnimals" in board.stdout


def test_a_plugin_file_registers_an_encoder(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        dedent(
            """
            import numpy as np
            from evalkit.adapters import wrap

            def load(argument, options):
                return wrap(lambda texts: np.array([[len(t), 1.0] for t in texts]), name="lengths")

            def register(plugins):
                plugins.add_encoder("lengths", load)
            """
        )
    )
    done = evalkit("run", "--plugin", "mine.py", "-m", "lengths", "-t", "QuickSTS", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    [result] = json.loads(done.stdout)["results"]
    assert result["encoder"] == "lengths"
    done = evalkit("run", "-m", "lengths", "-t", "QuickSTS", folder=tmp_path)
    assert done.returncode == 2
    assert "Unknown encoder 'lengths'" in done.stderr


def test_a_plugin_file_without_register_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "broken.py").write_text("import no_such_module\n")
    for name, said in (("empty.py", "has no function register"), ("broken.py", "No module named 'no_such_module'")):
        done = evalkit("run", "--plugin", name, "-m", "random", "-t", "QuickSTS", folder=tmp_path)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_two_plugins_of_one_name_fail_naming_both(tmp_path: Path) -> None:
    distribution(tmp_path, "rival", "[evalkit.encoders]\nbm25 = rival_bm25:load\n", rival_bm25="load = None\n")
    done = evalkit("run", "-m", "random", "-t", "QuickSTS", folder=tmp_path, site=tmp_path)
    assert done.returncode == 2
    assert "rival 1.2" in done.stderr
    assert "evalkit-embeddings" in done.stderr


def test_a_broken_plugin_harms_only_who_asks_for_it(tmp_path: Path) -> None:
    distribution(
        tmp_path,
        "sick",
        "[evalkit.encoders]\nsick = sick_encoder:load\n[evalkit.commands]\nheal = sick_encoder:heal\n"
        "[evalkit.collections]\nward = sick_encoder:WARD\n",
        sick_encoder="raise RuntimeError('no serum')\n",
    )
    run = evalkit("run", "-m", "random", "-t", "QuickSTS", "--quiet", folder=tmp_path, site=tmp_path)
    assert run.returncode == 0, run.stderr
    listed = evalkit("list", "plugins", folder=tmp_path, site=tmp_path)
    assert listed.returncode == 0
    assert "no serum" in listed.stdout + listed.stderr
    asked = evalkit("run", "-m", "sick", "-t", "QuickSTS", folder=tmp_path, site=tmp_path)
    assert asked.returncode == 2
    assert "sick 1.2" in asked.stderr
    assert "no serum" in asked.stderr
    assert "Traceback" not in asked.stderr


@pytest.mark.parametrize(
    ("spec", "module", "extra"),
    [
        ("wordllama", "wordllama", "demo"),
        ("st:some-model", "sentence_transformers", "sentence-transformers"),
        ("model2vec:some-model", "model2vec", "model2vec"),
        ("precomputed:vectors.parquet", "pyarrow", "parquet"),
    ],
)
def test_a_missing_extra_is_one_sentence_naming_it(spec: str, module: str, extra: str, tmp_path: Path) -> None:
    """The module cannot be imported, as on a machine where only the base is installed."""
    (tmp_path / "vectors.parquet").write_bytes(b"PAR1")
    (tmp_path / "hide.py").write_text(f"import sys\n\nsys.modules[{module!r}] = None\n\ndef register(plugins): ...\n")
    done = evalkit("run", "--plugin", "hide.py", "-m", spec, "-t", "QuickSTS", folder=tmp_path)
    assert done.returncode == 2
    assert f"pip install 'evalkit-embeddings[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr
