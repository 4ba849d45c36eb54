"""The reader of guides notices a broken promise: otherwise the tests of the guides would say nothing."""

import pytest
from follower import Follower, unnamed


@pytest.mark.parametrize(
    ("guide", "why"),
    [
        ("```console\n$ echo one\ntwo\n```\n", "line 1 promises"),
        ("```console\n$ echo one\n```\n", "line 1 promises"),
        ("```console\n$ echo one; echo two\none\n```\n", "line 1 promises"),
        ("```console\n$ false\n$ echo one\none\n```\n", "line 1: "),
        ('Text\n\n```text title="file"\nthree\n```\n', "line 3 promises"),
        ("```console\n$ echo one\none\n", "a fence that is not closed"),
    ],
)
def test_a_broken_promise_is_noticed(tmp_path, guide, why):
    """A wrong, missing or further line, a failure passed over, and an open fence are each found, with the line."""
    (tmp_path / "file").write_text("one\ntwo\n")
    follower = Follower(tmp_path)

    with pytest.raises(AssertionError, match=why):
        follower.follow_all(guide)


def test_a_kept_promise_is_not_complained_of(tmp_path):
    """Files, single functions, commands, exit codes and what differs from machine to machine are all followed."""
    guide = (
        '```python title="a/b.py"\nx = 1\n\n\ndef f():\n    return 1\n\n\nprint(f() + x)\n```\n'
        "```console\n$ cd a\n$ python3 b.py\n2\n```\n"
        '```python title="b.py, f"\ndef f():\n    return 5\n```\n'
        "```console\n$ python3 b.py; pwd; exit 3\n6\n…/a\n$ echo $?\n3\n```\n"
        '```text title="b.py"\ndef f():\n    return 5\n…\nprint(f() + x)\n```\n'
    )
    guide += (
        'Add this to `b.py`:\n```python title="b.py, end"\nprint("end")\n```\n<!-- here: someone looks -->\n'
        "```console\n$ cd ..\n$ python3 a/b.py; cat seen\n6\nend\nyes\n```\n"
    )
    deeds = {"someone looks": lambda folder: (folder.parent / "seen").write_text("yes\n")}
    follower = Follower(tmp_path, deeds)
    follower.follow_all(guide)
    assert follower.status == 0


def test_a_block_without_an_introduction_is_noticed():
    """A file that only its title names, a title on a console block, a block without one: each by its line."""
    good = 'Write `a.py`:\n\n```python title="a.py"\nx = 1\n```\n\n```console\n$ true\n```\n'
    assert unnamed(good) == []
    assert unnamed(good.replace("`a.py`", "it")) == [3]
    assert unnamed(good.replace("```console", '```console title="a.py"')) == [7]
    assert unnamed(good.replace(' title="a.py"', "")) == [3]
