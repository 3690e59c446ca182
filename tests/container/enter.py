"""Runs a program in namespaces of its own, as a container runtime does: `enter.py SPEC PROGRAM ARGUMENTS...`

SPEC is a file of JSON: `init` (whether the program has a process above it that reaps), `read_only` (the root), `writable` (folders
that are not), `noexec` (a folder that gets a file system of its own from which nothing may be executed), `hide` (other users'
processes), `user`, `deny` (system calls, by number, and the error they give), `groups` (cgroups of version 1: their folders, by controller), `variables`.
It has to be root's. The program's end is the end of all that it has started.
"""

import ctypes
import json
import os
import signal
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID = 0x20000, 0x4000000, 0x8000000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 1, 22, 38, 2
ALLOW, ERRNO = 0x7FFF0000, 0x50000
LOAD_WORD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06


def checked(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(source, target, kind=None, flags=0, options=None):
    words = [word and os.fsencode(word) for word in (source, target, kind)]
    checked(LIBC.mount(*words, ctypes.c_ulong(flags), options and options.encode()))


def make_enterable(path):
    """What lies in a folder that only root may enter is put under an empty one that everybody may."""
    parent = os.path.dirname(path)
    while parent != "/":
        closed = not os.stat(parent).st_mode & 0o001
        if closed:
            held = os.open(path, os.O_PATH)
            mount("tmpfs", parent, "tmpfs", MS_NOSUID, "mode=755")
            os.makedirs(path)
            mount(f"/proc/self/fd/{held}", path, flags=MS_BIND | MS_REC)
            os.close(held)
        parent = os.path.dirname(parent)


def make_mounts(spec):
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    hidden = "hidepid=2" if spec["hide"] else None
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, hidden)
    for controller, group in spec["groups"].items():
        mount(group, f"/sys/fs/cgroup/{controller}", flags=MS_BIND)  # its own group is the root, as far as it sees
    for folder in spec["executables"]:
        make_enterable(folder)
    for folder in (*spec["writable"], os.getcwd()):
        mount(folder, folder, flags=MS_BIND)
        if spec["user"]:
            os.chown(folder, spec["user"], spec["user"])
    if spec["noexec"]:
        mount("tmpfs", spec["noexec"], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777")
    if spec["read_only"]:
        mount(None, "/", flags=MS_REMOUNT | MS_BIND | MS_RDONLY)
    os.chdir(os.getcwd())  # into what is mounted there now


def become(user):
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


class Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32)]


class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(Instruction))]


def forbid(calls):
    """By seccomp, as profiles of container runtimes do: each of these calls fails with its error."""
    code = [(LOAD_WORD, 0, 0, 0)]
    for number, error in calls:
        code += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, ERRNO | error)]
    code.append((RETURN, 0, 0, ALLOW))
    instructions = (Instruction * len(code))(*code)
    program = Filter(len(code), instructions)
    checked(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    checked(LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0))


def exit_as(status):
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def pass_on_to(child):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(child, number))


def see_to_its_end(child):
    """As `tini` does: passes signals on, reaps whoever comes, and ends with the child."""
    pass_on_to(child)
    while True:
        pid, status = os.wait()
        if pid == child:
            exit_as(status)


def main(file, *command):
    with open(file) as text:
        spec = json.load(text)
    for group in spec["groups"].values():
        with open(os.path.join(group, "cgroup.procs"), "w") as processes:
            processes.write(str(os.getpid()))
    checked(LIBC.unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID))
    first = os.fork()
    if first:
        pass_on_to(first)
        exit_as(os.waitpid(first, 0)[1])
    checked(LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))
    make_mounts(spec)
    if spec["init"]:
        child = os.fork()
        if child:
            see_to_its_end(child)
    os.environ.update(spec["variables"])
    if spec["user"]:
        become(spec["user"])
    if spec["deny"]:
        forbid(spec["deny"])
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
