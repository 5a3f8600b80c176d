"""Which chains of transforms `evalkit sweep` is given: lists, files, mistakes, and the specs that come of them."""

from __future__ import annotations

from pathlib import Path

import helpers
import pytest

from evalkit.errors import EncoderError, EvalkitError
from evalkit.plugins import Plugins, put_behind
from evalkit.spec import parse_spec
from evalkit_leaderboard.frontier.chains import NONE, grids, joined, read_chains


def refused(transforms: str, encoder: str = "hashing") -> str:
    done = helpers.call_cli("sweep", "-q", "-m", encoder, "--transforms", transforms, "--suite", "quick")
    assert done.returncode == 2, done.stdout
    return done.stderr


def test_a_list_has_semicolons_or_lines_and_always_the_encoder_itself() -> None:
    listed = "truncate:64 | quantize:int8; quantize:binary | rescore; pca:8"
    assert read_chains([listed]) == (NONE, "truncate:64 | quantize:int8", "quantize:binary | rescore", "pca:8")
    assert read_chains(["truncate:8\n\n normalize|  truncate:4 ;"]) == (NONE, "truncate:8", "normalize | truncate:4")
    assert read_chains(["truncate:8", "truncate:4; none"]) == (NONE, "truncate:8", "truncate:4")
    assert read_chains(["none"]) == (NONE,)


def test_a_file_has_a_chain_a_line_and_comments(tmp_path: Path) -> None:
    file = tmp_path / "chains.txt"
    file.write_text("\ufeff# halves\ntruncate:8\n\n  # and bits\n quantize:binary | rescore \n", encoding="utf-8")
    assert read_chains([str(file), "pca:4"]) == (NONE, "truncate:8", "quantize:binary | rescore", "pca:4")


@pytest.mark.parametrize(
    ("transforms", "said"),
    [
        ("  ; ", "names no transform"),
        ("pca:4; pca:4", "'pca:4' are given twice"),
        ("none;none", "'none' are given twice"),
        ("pca:4; pca:dim=4", "'pca:dim=4' are the same as 'pca:4'"),
        ("no/such/file.txt", "no/such/file.txt is no file"),
        ("truncat:4", "Unknown transform 'truncat'"),
        ("truncate:four", "four"),
        ("truncate:4 || normalize", "expected the name of a transform"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_loaded(transforms: str, said: str) -> None:
    message = refused(transforms, "st:there-is-no-such-model")
    assert said in message
    assert "there-is-no-such-model cannot be loaded" not in message
    assert "Traceback" not in message


def test_an_error_points_at_the_character() -> None:
    lines = refused("truncate:8; normalize | truncat:4").split("\n")
    [at] = [number for number, line in enumerate(lines) if line.strip() == "^"]
    assert lines[at - 1][lines[at].index("^") :].startswith("truncat:4")


def test_a_file_that_is_no_text_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "chains.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvalkitError, match="no text in UTF-8"):
        read_chains([str(tmp_path / "chains.txt")])


@pytest.mark.parametrize(
    "encoder",
    ["hashing", "hashing?name=x ", "hashing?name=a  ", "hashing | truncate:8", "hashing:dim=8?name=a & b | topk?k=2"],
)
def test_the_spec_of_a_chain_is_that_of_its_encoder_and_the_chain(encoder: str) -> None:
    """White space at the very end of a spec belongs to the value of its last option."""
    if "& b" in encoder:
        encoder = encoder.replace(" & b", "%26b")
    alone, both = parse_spec(encoder), parse_spec(joined(encoder, "truncate:4 | normalize"))
    assert (both.scheme, both.argument, both.options) == (alone.scheme, alone.argument, alone.options)
    assert [step.options for step in both.steps[: len(alone.steps)]] == [step.options for step in alone.steps]
    assert [step.text for step in both.steps[len(alone.steps) :]] == ["truncate:4", "normalize"]


def test_a_chain_behind_a_loaded_encoder_is_the_encoder_that_its_spec_names() -> None:
    plugins = Plugins.installed()
    base = "hashing:dim=64 | truncate:32"
    [grid] = grids(plugins, [base], read_chains(["quantize:int8 | truncate:8; quantize:binary | rescore"]))
    encoder = plugins.load_encoder(base)
    for chain in grid.chains:
        here, named = put_behind(encoder, chain.steps), plugins.load_encoder(chain.spec)
        assert (here.name, here.fingerprint) == (named.name, named.fingerprint)


def test_put_behind_says_which_step_cannot_follow() -> None:
    plugins = Plugins.installed()
    with pytest.raises(EncoderError, match="Nothing can follow rescore") as caught:
        put_behind(plugins.load_encoder("hashing"), plugins.load_steps("hashing | topk:2 | rescore | truncate:2"))
    assert "^" in caught.value.hint
