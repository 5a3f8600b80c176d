"""Reading task folders: `task.toml`, JSONL columns, BEIR corpora. Every error names file and line."""

from evalkit.data.folder import TaskFolder, find_folders
from evalkit.data.retrieval import RetrievalData, read_retrieval
from evalkit.data.spec import TaskSpec

__all__ = ["RetrievalData", "TaskFolder", "TaskSpec", "find_folders", "read_retrieval"]
