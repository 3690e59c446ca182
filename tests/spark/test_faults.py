"""Faults injected into a running executor: what its other tasks see of them, on this factory and on Spark's own.

Each test notes what it has seen of a case of docs/faults.md, and asserts it for the native factory.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from cgroups import group
from faults import attempt, causes
from processes import descendants, eventually, forkers, process, survivors

from harness import NOTHING_TO_LOAD

pytestmark = pytest.mark.alike("processes, and nothing of Spark's")


def counting(spark):
    return spark.sparkContext.parallelize(range(10), 2).map(lambda n: n).sum()


def fresh(spark):
    """Needs a new worker for each task."""
    return spark.sparkContext.parallelize(range(10), 4).map(lambda n: n).sum()


NO_REUSE = {"spark.python.worker.reuse": "false"}


@pytest.mark.parametrize("victims", ["forker", "workers", "both"])
def test_killed_while_idle(driver, observe, is_native, victims):
    assert driver.run(counting, conf=NOTHING_TO_LOAD).value == 45
    family = driver.workers()
    parents = forkers(family)
    children = {one.pid for one in family if one.ppid in parents}
    killed = {"forker": parents, "workers": children, "both": parents | children}[victims]
    for pid in killed:
        with suppress(ProcessLookupError):  # a spare that was replaced meanwhile, or a child of who was killed before
            os.kill(pid, signal.SIGKILL)
    assert not survivors(killed)
    seen = [attempt(driver, counting, conf=NOTHING_TO_LOAD) for _ in range(2)]
    case = {"forker": "1", "workers": "5", "both": "1, 5"}[victims]
    observe(case, f"{victims} killed: the next job {seen[0]}, the one after {seen[1]}")
    if is_native:
        assert all(one.works for one in seen)


# Until stock Spark gives up a daemon that hangs, it takes a minute.
SLOW_SECONDS = {True: 8, False: 75}


def beside_a_slow_task(harm, where, slow_seconds):
    """A job with a slow task, which harms what has forked its worker, and then needs more workers.

    Gives what became of the slow task and of the others.
    """

    def job(spark):
        import os
        import time

        from pyspark import InheritableThread

        sc = spark.sparkContext
        ends = {}

        def run(name, seconds, tasks):
            def work(_):
                open(os.path.join(where, f"{name}-{os.getppid()}"), "w").close()
                time.sleep(seconds)
                return 1

            started = time.monotonic()
            try:
                done = sc.parallelize(range(tasks), tasks).map(work).sum()
                ends[name] = done == tasks, f"works, {time.monotonic() - started:.1f} s"
            except Exception as failure:
                ends[name] = False, f"fails after {time.monotonic() - started:.1f} s: {causes(str(failure))[-1]}"

        slow = InheritableThread(target=run, args=("slow", slow_seconds, 1))
        slow.start()
        while not os.listdir(where):
            time.sleep(0.05)
        harm(int(os.listdir(where)[0].partition("-")[2]))
        run("others", 0, 3)
        slow.join()
        return ends

    return job


def harmed(driver, harm, where):
    conf = {"spark.master": "local[4]", "spark.nativePythonWorker.spares": "0", **NOTHING_TO_LOAD, **NO_REUSE}
    return attempt(driver, beside_a_slow_task(harm, str(where), SLOW_SECONDS[driver.native]), conf=conf)


def ends_of(seen):
    if not seen.works:
        return str(seen), False, False
    (slow_works, slow), (others_work, others) = seen.value["slow"], seen.value["others"]
    return f"a task that runs {slow}; new ones: {others}", slow_works, others_work


def test_forker_that_hangs(driver, observe, is_native, tmp_path):
    seen = harmed(driver, lambda pid: os.kill(pid, signal.SIGSTOP), tmp_path)
    told, slow, others = ends_of(seen)
    observe("3, 4", told)
    if is_native:
        assert slow and others, told


@pytest.mark.parametrize(
    ("seconds", "for_good"), [(3, False), pytest.param(600, True, marks=pytest.mark.long)], ids=["a while", "good"]
)
def test_forker_that_may_not_fork(launch, observe, is_native, tmp_path, seconds, for_good):
    with group("pids", f"native-python-worker-test-{os.getpid()}") as pids:
        tasks = str(pids.directory)

        def harm(forker):
            import threading

            family = [forker, *(one.pid for one in psutil.Process(forker).children())]
            for pid in family:
                Path(tasks, "cgroup.procs").write_text(str(pid))
            Path(tasks, "pids.max").write_text(str(len(family)))
            threading.Timer(seconds, lambda: Path(tasks, "pids.max").write_text("max")).start()

        driver = launch()
        seen = harmed(driver, harm, tmp_path)
        told, slow, others = ends_of(seen)
        observe(10, f"for {seconds} s: {told}")
        driver.kill()
    if is_native:
        assert slow, told
        assert "EAGAIN" in told if for_good else others, told


def test_forker_without_descriptors(driver, observe, is_native, tmp_path):
    def harm(forker):
        import resource
        import threading

        most = len(os.listdir(f"/proc/{forker}/fd"))
        before = resource.prlimit(forker, resource.RLIMIT_NOFILE)
        resource.prlimit(forker, resource.RLIMIT_NOFILE, (most, before[1]))
        # The native factory needs no more of them: it goes on with another zygote.
        seconds = 60 if is_native else 3
        threading.Timer(seconds, lambda: process(forker) and resource.prlimit(forker, resource.RLIMIT_NOFILE, before)).start()

    told, slow, _ = ends_of(harmed(driver, harm, tmp_path))
    after = attempt(driver, fresh, conf=NO_REUSE)
    observe(12, f"{told}; afterwards a job {after}")
    if is_native:
        assert slow and after.works, told
        assert "EMFILE" in told, told


def test_interpreter_that_hangs_at_its_start(driver, observe, is_native, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.sleep(600)\n")
    hanging = {"spark.executorEnv.PYTHONPATH": str(tmp_path), "spark.nativePythonWorker.startTimeout": "5s"}
    seen = attempt(driver, counting, conf=hanging)
    observe(16, seen)
    if is_native:
        assert not seen.hung and "SocketTimeoutException" in seen.error


def listeners(family):
    """Where these processes listen."""
    for one in family:
        with suppress(psutil.NoSuchProcess):
            for connection in psutil.Process(one.pid).net_connections("inet"):
                if connection.status == psutil.CONN_LISTEN:
                    yield connection.laddr.ip, connection.laddr.port


def test_strangers_who_connect_and_say_nothing(driver, observe, is_native):
    # Not PySpark's daemon, which has a port.
    assert driver.run(counting, conf=NOTHING_TO_LOAD).value == 45
    before = len(driver.workers())
    found = list(listeners(driver.workers()))
    calls = [socket.create_connection(address) for address in found for _ in range(100)]
    time.sleep(2)
    more = len(driver.workers()) - before
    seen = attempt(driver, counting, conf=NOTHING_TO_LOAD)
    for call in calls:
        call.close()
    observe(19, f"{len(found)} open ports; {more} processes more for {len(calls)} connections; a job {seen}")
    if is_native:
        assert not found and seen.works


def test_idle_worker_that_speaks(driver, observe, is_native, tmp_path):
    def job(spark):
        import os
        import time

        def speak_later(n):
            import os
            import threading

            def speak():
                while not os.path.exists(f"{where}/all idle"):
                    time.sleep(0.05)
                for entry in os.listdir("/proc/self/fd"):
                    try:
                        if os.readlink(f"/proc/self/fd/{entry}").startswith("socket:"):
                            os.write(int(entry), b"\0\0\0\x05junk")
                    except OSError:
                        pass
                open(f"{where}/{n}", "w").close()

            threading.Thread(target=speak).start()
            return n

        sc = spark.sparkContext
        sc.parallelize(range(2), 2).map(speak_later).collect()
        time.sleep(1)  # a worker is given back a little after its task
        open(f"{where}/all idle", "w").close()
        while len(os.listdir(where)) < 3:
            time.sleep(0.05)
        return sc.parallelize(range(10), 2).map(lambda n: n).collect()

    where = str(tmp_path)
    seen = attempt(driver, job)
    wrong = seen.works and seen.value != list(range(10))
    observe(28, f"the next job {seen}" + (f" and gives {seen.value}" if wrong else ""))
    if is_native:
        assert seen.works and not wrong


def pid_of_my_own(pid):
    """Starts a process that has this pid."""
    for _ in range(200):
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        stranger = subprocess.Popen(["sleep", "600"])
        if stranger.pid == pid:
            return stranger
        stranger.kill()
        stranger.wait()
    raise AssertionError(f"no process got pid {pid}")


@pytest.mark.skipif(not os.access("/proc/sys/kernel/ns_last_pid", os.W_OK), reason="only root may choose pids")
def test_stranger_with_the_pid_of_a_dead_worker(driver, observe, is_native, tmp_path):
    def job(spark):
        import os
        import time

        from pyspark import InheritableThread

        def leave_a_child(_):
            pid = os.getpid()
            if os.fork():
                os._exit(0)
            open(os.path.join(where, str(pid)), "w").close()
            time.sleep(600)  # and keeps the connection

        sc = spark.sparkContext

        def start():
            sc.setJobGroup("doomed", "to be cancelled", interruptOnCancel=True)
            try:
                sc.parallelize([1], 1).map(leave_a_child).collect()
            except Exception:
                pass

        InheritableThread(target=start, daemon=True).start()
        while not os.listdir(where):
            time.sleep(0.05)
        (pid,) = map(int, os.listdir(where))
        while os.path.exists(f"/proc/{pid}"):
            time.sleep(0.05)
        stranger = pid_of_my_own(pid)
        sc.cancelJobGroup("doomed")
        time.sleep(5)
        alive = stranger.poll() is None
        stranger.kill()
        stranger.wait()
        return alive

    where = str(tmp_path)
    seen = attempt(driver, job)
    observe(31, {True: "the stranger lives", False: "the stranger is killed"}.get(seen.value, str(seen)))
    if is_native:
        assert seen.value is True


def test_zombies_after_many_workers(driver, observe, is_native):
    def job(spark):
        return spark.sparkContext.parallelize(range(40), 40).map(lambda n: n).sum()

    driver.run(job, conf=NO_REUSE)
    zombies = [one for one in descendants(driver.jvm) if one.status == psutil.STATUS_ZOMBIE and one.name != "bash"]
    # The zygote waits for nobody while it imports.
    left = survivors([one.pid for one in zombies], 60 if is_native else 2)
    observe(32, f"{len(left)} zombies after 40 tasks of a worker each")
    if is_native:
        assert not left


@pytest.mark.since(4, 1)
@pytest.mark.parametrize("useless", ["missing", "too long"])
def test_directory_of_sockets_that_is_of_no_use(driver, observe, is_native, useless):
    def job(spark):
        spark.sparkContext.parallelize(range(4), 2).foreach(lambda n: n)  # gives nothing back by a socket of Spark's own

    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory, "d" * 100 if useless == "too long" else "missing")
        if useless == "too long":
            directory.mkdir()
        conf = {
            "spark.python.unix.domain.socket.enabled": "true",
            "spark.python.unix.domain.socket.dir": str(directory),
        }
        seen = attempt(driver, job, conf=conf)
    observe(34, f"{useless}: a job {seen}")
    if is_native:
        assert not seen.hung


def test_environment_beyond_what_a_process_can_have(driver, observe, is_native):
    seen = attempt(driver, counting, conf={"spark.executorEnv.LARGE": "x" * 140_000})
    after = attempt(driver, counting)
    observe(35, f"a variable of 140 kB: a job {seen}; the next one without it {after}")
    if is_native:
        assert "LARGE" in str(seen.error) or "Argument list too long" in str(seen.error)
        assert after.works


def test_many_variables_and_odd_values(driver, observe, is_native):
    odd = {"spark.executorEnv.ODD": "a=b\n\tü'\"", **{f"spark.executorEnv.MANY_{n}": str(n) for n in range(5000)}}

    def job(spark):
        def ask(_):
            return os.environ["ODD"], sum(int(v) for k, v in os.environ.items() if k.startswith("MANY_"))

        return spark.sparkContext.parallelize([0], 1).map(ask).first()

    seen = attempt(driver, job, conf=odd)
    observe(35, f"5,000 variables and one with '=' and a newline: a job {seen}")
    if is_native:
        assert tuple(seen.value) == ("a=b\n\tü'\"", sum(range(5000)))


def test_worker_that_leaks(driver, observe, is_native):
    def job(spark):
        def leak(n):
            import psutil

            psutil.leaked = [*getattr(psutil, "leaked", []), bytes(b"x" * (100 << 20))]
            return psutil.Process().memory_info().rss >> 20

        sc = spark.sparkContext
        return max(sc.parallelize([n], 1).map(leak).collect()[0] for n in range(10))

    conf = {"spark.master": "local[1]", "spark.nativePythonWorker.maxRss": "400m"}
    seen = attempt(driver, job, conf=conf)
    observe(39, f"a worker that leaks 100 MiB a task grows to {seen.value} MiB in 10 tasks")
    if is_native:
        assert seen.value < 600


@pytest.mark.long
def test_flood_of_standard_error(driver, observe, is_native):
    def job(spark):
        def flood(n):
            for _ in range(4096):
                os.write(2, b"x" * 65535 + b"\n")
            return n

        return spark.sparkContext.parallelize(range(2), 2).map(flood).sum()

    assert driver.run(counting).value == 45
    before = psutil.Process(driver.jvm).memory_info().rss
    seen = attempt(driver, job)
    more = (psutil.Process(driver.jvm).memory_info().rss - before) >> 20
    driver.log_file.write_text("")
    observe(40, f"512 MiB of it: the job {seen}; the JVM has {more} MiB more")
    if is_native:
        assert seen.works and more < 512


@pytest.mark.long
def test_tasks_cancelled_at_any_moment(driver, observe, is_native):
    def cancel(times):
        def job(spark):
            import random
            import time

            from pyspark import InheritableThread

            sc = spark.sparkContext

            def start(name):
                sc.setJobGroup(name, name, interruptOnCancel=True)
                try:
                    sc.parallelize(range(4), 4).map(lambda n: time.sleep(0.05) or n).sum()
                except Exception:
                    pass

            for n in range(times):
                thread = InheritableThread(target=start, args=(f"doomed-{n}",))
                thread.start()
                time.sleep(random.uniform(0, 0.2))
                sc.cancelJobGroup(f"doomed-{n}")
                thread.join()
            return sc.parallelize(range(10), 2).map(lambda n: n).sum()

        return job

    conf = {"spark.master": "local[4]", "spark.nativePythonWorker.idleTimeout": "1s"}

    def resting():
        time.sleep(5)
        names = [task.joinpath("comm").read_text() for task in Path(f"/proc/{driver.jvm}/task").iterdir()]
        # Spark's pools grow with the first hundreds of tasks, whatever becomes of those.
        threads = [name for name in names if not name.startswith("block-manager")]
        return len(driver.workers()), psutil.Process(driver.jvm).num_fds(), len(threads)

    driver.run(cancel(20), conf=conf)
    before = resting()
    seen = attempt(driver, cancel(250), patience=600, conf=conf)
    after = resting() if seen.works else None
    observe(27, f"1,000 tasks cancelled: the job after them {seen}; processes, files, threads {before} before, {after} after")
    if is_native:
        assert seen.works
        assert eventually(lambda: all(now <= then + 8 for now, then in zip(resting(), before, strict=True)), 30)
