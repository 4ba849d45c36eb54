"""A change of the hidden tests touches exactly the exercises whose results it can change."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import assignments, demo, digests, draws, loading, variants
from autograder.course import CONFIG, MODULES, Course
from autograder.hidden_tests import HiddenTests
from autograder.judging import judge, ready
from autograder.model import Observation
from autograder.statements import Statements

NAME = demo.ASSIGNMENT
BOTH, FIRST, SECOND, NOTHING = {"UNQ_C1", "UNQ_C2"}, {"UNQ_C1"}, {"UNQ_C2"}, set()


@pytest.fixture(scope="module")
def room(course, tmp_path_factory):
    """Return a course whose hidden tests are its own, to be changed."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(course.root / CONFIG, root)
    for name in (*MODULES, f"source/{NAME}"):
        shutil.copytree(course.root / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "autograder" / "assignments").mkdir(parents=True)
    shutil.copy(assignments.file_of(course, NAME), root / "autograder" / "assignments")
    return Course.at(root)


def _digests(course):
    notebook, modules = loading.written(course, NAME)
    assignment, _ = loading.load(course, NAME)
    return dict(digests.of_exercises(course, assignment, notebook, modules))


@pytest.fixture(scope="module")
def before(room):
    """Return the digests as they are."""
    return _digests(room)


def _touched(before, after):
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@pytest.fixture
def edit(room):
    """Return a way to edit files of the course; afterwards they are what they were."""
    kept = {}

    def replace(name, old, new):
        path = room.root / name
        kept.setdefault(path, path.read_bytes())
        text = path.read_text()
        assert text.count(old) >= 1, old
        path.write_text(text.replace(old, new, 1))

    yield replace
    for path, content in kept.items():
        path.write_bytes(content)


TESTS = f"autograder/assignments/{NAME}.py"


@pytest.mark.parametrize(
    ("old", "new", "touched"),
    [
        ("CELL_CASES = (", "# a comment\n\nCELL_CASES = (\n    # another one\n", NOTHING),
        ('A_NEXT = "', 'def unused(rng):\n    return rng\n\n\nA_NEXT = "', NOTHING),
        ("import distinct_sizes, ", "import away_from_zero, distinct_sizes, ", NOTHING),
        ('Check("y_pred", 4, 1)', 'Check("y_pred", 5, 1)', SECOND),
        ("int(rng.integers(17, 25))", "int(rng.integers(17, 26))", SECOND),
        ("FEW = 3", "FEW = 4", SECOND),
        ("What should step 2 know about step 1?", "What does step 2 know about step 1?", SECOND),
        ('("range(T_x)", "range(T_x - 1)")', '("range(T_x)", "range(T_x - 2)")', SECOND),
        ('arguments=("x", "a0", "parameters")', 'arguments=("x", "a_0", "parameters")', SECOND),
        # the second exercise is run again with the helper where the first one is wrong
        ('Check("yt_pred", 4, 1)', 'Check("yt_pred", 5, 1)', BOTH),
        ("(27, 40, 30, 16)", "(27, 41, 30, 16)", BOTH),
        ("Look at yours: does any entry fall below zero?", "Look at yours.", BOTH),
        ('helper="rnn_cell_forward",', "", SECOND),
        # nobody knows what it does: it counts for all
        ("FEW = 3", "import numpy as np\n\nnp.seterr(all='ignore')\nFEW = 3", BOTH),
        ("FEW = 3", "globals()['FEW'] = 3", BOTH),
        ("distinct_sizes, large,", "distinct_sizes, square as large,", BOTH),
    ],
)  # fmt: skip
def test_a_change_of_the_tests_touches_what_it_can_change(room, before, edit, old, new, touched):
    """Cases, checks, weights, hints and what they are made of; a comment or an unused function touches nothing."""
    edit(TESTS, old, new)
    assert _touched(before, _digests(room)) == touched


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        ("a sentence", NOTHING),
        ("points of the second", SECOND),
        ("points of the first", BOTH),
        ("the second solution", SECOND),
        ("the first solution", BOTH),
        ("imports", BOTH),
        ("a public test", BOTH),
    ],
)
def test_a_change_of_the_notebook_touches_what_it_can_change(room, before, edit, change, touched):
    """Points and solutions belong to an exercise, the import cell and what is locked to all; prose decides nothing."""
    path = room.root / "source" / NAME / f"{NAME}.ipynb"
    edit(f"source/{NAME}/{NAME}.ipynb", "{", "{")
    document = variants.read(path)
    cells = {variants.grade_id(cell): cell for cell in document["cells"]}
    if change == "a sentence":
        prose = next(cell for cell in document["cells"] if cell["cell_type"] == "markdown")
        prose["source"] = "Read this first.\n\n" + variants.source_of(prose)
    elif change.startswith("points"):
        cells[f"test_UNQ_C{1 + change.endswith('second')}"]["metadata"]["nbgrader"]["points"] = 60
    else:
        names = {"imports": "imports", "a public test": "test_UNQ_C1"}
        cell = cells[names.get(change, f"UNQ_C{1 + ('second' in change)}")]
        cell["source"] = variants.source_of(cell) + "\n# and no more"
    path.write_bytes(variants.write(document))
    assert _touched(before, _digests(room)) == touched


def test_a_change_of_the_modules_touches_everything(room, before, edit):
    """A notebook may use all of what it imports, in every exercise."""
    edit("rnn_utils/__init__.py", '"""', '"""Changed. ')
    assert _touched(before, _digests(room)) == BOTH


@pytest.mark.parametrize(
    ("old", "new", "touched"),
    [
        ("rng.integers(8, 10)", "rng.integers(8, 11)", SECOND),  # steps
        ("T_x: int) -> tuple[Any, ...]:\n", "T_x: int) -> tuple[Any, ...]:\n    T_x += 1\n", SECOND),  # sequence
        ("[2, 4, 5, 6, 7]", "[2, 4, 5, 6, 8]", BOTH),  # distinct_sizes
        ("np.copysign(0.2, bias)", "np.copysign(0.3, bias)", BOTH),  # through parameters
        ("* 3.0  # hidden", "* 4.0  # hidden", NOTHING),  # of an LSTM
    ],
)
def test_a_change_of_how_inputs_are_drawn_touches_who_draws_so(room, before, monkeypatch, old, new, touched):
    """The functions that draw inputs are shared: each counts for those exercises that reach it."""
    real, place = Path.read_text, Path(draws.__file__)

    def changed(path, *args, **kwargs):
        text = real(path, *args, **kwargs)
        if path != place:
            return text
        assert text.count(old) == 1
        return text.replace(old, new)

    monkeypatch.setattr(Path, "read_text", changed)
    assert _touched(before, _digests(room)) == touched


def test_what_nobody_can_tell_takes_in_everything(room, before, edit):
    """A value of a kind that is not known, or a module of the course's own: then any line counts."""
    for old, new in (
        ("FEW = 3", "import functools\n\nFEW = 3"),
        ('Case("one step", lambda rng: sequence(rng, distinct_sizes(rng), 1))',
         'Case("one step", functools.cache(lambda rng: sequence(rng, distinct_sizes(rng), 1)))'),
    ):  # fmt: skip
        edit(TESTS, old, new)
    unknown = _digests(room)
    assert _touched(before, unknown) == SECOND
    edit(TESTS, "FEW = 3", "# a comment\nFEW = 3")
    assert _touched(unknown, _digests(room)) == SECOND
    edit(TESTS, "import functools", "import functools\nfrom rnn_utils import softmax")
    with_module = _digests(room)
    edit(TESTS, "functools.cache(lambda rng:", "functools.cache(lambda rng: softmax is None or")
    assert _touched(with_module, _digests(room)) == SECOND


def test_the_same_gives_the_same(room, before, tmp_path):
    """Where the files lie, and in which process they are read, does not matter."""
    shutil.copytree(room.root, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "import sys; from pathlib import Path; from autograder import loading; from autograder.course import Course; "
        "from autograder.digests import of_exercises; c, n = Course.at(Path(sys.argv[1])), sys.argv[2]; "
        "w, m = loading.written(c, n); print(*(d for _, d in of_exercises(c, loading.load(c, n)[0], w, m)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "elsewhere", NAME], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == list(before.values())
    assert {len(digest) for digest in before.values()} == {64}
    assert len(set(before.values())) == len(before)


class _Poison:
    """Whatever is done with it fails."""

    def _fail(self, *_args, **_kwargs):
        raise AssertionError("this was said not to matter")

    __getattr__ = __call__ = __getitem__ = __iter__ = __len__ = __bool__ = __add__ = __mul__ = __index__ = _fail


@pytest.mark.parametrize("name", ["backpropagation_through_time", "lstm_step_by_step", NAME, "types_of_rnn"])
def test_what_is_left_out_is_never_needed(course, monkeypatch, name):
    """With all that an exercise's digest leaves out taken away, inputs are drawn and answers judged as before."""
    assignment, reference = loading.load(course, name)
    tests = HiddenTests(assignment, reference, b"a secret for tests of digests")
    definition = digests._Definition(assignments.files_of(course, name), course)
    left_out = 0
    for exercise in assignment.exercises:
        found = set()
        definition._value(exercise, found, ())
        needed = definition._closure(found)
        expected = _judged(tests, exercise)
        with monkeypatch.context() as patch:
            for module, file in definition._modules.items():
                statements = definition._statements(file)
                for bound, numbers in statements.binds.items():
                    if not any((file, number, one) in needed for number in numbers for one in ("", bound)):
                        patch.setattr(sys.modules[module], bound, _Poison())
                        left_out += 1
            assert _judged(tests, exercise) == expected
    assert left_out > 10 * len(assignment.exercises)


def _judged(tests, exercise):
    """Return the inputs of every case, and what the checks say of the reference's own answers."""
    said = []
    observations = []
    for case in tests.order(exercise, "ada"):
        inputs = tests.inputs(exercise, case, "ada")
        answer = tests.reference.functions[exercise.function](*ready(inputs))
        observations.append(Observation(case, inputs, answer))
        said.append(
            (repr(inputs), [judge(exercise, answer, observations[-1], check).problem for check in exercise.checks])
        )
    across = [check.across(observations) for check in exercise.checks if check.across is not None]
    return said, across


# ------------------------------------------------------------------------------------------------------ statements


@pytest.mark.parametrize(
    ("source", "binds", "uses"),
    [
        ("a = b", {"a"}, {"a", "b"}),
        ("a, (b, *c) = d", {"a", "b", "c"}, {"a", "b", "c", "d"}),
        ("def f(x, y=z):\n    a = x\n    return lambda: g(a)", {"f"}, {"a", "x", "z", "g"}),
        ("def f():\n    global n\n    n = m", {"f", "n"}, {"n", "m"}),
        ("class A(B):\n    c = d\n    def e(self): pass", {"A"}, {"B", "c", "d"}),
        ("a = [b for b in c]", {"a"}, {"a", "b", "c"}),
        ("import x.y\nfrom z import u as v, w", {"x", "v", "w"}, set()),
        ("if a:\n    b = 1\nelse:\n    def c(): pass", {"b", "c"}, {"a", "b"}),
        ("for a in b: pass", {"a"}, {"a", "b"}),
        ("with a as b: pass", {"b"}, {"a", "b"}),
        ("a: int = 1", {"a"}, {"a", "int"}),
        ("a += 1", {"a"}, {"a"}),
    ],
)
def test_names_are_bound_and_mentioned(source, binds, uses):
    """What belongs to a function or a comprehension is not bound in the module, but mentioned all the same."""
    statements = Statements(source)
    assert set(statements.binds) == binds
    assert statements.uses == uses


@pytest.mark.parametrize(
    "source",
    ["f()", "a.b = 1", "a[0] = 1", "a, b[0] = c", "a += 1", "del a", "if a:\n    b = 1", "for a in b: pass", "assert a",
     "getattr(a, 'b')", "a = eval('b')", "import sys\na = sys"],
)  # fmt: skip
def test_what_does_something_counts_always(source):
    """A statement that may change what other names stand for is one that all depend on."""
    assert Statements(f"x = 1\n{source}").always


def test_texts_keep_what_looks_like_a_comment():
    """Lines within a text of several lines are no comments, and no blank lines either."""
    statements = Statements('a = """\n# kept\n\n"""  # trailing\n# gone\n\nb = f"""\n# {a}\n"""\n')
    assert [one.text for one in statements.all] == ['a = """\n# kept\n\n"""  # trailing', 'b = f"""\n# {a}\n"""']
