"""The exception of a public test: a message for the student, and no traceback."""


class PublicTestFailure(AssertionError):  # noqa: N818  a failed test is no error of the program
    """A public test did not pass; its text says what works, what to change and what to think about."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in place of a traceback: our frames would only be in the student's way."""
        return str(self).splitlines()
