"""Every module decides points, words or neither, and what grading imports is known to."""

import shutil
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

import pytest
from test_imports import PACKAGE, ROOT, TREE, imports

from autograder import code_digests
from autograder.code_digests import NEITHER, WORDS, Part

NAMES = sorted(code_digests.names(ROOT / PACKAGE))


def _of(part):
    return {name for name in NAMES if code_digests.part_of(name) is part}


def _used_by_grading():
    """Return all modules that grading one submission imports, beside those that run in the sandbox."""
    known = frozenset(name.removesuffix(".__init__") for name in TREE)
    texts = {name.removesuffix(".__init__"): (text, name.endswith("__init__")) for name, text in TREE.items()}
    found, waiting = set(), [f"{PACKAGE}.grade"]
    while waiting:
        name = waiting.pop()
        if name in texts and name not in found:
            found.add(name)
            text, is_package = texts[name]
            waiting += [one.name for one in imports(name, text, package=is_package, known=known)]
    inside = {name.removeprefix(PACKAGE).removeprefix(".") for name in found}
    return inside | {name for name in NAMES if name.split(".")[0] == "sandbox"}


def test_every_file_has_exactly_one_part():
    """No name is in two lists, and each entry of a list names something."""
    assert [name for name in NAMES if all(any(fnmatchcase(name, p) for p in side) for side in (WORDS, NEITHER))] == []
    assert [p for p in (*WORDS, *NEITHER) if not any(fnmatchcase(name, p) for name in NAMES)] == []


def test_what_decides_points_is_what_grading_imports():
    """A new module is given its part: one that grading does not import is named, and then costs no class its time."""
    assert _of(Part.POINTS) - _used_by_grading() == set()


def test_what_grading_imports_is_left_out_only_for_a_reason():
    """Of what grading imports, these decide no points: words, or what has a digest of its own."""
    left_out = _used_by_grading() & _of(Part.NEITHER)
    assert left_out == {
        "",  # the version
        "code_digests",
        "digests",  # a change of these shows in the digests that they make
        "statements",
        "draws",  # part of each exercise's own digest
        "errors",
        "failures",
        "nbgrader_settings",
    }


@pytest.mark.parametrize(
    "name",
    ["compare", "judging", "marking", "answers", "notebook", "needed", "grade", "hidden_tests", "helping", "model",
     "secret", "reference", "source", "sandbox.guest", "sandbox.wire", "sandbox.session", "sandbox.limits"],
)  # fmt: skip
def test_the_heart_decides_points(name):
    """What compares, calls, finds and adds up."""
    assert name in _of(Part.POINTS)


def test_a_digest_follows_its_own_files_alone(tmp_path):
    """Another tolerance shows in one digest, another page in the other, a new module counts for points."""
    for change, differs in {
        ("compare.py", "ATOL = 1e-7", "ATOL = 1e-6"): Part.POINTS,
        ("feedback.py", "Every check", "Each check"): Part.WORDS,
        ("reports/templates/page.css", "{", "{ "): Part.WORDS,
        ("cli/grading.py", "Grade", "grade"): Part.NEITHER,
    }.items():
        place, old, new = change
        copies = [tmp_path / f"{place.replace('/', '-')}{n}" for n in range(2)]
        for copy in copies:
            shutil.copytree(ROOT / PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        text = (copies[1] / place).read_text()
        assert old in text
        (copies[1] / place).write_text(text.replace(old, new))
        changed = {
            part for part in Part if code_digests.digest(copies[0], part) != code_digests.digest(copies[1], part)
        }
        assert changed == {differs}


def test_a_module_that_nobody_has_named_decides_points():
    """Too much is graded again rather than too little."""
    assert code_digests.part_of("brand_new") is Part.POINTS
    assert code_digests.name_of(PurePosixPath("sandbox/__init__.py")) == "sandbox"
    assert code_digests.name_of(PurePosixPath("__init__.py")) == ""
