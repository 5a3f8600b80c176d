"""`evalkit import` and `evalkit export`, one subcommand a format. Cheap to import."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  Typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import console
from evalkit.cli.groups import group

if TYPE_CHECKING:
    from evalkit_leaderboard.interchange.importing import Import

IMPORT = group("import", "Read results that another tool has computed.")
EXPORT = group("export", "Write results for another tool.")


@IMPORT.command("mteb")
def import_mteb(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder above MODEL/REVISION/TASK.json, or results/.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="RESULTS", help="Where to write results.")],
    benchmark: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The benchmark whose tasks, splits and subsets count, such as 'MTEB(eng, v2)', a JSON file of tasks, "
            "or 'all'. By default the one that has exactly the tasks of the files, or all.",
        ),
    ] = None,
    each_revision: Annotated[
        bool, typer.Option("--each-revision", help="Keep the revisions of a model apart; mteb's board joins them.")
    ] = False,
    strict_data: Annotated[
        bool, typer.Option("--strict-data", help="Results on other revisions of the data do not compare.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Read mteb's result files, of every age, into a folder of evalkit's results.

    They have no units, so leaderboards compare them over tasks.
    """
    from evalkit_leaderboard.interchange.importing import import_tree, write_results

    found = import_tree(folder, benchmark=benchmark, each_revision=each_revision, strict_data=strict_data)
    write_results(found.results, output, found.oddities)
    if json:
        console.json_data(found.as_json())
    else:
        _print(found, output)


@EXPORT.command("mteb")
def export_mteb(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="A folder of results.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where to write results/MODEL/...")],
) -> None:
    """Write results as files that mteb loads: mteb.ResultCache(DIR).load_results()."""
    from evalkit.errors import EvalkitError
    from evalkit.store import load
    from evalkit_leaderboard.interchange.exporting import export_results

    loaded = load(results)
    for _, reason in loaded.unreadable:
        console.warning(reason)
    if not loaded.results:
        raise EvalkitError(f"{results} holds no results.", hint="`evalkit run -o FOLDER` writes them there.")
    written = export_results((result for _, result in loaded.results), output)
    console.line(f"{console.counted(len(written), 'file')} written to {output / 'results'}.")


def _print(found: Import, output: Path) -> None:
    numbers, selection = found.as_json(), found.selection
    console.line(
        f"{console.counted(numbers['files_read'], 'file')} read, {console.counted(numbers['results'], 'result')} of "
        f"{console.counted(numbers['models'], 'model')} on {console.counted(numbers['tasks'], 'task')} "
        f"written to {output}."
    )
    if selection.guessed:
        console.line(f"The files have exactly the tasks of {selection.benchmark}, whose splits and subsets count.")
        console.line("--benchmark all counts every subset instead.")
    elif selection.benchmark is None:
        console.line("Every subset of every task counts; --benchmark NAME counts those of a benchmark.")
    rows = [[f"{count:,}", what, first] for count, what, first in found.oddities.rows()]
    if rows:
        console.line()
        console.table(["what is odd", "first", "times"], [[what, first, count] for count, what, first in rows], left=2)
