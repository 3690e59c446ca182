"""What runs in a forked worker around PySpark's own code: from its binding to a session until its last task."""

import _signal
import contextlib
import ctypes
import gc
import os
import socket
import struct
import sys

from linux import DEADLY_SIGNALS, LIBC, parsed, receive

# In the memory allocator of Arrow: the only thread that importing pyarrow starts.
ARROW_THREAD_SWITCH = "JE_ARROW_MALLOC_CONF"
# The environment as C has it: no name or value is decoded to compare it with another.
RAW_ENVIRONMENT = getattr(os.environ, "_data", os.environb)
# Of `clone`: the child has this process's memory, which waits meanwhile.
CLONE_VM = 0x100
CLONE_VFORK = 0x4000
# Made once, as each worker would make them anew.
SMALL_STACK = ctypes.create_string_buffer(8 * 1024)
SMALL_STACK_TOP = ctypes.c_void_p((ctypes.addressof(SMALL_STACK) + len(SMALL_STACK)) // 16 * 16)
CLONE, SETPGRP = LIBC.clone, LIBC.setpgrp


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            return None
        data += more
    return data


def receive_binding(sock):
    """Waits until this worker is wanted: its environment, directory and arguments. None where it never is."""
    head, stdout = receive(sock, 4, 1)
    body = head and read_exactly(sock, struct.unpack("!i", head)[0])
    return {**parsed(body), "stdout": stdout} if body else None


def give_group(pid):
    """Has a child of this process a group of its own: a session that signals its group must not reach the workers of others.

    Not as its leader, who could not call `setsid`, which stock's workers can: the leader is another child, which has ended. It is
    none of the worker's, who would find the memory that it shared among what its own children have used (`getrusage`).
    """
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, DEADLY_SIGNALS)  # no handler fits on that stack
    leader = CLONE(SETPGRP, SMALL_STACK_TOP, CLONE_VM | CLONE_VFORK | _signal.SIGCHLD, None)
    for group in (max(leader, 0), pid):  # the second for a system that is not quite Linux
        with contextlib.suppress(OSError):
            os.setpgid(pid, group)
            break
    if leader > 0:
        os.waitpid(leader, 0)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, before)


def set_variable(name, value):
    """As `os.environb` does, but for its code: a worker has few pages of its own when it gets its variables."""
    os.putenv(name, value)
    RAW_ENVIRONMENT[name] = value


def bind(binding):
    """Makes this process the worker of the session it was handed out to."""
    for descriptor in binding["stdout"]:
        os.dup2(descriptor, 1)
        os.close(descriptor)
    for name in binding["unset"]:
        os.environ.pop(name, None)
    for name, value in binding["set"].items():
        # Bytes: this interpreter may have been told to take names of files for ASCII.
        set_variable(name.encode(), value.encode())
    directory = binding.get("directory")
    if directory:
        os.chdir(directory.encode())
    sys.argv[1:] = binding["arguments"]


def reseed(random, numpy):
    """Random state that a fork has copied; Python's own `random` sees to itself."""
    # As `random.seed()`, which takes a worker twenty times as long.
    words = numpy.frombuffer(os.urandom(4 * 624), dtype="uint32")
    try:
        random.set_state(("MT19937", words, 624))
    except ValueError:  # a module that was loaded ahead has set another generator
        generator = random.get_bit_generator()
        generator.state = type(generator)().state
        random.set_bit_generator(generator)  # forgets the normal variate that it has in store


def draw_anew(loaded):
    """What modules have drawn when they were imported, and all workers would have in common. `loaded` gives a module that is."""
    process = loaded("multiprocessing.process")
    if process is not None:
        process.current_process().authkey = os.urandom(32)  # by which it knows the processes that it has started


def offer_to_oom_killer(score):
    """Has the kernel kill this process, and not the executor, where memory runs out."""
    # Less than it has is for root only; then it stays as it is.
    with contextlib.suppress(OSError):
        file = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(file, b"%d" % score)
        finally:
            os.close(file)


def forget_importers(archives):
    """Gives up what imports from these archives: the next import that wants it makes it anew, from what is known of them.

    Up to Spark 4.1 each task calls `importlib.invalidate_caches`, for which every importer of an archive reads all of its
    directory again. There are a dozen, one for each package; it takes 60 ms.
    """
    for path in list(sys.path_importer_cache):  # at once: a task may have left a thread that imports
        if isinstance(path, str) and path.startswith(archives):
            sys.path_importer_cache.pop(path, None)


def measure_own(shuffle, unused):
    """PySpark spills by the memory that a worker has resident: what is loaded ahead and not in use is nobody's.

    `unused` gives how much that is, in bytes.
    """
    measure = shuffle.get_used_memory

    def get_used_memory():
        return measure() - (unused() >> 20)

    shuffle.get_used_memory = get_used_memory


def has_task(sock):
    """Waits for a task. False where the connection ends instead: PySpark's worker would complain of that."""
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except OSError:
        return False


def serve_tasks(worker, sock, reuse, archives, after_task):
    """The loop of `pyspark.daemon` in the forked child."""
    while has_task(sock):
        code = worker(sock, True)
        after_task()
        if code or not reuse:
            try:
                while sock.recv(1024):
                    pass
            except Exception:
                pass
            return
        # All that the task left behind. What the zygote had loaded is frozen, and not looked at; nothing is frozen here,
        # as what a task holds while it imports something would never be found to be garbage.
        gc.collect()
        forget_importers(archives)
        release_unused()


def release_unused():
    """Gives back what Arrow's jemalloc holds: a thread that it was kept from starting would have done that."""
    arrow = sys.modules.get("pyarrow")
    if arrow is not None and ARROW_THREAD_SWITCH not in os.environ:
        pool = arrow.default_memory_pool()
        if pool.backend_name == "jemalloc":
            pool.release_unused()
