"""A Jupyter server for one file of tests: on the loopback, with nothing of this machine's settings."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TOKEN = "for-this-test-only"  # noqa: S105  a server that lives for seconds and listens on the loopback only
START_SECONDS = 180.0
BIN = Path(sys.executable).parent


@contextmanager
def serving(module: str, folder: Path, home: Path, *options: str, **variables: str) -> Iterator[str]:
    """Run a server in a folder, and give its address.

    Parameters
    ----------
    module : str
        What is run: ``jupyterlab`` or ``jupyter_server``.
    home : Path
        Where it keeps what it knows; also its log.
    variables : str
        For its environment, beside those that say where it is at home.
    """
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])  # what is called by name is beside our own interpreter
    environment = {"PATH": path, "HOME": str(home), "JUPYTER_RUNTIME_DIR": str(home / "runtime")} | variables
    if "LANG" in os.environ:
        environment["LANG"] = os.environ["LANG"]
    command = [
        *(sys.executable, "-m", module, "--no-browser", "--allow-root", "--ip=127.0.0.1"),
        *("--ServerApp.port=0", f"--IdentityProvider.token={TOKEN}", *options),
    ]
    log = home / "log.txt"
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT) as server,
    ):
        try:
            yield _address(server, home / "runtime", log)
        finally:
            server.terminate()


def _address(server: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """Wait for the server's own note of where it listens, and return it."""
    deadline = time.monotonic() + START_SECONDS
    note = runtime / f"jpserver-{server.pid}.json"
    while time.monotonic() < deadline and server.poll() is None:
        if note.is_file() and (text := note.read_text()).endswith("}"):
            return str(json.loads(text)["url"])
        time.sleep(0.1)
    pytest.fail(f"{server.args} did not start:\n{log.read_text()}")
