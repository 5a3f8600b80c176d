"""What may go wrong with one request, and whether asking again may help."""

from __future__ import annotations


class FailedRequestError(Exception):
    """A request that gave no vectors.

    Args:
        what: What the server did, as a sentence that lacks its subject and its full stop.
        hint: What the user can do.
        passing: Whether the same request may succeed later.
        wait: Seconds that the server asks to wait.
        too_long: Whether fewer texts may succeed.
    """

    def __init__(
        self, what: str, *, hint: str = "", passing: bool = False, wait: float | None = None, too_long: bool = False
    ) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.passing = passing
        self.wait = wait
        self.too_long = too_long
