"""The settings of the check: files, the command line, and who wins."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from helpers import is_a_sentence
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import EXIT_USAGE, EvalkitError
from evalkit_leaderboard.check.config import Configured, configured, parse_margins, settings_of
from evalkit_leaderboard.check.settings import MEAN, Inconclusive, Settings, Spending

FULL = """
margin = 0.02
alpha = 0.1
power = 0.9
strict = true
inconclusive = "warn"
tasks = "Quick*"
encoders = "hashing*"
looks = 3
spending = "pocock"
"""
MARGINS = """
Retrieval = 0.03
"Quick*" = 0.04
QuickSTS = 1
mean = 0.005
"""


def evalkit_toml(folder: Path, text: str = FULL, margins: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "evalkit.toml"
    path.write_text(f"[check]\n{text}\n" + (f"[check.margins]\n{margins}\n" if margins else ""), encoding="utf-8")
    return path


def pyproject(folder: Path, text: str = FULL) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pyproject.toml"
    path.write_text(f'[project]\nname = "model"\n\n[tool.evalkit.check]\n{text}\n', encoding="utf-8")
    return path


def refused(folder: Path) -> EvalkitError:
    with pytest.raises(EvalkitError) as caught:
        configured(folder)
    assert is_a_sentence(caught.value.message)
    assert is_a_sentence(caught.value.hint)
    assert caught.value.exit_code == EXIT_USAGE
    return caught.value


# -- which file --------------------------------------------------------------------------------------------------


def test_without_a_file_the_defaults_hold(tmp_path):
    found = configured(tmp_path)
    assert found == Configured(None, {})
    assert settings_of(found) == Settings()


def test_every_key_is_read(tmp_path):
    path = evalkit_toml(tmp_path, margins=MARGINS)
    found = configured(tmp_path)
    assert found.path == path
    assert settings_of(found) == Settings(
        margin=0.02,
        margins={"Retrieval": 0.03, "Quick*": 0.04, "QuickSTS": 1.0, "mean": 0.005},
        alpha=0.1,
        power=0.9,
        strict=True,
        inconclusive=Inconclusive.WARN,
        tasks="Quick*",
        encoders="hashing*",
        looks=3,
        spending=Spending.POCOCK,
    )


def test_pyproject_says_the_same(tmp_path):
    evalkit_toml(tmp_path / "a")
    path = pyproject(tmp_path / "b")
    assert configured(tmp_path / "b") == Configured(path, configured(tmp_path / "a").values)


def test_the_nearest_folder_wins_and_evalkit_toml_within_it(tmp_path):
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    evalkit_toml(tmp_path, "margin = 0.5")
    assert configured(below).values == {"margin": 0.5}
    pyproject(tmp_path / "a", "margin = 0.25")
    assert configured(below).values == {"margin": 0.25}
    evalkit_toml(tmp_path / "a", "margin = 0.125")
    assert configured(below).values == {"margin": 0.125}


@pytest.mark.parametrize("text", ["", "[project]\nname = 'model'\n", "[tool.ruff]\n", "[tool.evalkit]\n"])
def test_a_file_without_the_table_is_passed_over(tmp_path, text):
    path = evalkit_toml(tmp_path, "margin = 0.5")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "pyproject.toml").write_text(text, encoding="utf-8")
    (tmp_path / "a" / "evalkit.toml").write_text("", encoding="utf-8")
    assert configured(tmp_path / "a").path == path


def test_an_empty_table_is_a_table(tmp_path):
    evalkit_toml(tmp_path, "margin = 0.5")
    path = evalkit_toml(tmp_path / "a", "")
    assert configured(tmp_path / "a") == Configured(path, {})


def test_a_folder_of_that_name_is_no_file_and_a_byte_order_mark_no_mistake(tmp_path):
    (tmp_path / "a" / "evalkit.toml").mkdir(parents=True)
    (tmp_path / "evalkit.toml").write_bytes(b"\xef\xbb\xbf[check]\nlooks = 2\n")
    assert configured(tmp_path / "a").values == {"looks": 2}


def test_the_current_folder_is_where_the_search_starts(tmp_path, monkeypatch):
    path = evalkit_toml(tmp_path)
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert configured().path == path
    assert configured(Path("..")).path == path


# -- mistakes in the file ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("margin = true", "check.margin must be a number, not true."),
        ("margin = '0.01'", "check.margin must be a number, not '0.01'."),
        ("margin = {QuickSTS = 0.1}", "check.margin must be a number, not {'QuickSTS': 0.1}."),
        ("margin = 0", "The margin must be above 0 and finite, not 0."),
        ("margin = nan", "The margin must be above 0 and finite, not nan."),
        ("margin = inf", "The margin must be above 0 and finite, not inf."),
        (f"margin = 1{'0' * 400}", f"check.margin must be a number that is not so large, not 1{'0' * 36}...."),
        ("alpha = [0.05]", "check.alpha must be a number, not [0.05]."),
        ("alpha = 0.5", "alpha must be between 0 and .5, not 0.5."),
        ("power = 1", "The power must be between alpha (0.05) and 1, not 1."),
        ("strict = 1", "check.strict must be true or false, not 1."),
        ("strict = 'yes'", "check.strict must be true or false, not 'yes'."),
        ("inconclusive = 'ignore'", "check.inconclusive must be one of fail, warn, not 'ignore'."),
        ("inconclusive = false", "check.inconclusive must be one of fail, warn, not false."),
        ("spending = ['pocock']", "check.spending must be one of obrien-fleming, pocock, not ['pocock']."),
        ("looks = 2.0", "check.looks must be a whole number, not 2.0."),
        ("looks = true", "check.looks must be a whole number, not true."),
        ("looks = 0", "From 1 to 100 looks can be planned, not 0."),
        ("tasks = ['Quick*']", "check.tasks must be a name or glob, not ['Quick*']."),
        ("tasks = ''", "check.tasks must be a name or glob, not ''."),
        ("encoders = 3", "check.encoders must be a name or glob, not 3."),
        ("margins = 0.02", "check.margins must be a table of margins, not 0.02."),
        ("margins = {QuickSTS = false}", "check.margins.QuickSTS must be a number, not false."),
        ("margins = {QuickSTS = -1}", "The margin of QuickSTS must be above 0 and finite, not -1."),
        ("margins = {'' = 0.1}", "check.margins has an empty name."),
        ("margins = {a.b = 0.1}", "check.margins.a must be a number, not {'b': 0.1}."),
    ],
)
def test_a_wrong_value_is_one_sentence_with_file_and_key(tmp_path, text, said):
    path = evalkit_toml(tmp_path, text)
    assert refused(tmp_path).message == f"{path}: {said}"


def test_a_long_value_is_shortened(tmp_path):
    evalkit_toml(tmp_path, f"looks = '{'x' * 1000}'")
    assert len(refused(tmp_path).message) < len(str(tmp_path)) + 120


@pytest.mark.parametrize(
    ("text", "key", "meant"),
    [
        ("[check]\nmargn = 0.1\n", "'check.margn'", "Did you mean margin or margins?"),
        ("[check]\nlook = 2\n", "'check.look'", "Did you mean looks?"),
        ("[check]\nzebra = 2\n", "'check.zebra'", "`evalkit check --help` shows what there is."),
        ("[chek]\nmargin = 0.1\n", "'chek'", "Did you mean check?"),
        ("margin = 0.1\n[check]\n", "'margin'", "`evalkit check --help` shows what there is."),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest(tmp_path, text, key, meant):
    path = tmp_path / "evalkit.toml"
    path.write_text(text, encoding="utf-8")
    error = refused(tmp_path)
    assert error.message == f"{path}: unknown key {key}."
    assert error.hint.startswith(meant)


def test_the_keys_of_pyproject_have_their_full_names(tmp_path):
    path = pyproject(tmp_path, "margn = 0.1")
    assert refused(tmp_path).message == f"{path}: unknown key 'tool.evalkit.check.margn'."
    path.write_text("[tool.evalkit.chek]\n", encoding="utf-8")
    assert refused(tmp_path).message == f"{path}: unknown key 'tool.evalkit.chek'."
    path.write_text("[tool]\nevalkit = 3\n", encoding="utf-8")
    assert refused(tmp_path).message == f"{path}: tool.evalkit must be a table, not 3."


@pytest.mark.parametrize("name", ["evalkit.toml", "pyproject.toml"])
@pytest.mark.parametrize("raw", [b"[check\n", b"\xff\xfe", b"a = " + b"[" * 100_000, b"a = 1" + b"0" * 9000])
def test_what_is_no_toml_is_refused_by_name(tmp_path, name, raw):
    (tmp_path / name).write_bytes(raw)
    assert refused(tmp_path).message.startswith(f"{tmp_path / name}: no valid TOML: ")


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path):
    path = tmp_path / "evalkit.toml"
    path.symlink_to(path)
    assert refused(tmp_path).message == f"{path}: cannot be read: {os.strerror(errno.ELOOP)}."


# -- the command line --------------------------------------------------------------------------------------------


def test_the_command_line_wins_key_by_key(tmp_path):
    evalkit_toml(tmp_path)
    found = configured(tmp_path)
    settings = settings_of(
        found, alpha=0.01, strict=False, inconclusive=Inconclusive.FAIL, tasks=None, looks=5, look=2, power=None
    )
    assert (settings.alpha, settings.strict, settings.inconclusive) == (0.01, False, Inconclusive.FAIL)
    assert (settings.looks, settings.look) == (5, 2)
    assert (settings.margin, settings.power, settings.tasks, settings.spending) == (
        0.02,
        0.9,
        "Quick*",
        Spending.POCOCK,
    )


def test_a_plain_margin_replaces_every_margin_of_the_file(tmp_path):
    evalkit_toml(tmp_path, margins=MARGINS)
    settings = settings_of(configured(tmp_path), margins=[".07"])
    assert (settings.margin, settings.margins) == (0.07, {})
    settings = settings_of(configured(tmp_path), margins=[".07", "STS=.08"])
    assert (settings.margin, settings.margins) == (0.07, {"STS": 0.08})


def test_a_named_margin_is_added_or_replaces_one(tmp_path):
    evalkit_toml(tmp_path, margins=MARGINS)
    settings = settings_of(configured(tmp_path), margins=["retrieval=.08", "Clustering=.09"])
    assert settings.margin == 0.02
    assert settings.margins == {
        "retrieval": 0.08,
        "Clustering": 0.09,
        "Quick*": 0.04,
        "QuickSTS": 1.0,
        "mean": 0.005,
    }


def test_a_glob_of_the_command_line_comes_before_those_of_the_file(tmp_path):
    evalkit_toml(tmp_path, margins=MARGINS)
    assert settings_of(configured(tmp_path), margins=["*Retrieval=.09"]).margin_of("QuickRetrieval") == 0.09


def test_a_number_out_of_range_is_refused_when_both_are_known(tmp_path):
    evalkit_toml(tmp_path, "looks = 2")
    with pytest.raises(EvalkitError, match="Look 3 of 2 cannot be"):
        settings_of(configured(tmp_path), look=3)
    with pytest.raises(EvalkitError, match=r"The margin of QuickSTS must be above 0 and finite, not 0\."):
        settings_of(Configured(), margins=["QuickSTS=0"])


def test_margins_are_parsed():
    assert parse_margins([]) == (None, {})
    assert parse_margins(["0.01", "QuickSTS=0.02", " Quick* = 1e-3", "a=b=2"]) == (
        0.01,
        {"QuickSTS": 0.02, "Quick*": 0.001, "a=b": 2.0},
    )


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["0.01", "0.02"], "--margin is given twice without a name."),
        (["STS=0.01", "sts=0.02"], "--margin is given twice for sts."),
        (["much"], "--margin much: 'much' is no number."),
        (["0,01"], "--margin 0,01: '0,01' is no number."),
        (["STS="], "--margin STS=: '' is no number."),
        (["STS=a lot"], "--margin STS=a lot: 'a lot' is no number."),
        (["=0.02"], "--margin =0.02: there is no name before the equals sign."),
        ([" =0.02"], "--margin  =0.02: there is no name before the equals sign."),
        ([""], "--margin : '' is no number."),
    ],
)
def test_a_margin_that_cannot_be_read_is_one_sentence(texts, said):
    with pytest.raises(EvalkitError) as caught:
        parse_margins(texts)
    assert caught.value.message == said
    assert is_a_sentence(caught.value.hint)
    assert caught.value.exit_code == EXIT_USAGE


NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters="*-_="), min_size=1, max_size=12)


@given(named=st.dictionaries(NAMES, st.floats(1e-6, 1), max_size=5), plain=st.none() | st.floats(1e-6, 1))
def test_what_is_written_is_what_is_read(named, plain):
    if len({name.lower() for name in named}) < len(named):
        return
    texts = [f"{name}={margin!r}" for name, margin in named.items()] + ([] if plain is None else [repr(plain)])
    assert parse_margins(texts) == (plain, named)


# -- margins of tasks --------------------------------------------------------------------------------------------


def test_a_margin_goes_by_name_then_glob_then_type_then_all():
    settings = Settings(margin=0.01, margins={"STS": 0.02, "Quick*": 0.03, "*S": 0.04, "quicksts": 0.05, "mean": 0.06})
    assert settings.margin_of("QuickSTS", "STS") == 0.05
    assert settings.margin_of("QuickOther", "STS") == 0.03
    assert settings.margin_of("OtherS", "STS") == 0.04
    assert settings.margin_of("Other", "STS") == 0.02
    assert settings.margin_of("Other", "sts") == 0.02
    assert settings.margin_of("Other", "Retrieval") == 0.01
    assert settings.margin_of(MEAN) == 0.06


def test_a_glob_of_tasks_says_nothing_about_the_mean():
    assert Settings(margin=0.01, margins={"*": 0.5}).margin_of(MEAN) == 0.01


@pytest.mark.parametrize("look", [0, -1, 3])
def test_a_look_outside_the_plan_is_refused(look):
    with pytest.raises(EvalkitError, match=f"Look {look} of 2 cannot be"):
        Settings(looks=2, look=look)
