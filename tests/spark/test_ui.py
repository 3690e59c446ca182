"""The page of Python workers in Spark's UI: what it says, to whom, and that nothing a user wrote becomes HTML."""

import json
import os
import shutil
import signal
import subprocess
import uuid
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from processes import descendants, eventually
from together import together

from harness import NOTHING_TO_LOAD

pytestmark = pytest.mark.native_only("it is the plugin's")
PAGE = "/python-workers/"
REPORT = "/python-workers/live/report.json"
SCRIPT = "<script>document.title='taken over'</script>"
LOCAL = {
    **NOTHING_TO_LOAD,  # how a worker has ended is not known in time while the zygote imports
    "spark.ui.enabled": "true",
    "spark.ui.port": "0",
    "spark.acls.enable": "true",
    "spark.app.name": f"page {SCRIPT}",
    "spark.task.maxFailures": "1",
}
CLUSTER = {**LOCAL, "spark.master": "local-cluster[1,2,1024]", "spark.executor.memory": "512m"}
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def get(address):
    """Headers and text of what is at an address."""
    with urlopen(address, timeout=30) as answer:
        return answer.headers, answer.read().decode()


def status(address):
    """The status with which an address answers."""
    try:
        with urlopen(address, timeout=30) as answer:
            return answer.status
    except HTTPError as failure:
        return failure.code


def executors(ui, since=0):
    """What the page is told, by the id of the executor."""
    told = json.loads(get(f"{ui}{REPORT}?since={since}")[1])
    return {one["report"]["executor"]: one for one in told["executors"]}


def with_workers(ui, executor, pids):
    """What is told of an executor once it has these workers, awaited."""

    def found():
        told = executors(ui).get(executor)
        sessions = told["report"]["sessions"] if told else []
        return told if pids <= {worker["pid"] for session in sessions for worker in session["workers"]} else None

    return eventually(found, 30)


def measured(ui, executor, pids):
    """What is told of these workers of an executor once the memory of each is known, awaited."""

    def found():
        sessions = executors(ui)[executor]["report"]["sessions"]
        workers = [worker for session in sessions for worker in session["workers"] if worker["pid"] in pids]
        known = {worker["pid"] for worker in workers if worker["proportional"] is not None}
        return workers if known == pids else None

    return eventually(found, 60)


def working(spark):
    """Address of the UI, and pids of the workers that have run two tasks at once."""
    return spark.sparkContext.uiWebUrl, set(together(spark, 2, os.getpid))


def crashing(spark):
    """The last words of a worker that has written HTML and killed itself."""
    words = f"{SCRIPT}<img src=x onerror=alert(1)> {uuid.uuid4()}"

    def crash(_):
        os.write(2, f"{words}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)

    try:
        spark.sparkContext.parallelize(range(1), 1).map(crash).count()
    except Exception:
        return words


def the_death(ui, executor, words):
    """What is told of the death of the worker with these last words, awaited."""

    def found():
        told = executors(ui).get(executor)
        deaths = told["report"]["deaths"] if told else []
        return next((death for death in deaths if words in death["why"]), None)

    return eventually(found, 30)


@pytest.mark.matrix
def test_it_shows_the_workers_of_local_mode(run):
    ui, pids = run(working, conf=LOCAL).value
    driver = with_workers(ui, "driver", pids)
    assert driver, executors(ui)
    assert driver["report"]["zygotes"][0]["pid"] > 0
    timed = driver["report"]["handouts"]
    assert timed["spare"]["count"] + timed["new"]["count"] >= 2
    assert any(times.get("p99", 0) > 0 for times in timed.values())
    at, busy, idle, *_ = driver["history"][-1]
    assert busy + idle >= 2
    assert all(point[0] > at for point in executors(ui, since=at)["driver"]["history"])
    for worker in measured(ui, "driver", pids):
        assert 0 < worker["proportional"] <= worker["resident"]
        assert worker["proportionalAgeMillis"] >= 0


@pytest.mark.matrix
def test_it_is_a_page_of_sparks_ui(run):
    ui, _ = run(working, conf=LOCAL).value
    _, page = get(f"{ui}{PAGE}")
    assert "Python Workers" in get(f"{ui}/executors/")[1]
    assert "/static/webui.css" in page
    assert "&lt;script&gt;" in page and SCRIPT not in page
    for file, kind in {"page.js": "text/javascript", "page.css": "text/css", "report.json": "application/json"}.items():
        assert get(f"{ui}{PAGE}live/{file}")[0].get_content_type() == kind
    assert status(f"{ui}{PAGE}live/page.html") == 404


def test_who_may_not_see_the_ui_may_not_see_it(run):
    """Spark's own filter stands before all of it; `doAs` is how a proxy says who asks."""
    ui, _ = run(working, conf=LOCAL).value
    for path in (PAGE, REPORT, f"{PAGE}live/page.js"):
        assert status(f"{ui}{path}") == 200
        assert status(f"{ui}{path}?doAs=somebody-else") == 403
    assert get(f"{ui}{REPORT}")[0]["X-Frame-Options"] == "SAMEORIGIN"


def test_a_death_is_told_in_the_words_of_the_worker(run):
    ui, _ = run(working, conf=LOCAL).value
    death = the_death(ui, "driver", run(crashing, conf=LOCAL).value)
    assert death and "SIGKILL" in death["why"]
    assert death["session"] == "default" and death["tasks"] >= 1


@pytest.mark.alike("the page's own doing")
@pytest.mark.skipif(BROWSER is None, reason="no browser here")
def test_what_users_wrote_stays_text_in_a_browser(run, tmp_path):
    ui, _ = run(working, conf=LOCAL).value
    death = the_death(ui, "driver", run(crashing, conf=LOCAL).value)
    command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
    command += [f"--user-data-dir={tmp_path}", "--dump-dom", f"{ui}{PAGE}"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "As of" in shown and "SIGKILL" in shown
    assert f">{death['pid']}</td>" in shown
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown
    assert SCRIPT not in shown and "<title>taken over" not in shown
    assert shown.count("<svg") == 3


def test_it_shows_the_workers_of_executors_and_how_these_ended(run, driver):
    ui, pids = run(working, conf=CLUSTER).value
    assert with_workers(ui, "0", pids), executors(ui)
    death = the_death(ui, "0", run(crashing, conf=CLUSTER).value)
    assert death and death["pid"] in pids and "SIGKILL" in death["why"]

    backend = [one.pid for one in descendants(driver.process.pid) if "CoarseGrainedExecutorBackend" in one.command]
    os.kill(backend[0], signal.SIGKILL)
    assert eventually(lambda: executors(ui)["0"].get("gone"), 60)


def ui_threads(spark):
    """The UI's address, if there is one, and names of the threads of this JVM that serve the page."""
    threads = spark.sparkContext._jvm.java.lang.Thread.getAllStackTraces().keySet()
    has_ui = spark.sparkContext._jsc.sc().uiWebUrl().isDefined()  # Spark 3.3 fails to give what is not there
    return spark.sparkContext.uiWebUrl if has_ui else None, [
        one.getName() for one in threads if "native-python-worker-ui" in one.getName()
    ]


def test_it_ends_with_the_application_and_can_be_switched_off(run):
    assert len(run(ui_threads, conf=LOCAL).value[1]) == 1
    off = run(ui_threads, conf={**LOCAL, "spark.nativePythonWorker.ui.enabled": "false"})
    ui, threads = off.value
    assert threads == []
    assert get(f"{ui}{REPORT}")[0].get_content_type() == "text/html"  # Spark's own pages, which answer to all else
    assert "Python Workers" not in get(f"{ui}/executors/")[1]
    assert run(ui_threads, conf={**LOCAL, "spark.ui.enabled": "false"}).value == (None, [])
