"""An import that is tried in a child of the zygote, which ends with it: what it would leave in each worker is seen there."""

import contextlib
import gc
import json
import os
import random
import signal
import sys
import time
import traceback

from distributions import forget_distributions
from entries import STANDARD_LIBRARY
from keeper import kill_descendants
from linux import CHILDREN, lead, open_status, status_of, threads
from state import ProcessState

# By the clock, for its limit is of its own time.
LONGER_ON_A_BUSY_MACHINE = 10
MOST_CHARACTERS = 1000
MOST_BYTES = 65536
# What the kernel has in every process, and shared memory, of which there is a word of its own.
NO_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/shm")
# Tasks go first, and it comes to its end on a busy machine.
LOWER_PRIORITY = 5


def descriptors():
    """What each open one leads to."""
    found = {}
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found[number] = os.readlink(f"/proc/self/fd/{number}")
    return found


def mappings():
    """Files and devices in this process's memory, and where what is shared with others is."""
    with open("/proc/self/maps") as lines:
        parts = [line.split(None, 5) for line in lines]
    return {(part[5].strip() if len(part) > 5 else "", part[1].endswith("s") and part[0]) for part in parts}


def is_device(path):
    return path.startswith("/dev/") and not path.startswith(NO_DEVICES)


def described(target):
    return "a socket" if target.startswith("socket:") else f"a pipe or the like ({target})" if ":" in target else target


def waited(pid):
    """Seconds that a process was kept waiting for a processor, which say nothing of what it does."""
    with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/schedstat") as figures:
        return int(figures.read().split()[1]) / 1e9
    return 0


class NotDone(BaseException):
    """In the place of what an import must not do, not even in a trial: others would notice it."""


class Witness:
    """Notes what Python code does while it is imported, and keeps it from what others would notice. There is no way to stop an
    audit hook: for a child that ends.
    """

    def __init__(self):
        self.seen = []
        system = random.SystemRandom
        # numpy has its own reference to this class's method since it was loaded: a generator that it makes is no matter unless
        # it is kept.
        draws = [(os, "urandom"), *((system, name) for name in ("random", "randbytes", "getrandbits") if hasattr(system, name))]
        for owner, name in draws:
            setattr(owner, name, self.noting(getattr(owner, name)))
        sys.addaudithook(self.hear)

    def note(self, what):
        if len(self.seen) < 8 and what not in self.seen:
            self.seen.append(what)

    def hear(self, event, arguments):
        if event == "open" and isinstance(arguments[0], (str, bytes)) and is_device(os.fsdecode(arguments[0])):
            self.note(f"opens {os.fsdecode(arguments[0])}")
            raise NotDone
        elif event in ("socket.connect", "socket.sendto"):
            self.note(f"connects to {arguments[1]!r}"[:200])
            raise NotDone

    def noting(self, draw):
        def drawing(*arguments):
            if not self.is_for_the_standard_library():
                self.note("draws random bytes")
            return draw(*arguments)

        return drawing

    def is_for_the_standard_library(self):
        """Whether that is what is being imported, as `multiprocessing` draws a key."""
        frame = sys._getframe(2)
        while frame is not None and frame.f_code.co_name != "<module>":
            frame = frame.f_back
        file = frame.f_code.co_filename if frame else ""
        return file.startswith(STANDARD_LIBRARY) and "-packages" not in file[len(STANDARD_LIBRARY) :]


def generators():
    """How many objects there are whose random numbers all workers would have in common."""
    numpy = sys.modules.get("numpy.random")
    kinds = (random.Random, numpy.BitGenerator) if numpy else random.Random
    objects = gc.get_objects()
    # It sees to forks itself.
    names = getattr(sys.modules.get("tempfile"), "_RandomNameSequence", ())
    of_names = {id(getattr(thing, "_rng", None)) for thing in objects if isinstance(thing, names)}
    return sum(
        isinstance(thing, kinds) and not isinstance(thing, random.SystemRandom) and id(thing) not in of_names
        for thing in objects
    )


def survives_fork():
    """What is to be done at a fork, by Python and by C code, is done in both."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def faults(state, before, memory, known, witness):
    """Why it must not be loaded in a process whose children are workers."""
    status = open_status()
    several = threads(status) > 1
    os.close(status)
    if several:
        yield "starts threads"
    with open(CHILDREN) as children:
        if children.read().strip():
            yield "starts a program that goes on"
    yield from witness.seen
    if generators() > known:
        yield "keeps a random generator"
    for number, target in descriptors().items():
        if before.get(number) != target and not target.startswith(f"/proc/{os.getpid()}/"):
            yield f"keeps {described(target)} open"
    for target, shared in mappings() - memory:
        if is_device(target):
            yield f"keeps {target} open"
        elif shared:
            yield "keeps memory that all workers would share"
    changed = state.restore()
    if changed:
        yield f"changes {', '.join(changed)}"
    if not several and not survives_fork():
        yield "does not survive a fork"


def examined(load):
    """What `load` has cost, and why it must not be done in the zygote, if so."""
    status = open_status()
    state, memory, witness = ProcessState(), mappings(), Witness()
    before, known, resident = descriptors(), generators(), status_of(status, b"RssAnon")
    started = time.monotonic() - waited("self")
    found = []
    try:
        load()
    except NotDone:
        pass  # it is noted
    except BaseException as error:
        found.append(f"can't be imported: {traceback.format_exception_only(type(error), error)[-1].strip()}")
    millis = max(0, round((time.monotonic() - waited("self") - started) * 1000))
    grown = max(0, status_of(status, b"RssAnon") - resident)
    forget_distributions()
    found.extend(faults(state, before, memory, known, witness))
    return {"millis": millis, "kibibytes": grown, "why": "; ".join(dict.fromkeys(found))[:MOST_CHARACTERS] or None}


def run(load, result):
    """The child's life: the outcome goes to `result`; who reads it ends the child and what that has started."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    with contextlib.suppress(OSError):
        os.nice(LOWER_PRIORITY)
    found = examined(load)
    kill_descendants()
    os.write(result, json.dumps(found).encode())
    signal.pause()


class Trial:
    """One that is under way."""

    def __init__(self, module, pid, result, limit_millis):
        self.module, self.pid, self.result = module, pid, result
        self.started, self.limit = time.monotonic(), limit_millis / 1000

    @classmethod
    def begin(cls, module, limit_millis, fork, load):
        """`fork` gives 0 in a child that has nothing of the zygote's, and `load` does there what is tried."""
        result, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            pid = fork()
        except OSError:
            os.close(result)
            os.close(write)
            raise
        if pid == 0:
            try:
                lead()
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm((limit_millis // 1000 + 1) * LONGER_ON_A_BUSY_MACHINE)  # should the zygote be gone
                os.close(result)
                run(load, write)
            finally:
                os._exit(1)
        os.close(write)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        return cls(module, pid, result, limit_millis)

    def left_millis(self):
        own = time.monotonic() - self.started - waited(self.pid)
        return max(0, round((self.limit - own) * 1000))

    def outcome(self, status=None):
        """What is to be said of it and of what kind, given the child's status if it has ended; None as long as it goes on."""
        with contextlib.suppress(BlockingIOError):
            told = os.read(self.result, MOST_BYTES)
            if told:
                return "tried", json.loads(told)
        signalled = os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None
        if signalled == signal.SIGKILL:
            return "given_up", {"why": "it was killed"}  # for lack of memory, for one
        if signalled == signal.SIGALRM or (status is None and self.left_millis() == 0):
            return "tried", self.failure(f"takes more than {round(self.limit * 1000)} ms to import")
        if status is not None:
            return "tried", self.failure("ends the interpreter when it is imported")
        return None

    def failure(self, why):
        return {"millis": round((time.monotonic() - self.started) * 1000), "kibibytes": 0, "why": why}

    def end(self, has_ended):
        """Ends the child, and what the import has started."""
        os.close(self.result)
        if not has_ended:  # else its number may be another's
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
