"""Turns text that others wrote into HTML that shows it, and nothing else."""

import re

from markupsafe import Markup, escape

from autograder.reports.text import visible

_CODE = re.compile(r"`([^`\n]+)`")


def name(text: str) -> Markup:
    """Set a name, with leave to break the line after each underscore."""
    return escape(visible(text)).replace("_", Markup("_<wbr>"))


def prose(text: str) -> Markup:
    """Set plain text as HTML: what stands between backticks becomes code, everything else stays text."""
    parts = _CODE.split(visible(text, keep="\n"))
    shown = (f"<code>{escape(part)}</code>" if i % 2 else escape(part) for i, part in enumerate(parts))
    return Markup("".join(shown))  # noqa: S704  safe: every part is escaped
