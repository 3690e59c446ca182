"""What workers import themselves is measured, tried and told; it is loaded where that is wanted, and nothing of a session's is."""

import json
from urllib.request import urlopen

import pytest
from processes import eventually

from harness import NOTHING_TO_LOAD
from ways import await_zygote

pytestmark = [pytest.mark.native_only("it is the plugin's"), pytest.mark.alike("the zygote's own doing")]
REPORT = "/python-workers/live/report.json"
SLOW = "import os, time\ntime.sleep(0.6)\nloader = os.getpid()\n"
# Modules that tasks import, each with what is said of it.
MODULES = {
    "npw_safe": ("", None),
    "npw_thread": (
        "import threading\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n",
        "starts threads",
    ),
    "npw_socket": ("import socket\nkept = socket.socket()\n", "keeps a socket open"),
    "npw_device": ("with open('/dev/urandom', 'rb') as device:\n    seed = device.read(8)\n", "opens /dev/urandom"),
    "npw_hangs": ("time.sleep(2.5)\n", "takes more than 2000 ms to import"),
}
CONF = {
    **NOTHING_TO_LOAD,
    "spark.ui.enabled": "true",
    "spark.ui.port": "0",
    "spark.python.worker.reuse": "false",
    "spark.nativePythonWorker.preloadTimeout": "2s",
}


@pytest.fixture
def conf(tmp_path):
    """Settings by which executors find the modules."""
    site = tmp_path / "site"
    site.mkdir()
    for name, (text, _) in MODULES.items():
        (site / f"{name}.py").write_text(SLOW + text)
    return {**CONF, "spark.executorEnv.PYTHONPATH": str(site)}


def importing(*names):
    """A job whose tasks, each in a worker of its own, import these: whether each was loaded by another process."""

    def job(spark):
        def task(_):
            import importlib
            import os

            return {name: importlib.import_module(name).loader != os.getpid() for name in names}

        found = spark.sparkContext.parallelize(range(4), 4).map(task).collect()
        return spark.sparkContext.uiWebUrl, found

    return job


def told(ui):
    """What the page is told of imports, by module, and its line of advice."""
    with urlopen(f"{ui}{REPORT}", timeout=30) as answer:
        report = json.load(answer)
    return {one["module"]: one for one in report["imports"]}, report["advice"]


def judged(ui, names, workers):
    """The same once all of these have been judged and so many workers heard, awaited: they tell when their task is over."""

    def found():
        imports, advice = told(ui)
        of_these = [imports.get(name, {"workers": 0, "verdict": {}}) for name in names]
        states = {one["verdict"].get("state") for one in of_these}
        heard = all(one["workers"] >= workers for one in of_these)
        return (imports, advice) if states <= {"safe", "unsafe"} and heard else None

    return eventually(found, 120)


def with_own_file(names, file):
    """The same job, where the session has brought a module as well."""

    def job(spark):
        spark.sparkContext.addPyFile(file)
        return importing(*names)(spark)

    return job


def test_what_workers_import_is_tried_and_advised_with_its_reasons(run, conf, tmp_path):
    own = tmp_path / "npw_own.py"
    own.write_text(f"import npw_safe\n{SLOW}")
    ui, _ = run(with_own_file(["npw_own", *MODULES], str(own)), conf=conf).value
    imports, advice = judged(ui, MODULES, workers=4)
    for name, (_, why) in MODULES.items():
        assert imports[name]["workers"] == 4, name
        assert imports[name]["millis"] >= 4 * 600, name
        assert imports[name]["verdict"].get("why") == why, name
    assert "npw_own" not in imports
    assert advice.startswith("spark.nativePythonWorker.preload=,npw_safe would have saved ")
    assert advice.endswith("s each)") and "(4 workers, " in advice
    last = run(lambda spark: None, conf=conf, stop=True)
    assert last.logged(r"INFO.*preload=,npw_safe would have saved \d+ s of worker time in this application \(4 workers")


def test_what_was_found_safe_is_loaded_where_that_is_wanted_and_nothing_else(run, conf, tmp_path):
    own = tmp_path / "npw_own.py"
    own.write_text(SLOW)
    conf = {**conf, "spark.nativePythonWorker.preload.learn": "load"}
    names = ["npw_own", *MODULES]
    ui, found = run(with_own_file(names, str(own)), conf=conf).value
    assert not any(loaded for one in found for loaded in one.values())
    assert judged(ui, MODULES, workers=2)  # what is loaded by then is not noted of the others

    def all_find_it_loaded():
        _, found = run(importing("npw_safe"), conf=conf).value
        return all(one["npw_safe"] for one in found)

    assert eventually(all_find_it_loaded, 60)
    _, found = run(importing(*names), conf=conf).value
    assert all(one == {name: name == "npw_safe" for name in names} for one in found)


@pytest.fixture
def profile(tmp_path):
    return tmp_path / "shared/profile"


@pytest.fixture
def sharing(conf, profile):
    """The same settings, with a file that applications share."""
    return {**conf, "spark.nativePythonWorker.preload.profile": str(profile)}


def written(profile):
    """The modules that a file names."""
    return [line for line in profile.read_text().splitlines() if not line.startswith("#")]


def test_the_next_application_starts_with_what_this_one_has_found_safe(run, sharing, profile):
    ui, found = run(importing(*MODULES), conf=sharing).value
    assert judged(ui, MODULES, workers=4)
    assert not any(loaded for one in found for loaded in one.values())
    last = run(lambda spark: None, conf=sharing, stop=True)
    assert written(profile) == ["npw_safe"]
    assert last.logged(r"INFO.*preload.profile=.*shared/profile: added \[npw_safe\], taken out \[\]")
    assert "preload.profile" not in "".join(line for line in last.log.splitlines() if "WARN" in line)

    def first_job(spark):
        await_zygote(spark, "npw_safe")
        return importing(*MODULES)(spark)

    _, found = run(first_job, conf={**sharing, "spark.nativePythonWorker.preload.learn": "off"}).value
    assert all(one == {name: name == "npw_safe" for name in MODULES} for one in found)


def test_what_cannot_be_loaded_leaves_the_file(run, sharing, profile):
    profile.parent.mkdir()
    profile.write_text("# of ours\nnpw_thread\nnpw_no_such\nnpw_safe\n")

    def until_it_is_loaded(spark):
        await_zygote(spark, "npw_safe")
        return importing("npw_safe", "npw_thread")(spark)

    ui, found = run(until_it_is_loaded, conf=sharing).value
    assert all(one == {"npw_safe": True, "npw_thread": False} for one in found)

    def its_verdict():
        return told(ui)[0].get("npw_thread", {"verdict": {}})["verdict"].get("state") == "unsafe"

    assert eventually(its_verdict, 60)
    run(lambda spark: None, conf=sharing, stop=True)
    assert profile.read_text() == "# of ours\nnpw_no_such\nnpw_safe\n"


@pytest.mark.long
def test_executors_have_it_from_the_driver_and_tell_it_without_a_page(run, sharing, profile):
    sharing |= {"spark.master": "local-cluster[1,2,1024]", "spark.executor.memory": "512m", "spark.ui.enabled": "false"}

    def learned(spark):
        jvm, array = spark.sparkContext._jvm, spark.sparkContext._gateway.new_array
        loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
        known = loader.loadClass("io.nativepythonworker.WorkersUi").getDeclaredMethod("learned", array(jvm.java.lang.Class, 0))
        known.setAccessible(True)
        return known.invoke(None, array(jvm.java.lang.Object, 0))

    run(importing("npw_safe", "npw_thread"), conf=sharing).value  # noqa: B018
    assert eventually(lambda: run(learned, conf=sharing).value == "npw_safe", 60)
    run(lambda spark: None, conf=sharing, stop=True)
    assert written(profile) == ["npw_safe"]

    def all_find_it_loaded():
        _, found = run(importing("npw_safe"), conf=sharing).value
        return all(one["npw_safe"] for one in found)

    assert eventually(all_find_it_loaded, 60)


def names_of_its_zygote():
    """A function that gives, in a worker, the names under which its own zygote listens; others may run on this machine."""

    def names():
        import contextlib
        import os

        own = set()
        for number in os.listdir(f"/proc/{os.getppid()}/fd"):
            with contextlib.suppress(OSError):
                own.add(os.readlink(f"/proc/{os.getppid()}/fd/{number}"))
        with open("/proc/net/unix") as lines:
            sockets = [line.split() for line in lines if "@native-python-worker-" in line]
        return {socket[-1] for socket in sockets if f"socket:[{socket[-2]}]" in own}

    return names


def test_a_worker_that_writes_junk_harms_nobody(run, conf):
    names_of = names_of_its_zygote()

    def job(spark):
        def shout(_):
            import socket

            names = names_of()
            sent = 0
            for junk in [b"\xff" * 100, b"[" * 4000, b'{"npw_no_such": 5}', b'{"npw_safe": -5}', b'{"os; import x": 9}'] * 200:
                for name in names:
                    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                        sender.settimeout(0 if sent else 30)  # the other tasks' junk may fill the queue just now
                        try:
                            sender.sendto(junk, "\0" + name[1:])
                            sent += 1
                        except OSError:
                            pass
            return len(names), sent

        return spark.sparkContext.uiWebUrl, spark.sparkContext.parallelize(range(4), 4).map(shout).collect()

    ui, shouted = run(job, conf=conf).value
    assert all(names and sent for names, sent in shouted)
    run(importing("npw_safe"), conf=conf).value  # noqa: B018
    imports, _ = judged(ui, ["npw_safe"], workers=4)
    assert set(imports) - {"email"} == {"npw_safe"}  # which a worker on Python 3.14 imports by itself
    assert imports["npw_safe"]["workers"] == 4


def test_it_can_be_switched_off(run, conf):
    names_of = names_of_its_zygote()

    def look(spark):
        return spark.sparkContext.parallelize([0], 1).map(lambda _: names_of()).first()

    assert len(run(look, conf=conf).value) == 1
    conf = {**conf, "spark.nativePythonWorker.preload.learn": "off"}
    ui, _ = run(importing("npw_safe"), conf=conf).value
    assert told(ui) == ({}, "")
    assert run(look, conf=conf).value == set()
