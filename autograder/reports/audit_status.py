"""What the class page says of the last audit: when it was, and whether it passed."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AuditStatus:
    """The last audit of an assignment's hidden tests.

    Attributes
    ----------
    passed : bool
        Whether the hidden tests were found to be good.
    when : str
        The day, e.g. ``2026-11-22``; empty where it is not said.
    digest : str
        Of the assignment that was audited; empty where it is not said.
    """

    passed: bool
    when: str
    digest: str = ""


def from_json(text: str, assignment: str) -> AuditStatus | None:
    """Read what an ``audit.json`` says of one assignment.

    Parameters
    ----------
    text : str
        An object; below ``assignments``, by its name, stands what was found about each: ``passed``, and if it is known
        ``when`` and ``assignment_digest``.

    Returns
    -------
    AuditStatus or None
        None where it says nothing of this assignment, or is nothing of the kind: an audit that cannot be read has
        proved nothing.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    listed = document.get("assignments") if isinstance(document, dict) else None
    found = listed.get(assignment) if isinstance(listed, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("passed"), bool):
        return None
    return AuditStatus(found["passed"], _text(found, "when").partition("T")[0], _text(found, "assignment_digest"))


def _text(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    return value if isinstance(value, str) else ""
