"""The walls between student code and everything else, one function per wall.

Theory of operation
-------------------
Every process, its rights, and its pipes:

host
    The instructor's process (the command, or one worker of the pool). Holds the reference, the course secret and the
    gradebook. Never runs student code. Speaks to the warden over one *control* socket, and to each guest over one
    *channel* (frames), two pipes (the guest's stdout and stderr, read and capped) and one *status* socket.
launcher
    A fresh interpreter with a clean environment that the host starts. Forks the warden into new user, pid, mount, net,
    ipc and uts namespaces, maps its ids, and waits for it. Holds no socket.
warden
    PID 1 of those namespaces. Builds a minimal read-only root and moves into it. No network, no secret, no way to a
    file that is not in the root. Takes the host's requests, watches every guest, and reaps. Its own death (or the
    host's: end of file on the control socket) ends every process below it.
zygote
    Forked by the warden inside its walls. Only then are numpy, IPython and the course's modules imported, once. Forks
    guests when the warden says so; tells the host one word over the control socket, and closes it.
init
    PID 1 of one guest's namespaces: forked by the warden, which is small, into a second layer of user, pid, mount,
    ipc and uts namespaces; the network's is the sandbox's own, which is empty. Mounts a fresh /proc and a private,
    sized tmpfs, and hands descriptors of its namespaces to the zygote. When the host closes the *status* socket, init
    exits, and the kernel ends whatever the guest has left behind.
guest
    Forked by the zygote, as a child of the warden, into init's namespaces. Runs the student's code. Has the channel,
    its two pipes and a /dev/null that it has opened itself, no other descriptor; an unprivileged uid in a user
    namespace without capabilities, which is unprivileged outside of it as well, whoever the host is (see
    `unprivileged_ids`); rlimits; no_new_privs; its own session; one processor where there are other workers; Landlock;
    seccomp; a control group where one can be had. When it ends, the warden says over the status socket how, and ends
    init.

What the guest sends is data (see `autograder.sandbox.wire`). Init is undumpable before there is a guest beside it, and
a guest that took it over all the same would have won the right to end itself.

Where a machine allows no namespaces, the level `filtered` does without them: there is no init, the guest lives in a
folder of its own, and Landlock and seccomp alone stand between it and the host. See `Plan`.
"""

import ctypes
import errno
import os
import resource
import signal
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_libc_locked = ctypes.PyDLL(None, use_errno=True)  # keeps the interpreter's lock, as a fork must

CLONE_PARENT = 0x00008000
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
_NAMESPACES = {"pid": CLONE_NEWPID, "net": CLONE_NEWNET, "ipc": CLONE_NEWIPC, "uts": CLONE_NEWUTS}

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_SYS_CLONE = {"x86_64": 56, "aarch64": 220}
_SYS_MOUNT_SETATTR = 442  # the same number on every architecture

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4

GUEST_UID = 1000  # inside its own user namespace; outside see `unprivileged_ids`
NOBODY = 65534  # the kernel's own default for an id that stands for no user
HOME = "/tmp/work"  # noqa: S108  the guest's private tmpfs, not the machine's /tmp
GUARDED = "/guarded"  # a file that nothing but Landlock keeps a guest from reading
DEVICES = ("null", "zero", "random", "urandom")
COURSE = "/course"  # where the course's modules stand in the minimal root


@dataclass(frozen=True)
class Plan:
    """Which walls stand, and where; made by the host, the same for warden, zygote and guests.

    Attributes
    ----------
    namespaces : bool
        Whether there are namespaces and a minimal root; without them, ``base`` is where files are.
    base : str
        A folder of the host's for this sandbox alone.
    runtime, hidden : tuple of str
        See `build_root`; without namespaces nothing can be hidden in a folder that may be read.
    unlisted : tuple of str
        What is no longer on the path of modules.
    without : tuple of str
        Layers that are left out, by name. For the tests that show what each is good for, and for nothing else.
    ids : (int, int) or None
        User and group of guests outside their namespaces, where the host is root; see `unprivileged_ids`.
    threads : bool
        Whether a guest may start threads; see `threads_are_counted`.
    """

    namespaces: bool
    base: str
    runtime: tuple[str, ...]
    hidden: tuple[str, ...]
    unlisted: tuple[str, ...]
    without: tuple[str, ...] = ()
    ids: tuple[int, int] | None = None
    threads: bool = True

    @property
    def root(self) -> bool:
        """Whether there is a minimal root."""
        return self.namespaces and "root" not in self.without

    @property
    def course(self) -> str:
        """Where the course's modules stand."""
        return COURSE if self.root else f"{self.base}/course"

    @property
    def home(self) -> str:
        """The working folder of the zygote, and with namespaces that of a guest: private, there, to each."""
        return HOME if self.namespaces else f"{self.base}/work"

    @property
    def flags(self) -> int:
        """The namespaces for clone(2)."""
        others = sum(flag for name, flag in _NAMESPACES.items() if name not in self.without)
        return CLONE_NEWUSER | CLONE_NEWNS | others


def call(name: str, *arguments: object) -> int:
    """Call a function of the C library.

    Raises
    ------
    OSError
        If it fails; the message names the function.
    """
    result: int = getattr(_libc, name)(*arguments)
    if result == -1:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount; see mount(2)."""
    call("mount", source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())


def _clone(flags: int) -> int:
    """Fork with flags of clone(2); returns like `os.fork`. Python is told before and after, as `os.fork` tells it."""
    python = ctypes.pythonapi
    python.PyOS_BeforeFork()
    pid = int(_libc_locked.syscall(_SYS_CLONE[os.uname().machine], flags | signal.SIGCHLD, 0, 0, 0, 0))
    error = ctypes.get_errno()
    if pid == 0:
        python.PyOS_AfterFork_Child()
        return 0
    python.PyOS_AfterFork_Parent()
    if pid == -1:
        raise OSError(error, f"clone: {os.strerror(error)}")
    return pid


# ------------------------------------------------------------------------------------------------ the sandbox's walls


def fork_into_namespaces(plan: Plan, *, shared: int = 0) -> int:
    """Fork; the child is PID 1 in fresh namespaces, and has yet to call `become`. Returns like `os.fork`.

    One clone(2) instead of unshare and two forks.

    Parameters
    ----------
    shared : int
        Namespaces in which the child stays.
    """
    return _clone(plan.flags & ~shared)


def unprivileged_ids(runtime: Iterable[str], *, reached_by_path: bool) -> tuple[int, int] | None:
    """Return the user and group that guests of a root host are outside their namespaces; None if there are none.

    The kernel counts the threads of a user who is not root, and keeps root's files from him. A guest of an ordinary
    user is that user. A guest of root is ``nobody``: in a container whose user namespace has no such id, the highest
    one that it has. Where only one id is mapped there is no other, but then the host's root is no root either.

    Parameters
    ----------
    runtime : iterable of str
        What guests must be able to read: an interpreter that only root may read leaves no choice.
    reached_by_path : bool
        Whether guests reach it by the machine's own folders, and not in a root of their own.
    """
    if os.geteuid() != 0 or not all(_is_readable(path, reached_by_path=reached_by_path) for path in runtime):
        return None
    user, group = _highest_id("/proc/self/uid_map"), _highest_id("/proc/self/gid_map")
    return (user, group) if user and group else None


def _highest_id(id_map: str) -> int:
    """Return `NOBODY` where a map of ids has it, else the highest id that it has."""
    ranges = [tuple(map(int, line.split())) for line in Path(id_map).read_text(encoding="ascii").splitlines()]
    if any(first <= NOBODY < first + count for first, _, count in ranges):
        return NOBODY
    return max(first + count - 1 for first, _, count in ranges)


def _is_readable(path: str, *, reached_by_path: bool) -> bool:
    """Return whether everyone may read a file, or list a folder and what it holds directly."""
    folders = [*map(str, Path(path).parents)] if reached_by_path else []
    try:
        if os.path.isdir(path):  # noqa: PTH112  of dozens of paths, while the sandbox starts
            folders.append(path)
            files = [entry for entry in os.scandir(path) if not entry.is_symlink()]
            open_to_all = all(e.stat().st_mode & (0o005 if e.is_dir() else 0o004) for e in files)
        else:
            open_to_all = bool(os.stat(path).st_mode & 0o004)  # noqa: PTH116  likewise
        return open_to_all and all(os.stat(folder).st_mode & 0o001 for folder in folders)  # noqa: PTH116
    except OSError:
        return False


def ask_to_be_mapped(link: socket.socket) -> None:
    """Ask the parent to map this process's ids, as `map_ids` does, and wait until it has.

    Nobody may write the map of a process that cannot be looked into; so it can be, afterwards.
    """
    be_dumpable(True)  # noqa: FBT003
    folder = os.open("/proc/self/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    socket.send_fds(link, [b"?"], [folder])
    os.close(folder)
    if not link.recv(1):
        raise OSError(errno.ESRCH, "the parent has ended")


def map_ids(link: socket.socket, *choices: Sequence[tuple[int, int, int]]) -> int:
    """Map the ids of a child's new user namespace, from outside.

    Only the parent may map an id that is not its own. It finds the child by what that sends, whichever ``/proc`` the
    two of them see.

    Parameters
    ----------
    link : socket
        Its other end is the child's, in `ask_to_be_mapped`.
    *choices : sequence of (int, int, int)
        Maps, of which the first that the kernel allows is taken. Of each id inside: the user and the group outside that
        it stands for.

    Returns
    -------
    int
        Which of them it was.

    Raises
    ------
    OSError
        If the kernel allows none of them.
    """
    folders = socket.recv_fds(link, 1, 1)[1]
    if not folders:
        raise OSError(errno.ESRCH, "the child has ended")
    try:
        _write("setgroups", "deny", folders[0])
        taken = _first_allowed("uid_map", [[(inner, user) for inner, user, _ in ids] for ids in choices], folders[0])
        _write("gid_map", _map([(inner, group) for inner, _, group in choices[taken]]), folders[0])
    finally:
        os.close(folders[0])
    link.send(b"!")
    return taken


def _first_allowed(name: str, choices: Sequence[Sequence[tuple[int, int]]], folder: int) -> int:
    """Write the first map that the kernel allows; return which it was."""
    for number, ids in enumerate(choices):
        try:
            _write(name, _map(ids), folder)
        except PermissionError:
            if number + 1 == len(choices):
                raise
        else:
            return number
    raise OSError(errno.EINVAL, "no map to choose from")


def _map(ids: Sequence[tuple[int, int]]) -> str:
    """Return a map of ids as the kernel reads it."""
    return "".join(f"{inner} {outer} 1\n" for inner, outer in ids)


def become(user: int = GUEST_UID, group: int = GUEST_UID) -> None:
    """Become a user for good; by default the only one that there is in a guest's user namespace."""
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)


def threads_are_counted(plan: Plan) -> bool:
    """Return whether the kernel holds a guest to a number of threads, by trying what it does to a child of ours.

    It does not for whoever is root outside of all namespaces. Without namespaces it counts all that a user has, and so
    nothing that could be one guest's limit.
    """
    if not plan.namespaces:
        return False
    if "rlimits" in plan.without:
        return True
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    try:
        if plan.ids is not None:
            become()
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        if os.fork() == 0:
            os._exit(0)
    except OSError as error:
        os._exit(0 if error.errno == errno.EAGAIN else 1)
    os._exit(1)


def be_dumpable(yes: bool) -> None:  # noqa: FBT001
    """Let other processes of the same user look into this one, or let none of them."""
    call("prctl", PR_SET_DUMPABLE, int(yes), 0, 0, 0)


def die_with_parent() -> None:
    """End when the parent ends."""
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _write(name: str, text: str, folder: int) -> None:
    """Write a file of the kernel's, in one system call as it asks; every guest passes here, so nothing more is done."""
    descriptor = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=folder)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def build_root(plan: Plan) -> None:
    """Build the minimal read-only root and move into it.

    The plan's ``runtime``, folders and files of the machine, is bound into it, read-only, at the same place; its
    ``hidden``, folders within those, is covered by empty ones.
    """
    mount("", "/", flags=MS_REC | MS_PRIVATE)
    root = "/sys"  # any folder that holds nothing to be bound; the tmpfs covers it
    mount("root", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,mode=755")
    Path(root, "tmp").mkdir()
    mount("tmp", f"{root}/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,mode=1777")  # noqa: S108
    for path in plan.runtime:  # after /tmp, which may hold the interpreter of a throw-away clone
        _bind(path, root)
    for path in plan.hidden:
        if Path(root + path).is_dir():
            mount("hidden", root + path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=555")
    for device in DEVICES:
        target = Path(f"{root}/dev/{device}")
        target.parent.mkdir(exist_ok=True)
        target.touch()
        mount(f"/dev/{device}", str(target), flags=MS_BIND)
        # a device can be written to all the same, but its inode is the machine's: no other mode, no other time
        _set_attributes(str(target), MS_RDONLY | MS_NOSUID | MS_NOEXEC)
    Path(root + COURSE).mkdir()
    mount("course", root + COURSE, "tmpfs", MS_NOSUID | MS_NODEV, "size=16m,mode=755")
    for folder in ("proc", "tmp", "etc", "dev"):
        Path(root, folder).mkdir(exist_ok=True)
    Path(root, GUARDED.removeprefix("/")).write_text("Landlock keeps guests from reading this; a probe tries to.\n")
    Path(root, "etc/passwd").write_text(f"student:x:{GUEST_UID}:{GUEST_UID}::{HOME}:/bin/false\n")
    if "pid" in plan.without:  # then /proc is not ours to mount
        mount("/proc", f"{root}/proc", flags=MS_BIND | MS_REC)
    else:
        mount("proc", f"{root}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount("", root, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    os.chdir(root)
    call("pivot_root", b".", b".")
    call("umount2", b".", MNT_DETACH)
    os.chdir("/")


def put_modules(plan: Plan, modules: Mapping[str, bytes]) -> None:
    """Write the course's own modules where they are found, and make them read-only."""
    Path(plan.course).mkdir(exist_ok=True)
    for name, content in modules.items():
        module = Path(plan.course, name)
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_bytes(content)
    if plan.root:
        mount("", COURSE, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def _bind(path: str, root: str) -> None:
    """Bind a folder or file of the machine into the root, it and all that is mounted below it read-only."""
    source, target = Path(path), Path(root + path)
    if source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.readlink())
        return
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    else:
        return
    mount(path, str(target), flags=MS_BIND | MS_REC)
    _set_attributes(str(target), MS_RDONLY | MS_NOSUID | MS_NODEV)


def _set_attributes(target: str, flags: int) -> None:
    """Set flags on a mount and all below it, and leave those that it has: an ordinary user may not clear them."""
    attributes = (ctypes.c_uint64 * 4)(flags, 0, 0, 0)  # struct mount_attr: set, clear, propagation, user namespace
    size = ctypes.sizeof(attributes)
    call("syscall", _SYS_MOUNT_SETATTR, _AT_FDCWD, target.encode(), _AT_RECURSIVE, attributes, size)


# ------------------------------------------------------------------------------------------------- the guest's walls


def mount_private(plan: Plan, disk: int) -> None:
    """Give a guest's namespaces their own /proc and a private, sized tmpfs; called by init.

    What of the runtime lies below /tmp would vanish under the tmpfs, so it is bound into it again.
    """
    if "pid" not in plan.without:
        read_only = 0 if "proc" in plan.without else MS_RDONLY
        # of processes alone: not of the machine, its devices and its sockets
        options = "" if "subset" in plan.without else "subset=pid"
        mount("proc", "/proc", "proc", read_only | MS_NOSUID | MS_NODEV | MS_NOEXEC, options)
    if "uts" not in plan.without:
        call("sethostname", b"guest", 5)  # the machine's own name is nobody's business
    kept = plan.runtime if plan.root else (*plan.runtime, plan.base)
    covered = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in kept if path.startswith("/tmp/")}  # noqa: S108
    mount("tmp", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, f"size={disk},nr_inodes=4096,mode=1777")  # noqa: S108
    for path, handle in covered.items():
        Path(path).mkdir(parents=True)
        mount(f"/proc/self/fd/{handle}", path, flags=MS_BIND | MS_REC)  # still read-only: the flag is locked
        os.close(handle)
    os.mkdir(HOME)  # noqa: PTH102  likewise


# user first: it gives the rights to enter the others; the last is for children, of which the guest is one
_NAMESPACE_FILES = ("user", "mnt", "net", "ipc", "uts", "pid")
NAMESPACES = len(_NAMESPACE_FILES)


def open_namespaces(plan: Plan) -> list[int]:
    """Return descriptors of this process's own namespaces; nobody else may open those of an undumpable process."""
    made = [name for name in _NAMESPACE_FILES if name not in (*plan.without, "net")]
    return [os.open(f"/proc/self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in made]


def own_pid_namespace() -> int:
    """Return a descriptor of this process's own pid namespace."""
    return os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)


def fork_sibling() -> int:
    """Fork a child of our own parent; returns like `os.fork`."""
    return _clone(CLONE_PARENT)


def fork_below(plan: Plan, namespaces: Sequence[int], own: int) -> int:
    """Fork a child of our own parent into another pid namespace; returns like `os.fork`.

    Parameters
    ----------
    namespaces : sequence of int
        As `open_namespaces` gives them; empty if their init has died.
    own : int
        As `own_pid_namespace` gives it: where the caller's later children belong.
    """
    if not namespaces:
        raise OSError(errno.ESRCH, "its namespaces could not be made")
    if "pid" in plan.without:
        return fork_sibling()
    call("setns", namespaces[-1], CLONE_NEWPID)
    pid = -1
    try:
        pid = fork_sibling()
    finally:
        if pid:  # the child is where it belongs
            call("setns", own, CLONE_NEWPID)
    return pid


def enter(plan: Plan, namespaces: Sequence[int]) -> None:
    """Enter the namespaces of this process's init, and become an ordinary user.

    The pid namespace is the one that it was born into. Without namespaces there is only the user to become.
    """
    for namespace in namespaces if "pid" in plan.without else namespaces[:-1]:
        call("setns", namespace, 0)
    if namespaces:
        become()
    elif plan.ids is not None:
        become(*plan.ids)
    be_dumpable(True)  # noqa: FBT003  who changes ids is not, and then finds its own files in /proc shut
