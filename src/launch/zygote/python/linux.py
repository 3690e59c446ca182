"""What Linux has and Python lacks, and what keeper, zygote and workers do with it alike.

Where a process forks, and in the child, signals are `_signal`'s numbers: `signal` makes members of enumerations of them, by
Python code that dozens of pages are written to for, in each worker anew.
"""

import _signal
import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import struct

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

# Of the one thread that this is.
CHILDREN = "/proc/thread-self/children"

LIBC = ctypes.CDLL(None)

# Signals that end or stop a process unless it has a say in that. Not those that tell of a fault in it.
DEADLY_SIGNALS = tuple(
    int(number)
    for number in (
        signal.SIGHUP,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGALRM,
        signal.SIGTERM,
        signal.SIGTSTP,
        signal.SIGTTIN,
        signal.SIGTTOU,
        signal.SIGXCPU,
        signal.SIGVTALRM,
        signal.SIGPROF,
        signal.SIGIO,
        signal.SIGPWR,
        16,  # SIGSTKFLT, which this module has had a name for since Python 3.11
    )
)
# Made once, and the latter used without what `json` does around it.
ENCODER = json.JSONEncoder(ensure_ascii=False)
DECODER = json.JSONDecoder()


def prctl(option, value):
    return LIBC.prctl(option, value, 0, 0, 0)


def lead():
    """Makes this process the leader of a group, and the one that orphans of its descendants come to."""
    os.setpgid(0, 0)
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def put_in_place(words, old, new):
    """Has `new` in a list where it has `old`; a script around the interpreter may have put something before that."""
    for at in range(len(words)):
        if tuple(words[at : at + len(old)]) == old:
            words[at : at + len(old)] = new
            return


def show_as(old, new):
    """Has `ps` show `new` among this process's arguments, in the place of `old`, which is as long.

    Whatever else reads the arguments where the kernel has put them finds them in order, as `setproctitle` does.
    """
    with open("/proc/self/stat") as stat:
        start, end = map(int, stat.read().rpartition(")")[2].split()[45:47])
    old, new = ("\0".join(["", *words, ""]).encode() for words in (old, new))
    place = ctypes.string_at(start, end - start).find(old)
    if place > 0 and len(old) == len(new):
        ctypes.memmove(start + place, new, len(new))


def open_status():
    return os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)


def status_of(status, field):
    """A number of `/proc/self/status`, 0 where it has none; needs no new descriptor, as there may be none."""
    return int((os.pread(status, 8192, 0).partition(b"\n" + field + b":")[2].split() or [0])[0])


def threads(status):
    """How many this process has."""
    return status_of(status, b"Threads")


def receive(sock, size, most):
    """A message and its descriptors, which no program that is started here inherits."""
    room = socket.CMSG_LEN(most * struct.calcsize("i"))
    data, ancillary, _, _ = sock.recvmsg(size, room, socket.MSG_CMSG_CLOEXEC)
    descriptors = [fd for _, _, content in ancillary for (fd,) in struct.iter_unpack("i", content)]
    return data, descriptors


def send(control, kind, **fields):
    """Tells a message, as `message.rs` has them."""
    control.sendall(ENCODER.encode({kind: fields}).encode(errors="replace"))


def parsed(message):
    """The object that a message is."""
    return DECODER.scan_once(message.decode(), 0)[0]


def is_over(control):
    """Whether nobody holds the other end of `control`: then this zygote is wanted no more."""
    poller = select.poll()
    poller.register(control, 0)  # a hang-up is told without being asked for
    return bool(poller.poll(0))


def hear_nothing(number, frame):
    """A handler. Not SIG_IGN, which programs inherit that an import starts."""


class ChildEnds:
    """Tells a poller that children have ended, and which."""

    def __init__(self):
        self.heard, self.rung = socket.socketpair()
        for end in (self.heard, self.rung):
            end.setblocking(False)
        self.told_before = signal.set_wakeup_fd(self.rung.fileno(), warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, hear_nothing)

    def fileno(self):
        return self.heard.fileno()

    def drain(self):
        with contextlib.suppress(BlockingIOError):
            self.heard.recv(4096)

    def collect(self):
        """Pid and exit status of each that has ended."""
        self.drain()
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                yield pid, status

    def close(self):
        self.heard.close()
        self.rung.close()


def disposition(number):
    """The handler of a signal, by the system's books and by Python's: C code may have set one of its own.

    By the system's it is None where there is none.
    """
    action = (ctypes.c_void_p * 32)()  # larger than any `struct sigaction`, which begins with the handler
    LIBC.sigaction(number, None, action)
    return action[0], _signal.getsignal(number)


class Deafness:
    """The time in which no signal ends this process: any task can signal its parent, which others' tasks have in common."""

    def __init__(self, on_term):
        self.taken = {}
        for number in DEADLY_SIGNALS:
            handler, before = disposition(number)
            if handler is None or before is _signal.default_int_handler:
                _signal.signal(number, on_term if number == _signal.SIGTERM else hear_nothing)
                self.taken[number] = before, disposition(number)

    def leave_changed(self):
        """An import has seen to some signals: they are its own from now on."""
        self.taken = {number: own for number, own in self.taken.items() if disposition(number) == own[1]}

    def end(self):
        """In a forked child: signals are again what they were."""
        for number, (before, _) in self.taken.items():
            _signal.signal(number, before)
