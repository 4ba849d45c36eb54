"""`scripts/collect_clones.py`: what it clones, what it leaves alone, and what it says."""

import base64
import http.server
import importlib.util
import subprocess
import sys
import threading

import pytest
from forges import ROOT, environment

from autograder import intake
from autograder.course import Course

SCRIPT = ROOT / "scripts" / "collect_clones.py"
NAME = "rnn_step_by_step"
TOKEN = "token-for-these-tests"  # noqa: S105  nothing takes it


@pytest.fixture(scope="module")
def script():
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("collect_clones", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def git(folder, *arguments):
    """Run git in a repository of a student."""
    who = ("-c", "user.name=s", "-c", "user.email=s@example.org")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, env=environment(HOME=str(folder)))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Return a folder with repositories: an honest one, one with everything that could act, one that is empty."""
    root = tmp_path_factory.mktemp("server")
    for student in ("ada", "eve", "mute"):
        folder = root / "class" / f"{student}.git"
        folder.mkdir(parents=True)
        git(folder, "init", "-q", "-b", "main")
    honest = root / "class" / "ada.git"
    (honest / "work").mkdir()
    (honest / "work" / f"{NAME}.IPYNB").write_text("{}")
    (honest / "large.bin").write_bytes(b"0" * 1000)
    evil = root / "class" / "eve.git"
    (evil / ".gitattributes").write_text("*.ipynb filter=lfs diff=lfs\n")
    (evil / ".lfsconfig").write_text("[lfs]\n\turl = http://127.0.0.1:9/\n")
    (evil / ".gitmodules").write_text('[submodule "x"]\n\tpath = x\n\turl = ../ada.git\n')
    (evil / f"{NAME}.ipynb").symlink_to("/etc/passwd")
    (evil / "filtered.ipynb").write_text("{}")
    for folder in (honest, evil):
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", "work")
    return root


def collect(tmp_path, text, *options, **more):
    """Run the script on a list; return what came of it, and the folder."""
    (tmp_path / "class.txt").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, SCRIPT, "class.txt", "clones", *options],
        cwd=tmp_path,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done, tmp_path / "clones"


def test_each_student_has_a_clone_with_notebooks_and_nothing_else(server, tmp_path):
    """Notebooks are there, other files are not; a link is a plain file, no filter ran, no submodule came."""
    listed = "# autumn\n\nada class/ada\neve class/eve.git\nmute  class/mute\n"
    filters = f'[filter "lfs"]\n\tsmudge = touch {tmp_path}/ran; cat\n\trequired\n'
    (tmp_path / ".gitconfig").write_text(filters, encoding="utf-8")
    done, clones = collect(tmp_path, listed, "--server", f"file://{server}", HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-2:] == ["mute: no commit", "3 of 3 repositories cloned."]
    files = {str(path.relative_to(clones)) for path in clones.rglob("*") if ".git" not in path.parts and path.is_file()}
    assert files == {f"ada/work/{NAME}.IPYNB", f"eve/{NAME}.ipynb", "eve/filtered.ipynb"}
    link = clones / "eve" / f"{NAME}.ipynb"
    assert (link.is_symlink(), link.read_text()) == (False, "/etc/passwd")
    assert not (tmp_path / "ran").exists()
    found = intake.find(Course.at(ROOT), [clones], NAME)
    assert {one.student: bool(one.problem) for one in found} == {"ada": False, "eve": False, "mute": True}
    assert "commit " in found[0].received[-1]


def test_who_cannot_be_cloned_has_no_folder(server, tmp_path):
    """An empty folder would be graded as a student who handed in nothing: our failure, their zero."""
    done, clones = collect(tmp_path, "ada class/ada\nzoë class/none\n", "--server", f"file://{server}")
    assert done.returncode == 2
    assert "1 of 2 repositories cloned." in done.stdout
    assert "zo" in done.stderr
    assert "could not be cloned" in done.stderr
    assert [path.name for path in clones.iterdir()] == ["ada"]


def test_too_large_a_repository_is_given_up(script, monkeypatch, tmp_path):
    """Notebooks that unpack to more than anybody needs are not written: the disk is the whole class's."""
    folder = tmp_path / "class" / "bomb.git"
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "bomb.ipynb").write_bytes(b"0" * (2 << 20))
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "work")
    monkeypatch.setattr(script, "NOTEBOOKS", 1 << 20)
    with pytest.raises(script.CloneError, match="more than 1 MiB"):
        script.clone(script.environment("", "", ""), f"file://{folder}", tmp_path / "bo")
    assert not (tmp_path / "bo").exists()


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        ("", "names no student"),
        ("ada\n", "Line 1 does not begin with a student"),
        ("../up class/up\n", "Line 1 does not begin with a student"),
        (".git class/up\n", "Line 1 does not begin with a student"),
        ("-x class/up\n", "Line 1 does not begin with a student"),
        ("a\x1b class/up\n", "Line 1 does not begin with a student"),
        ("ada class/ada\nada class/other\n", "Line 2: ada has a repository already"),
        ("ada class/ada\nAda class/other\n", "but for upper and lower case"),
        ("ada --upload-pack=touch\n", "is no address"),
        ("ada ext::sh\n", "is no address"),
        ("ada http://example.org/x\n", "is no address"),
        ("ada class/../../x\n", "is no address"),
    ],
)
def test_a_list_that_is_none_clones_nothing(tmp_path, listed, why):
    """Each fault is told with its line, and nothing was done."""
    done, clones = collect(tmp_path, listed, "--server", "https://example.org")
    assert done.returncode == 1
    assert why in done.stderr
    assert "Nothing was cloned" in done.stderr
    assert not clones.exists()


def test_a_short_address_needs_a_server(tmp_path):
    """Without a server, by option or from CI, OWNER/NAME is nowhere."""
    done, _ = collect(tmp_path, "ada class/ada\n")
    assert (done.returncode, "Name one with --server" in done.stderr) == (1, True)


@pytest.fixture
def asked():
    """Start a server on this machine that refuses everything; return its address, and what it was shown."""
    shown = []

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            shown.append(self.headers.get("Authorization"))
            self.send_error(404)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", shown
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("same", [True, False])
def test_the_token_is_shown_to_one_server_only(script, tmp_path, asked, same):
    """Whatever addresses a list names, no server but the one of the token sees it."""
    address, shown = asked
    settings = script.environment(address if same else "https://example.org", TOKEN, "oauth2")
    with pytest.raises(script.CloneError):
        script.clone(settings, f"{address}/class/ada.git", tmp_path / "ada")
    wanted = f"Basic {base64.b64encode(f'oauth2:{TOKEN}'.encode()).decode()}" if same else None
    assert shown
    assert set(shown) == {wanted}
