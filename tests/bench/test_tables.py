"""What readers see: numbers, tables, pages, plots."""

import plots
import pytest
import tables
from combination import Combination
from measures import MEASURES

import docs

HOST = "a processor, Linux 6.1"
MACHINE = {
    "cores": 2,
    "memory": "8 GiB",
    "java": "openjdk 17",
    "python": "3.11",
    "pandas": "2",
    "numpy": "2",
    "pyarrow": "20",
}


def results(stock=6.0, native=0.5, failures=()):
    """Results of two equal pairs for every figure there is."""
    measures = {}
    for measure in MEASURES:
        cases = {}
        for case in measure.cases:
            pair = {"stock": dict.fromkeys(case.figures, stock), "native": dict.fromkeys(case.figures, native)}
            cases[case.name] = [pair, pair]
        measures[measure.name] = {
            "commit": "abc",
            "date": "2026-01-01",
            "host": HOST,
            "failures": list(failures),
            "cases": cases,
        }
    return {"name": "4.3.0", "spark": "4.3.0", "quick": False, "machine": MACHINE, "measures": measures}


@pytest.mark.parametrize(
    ("value", "shown"), [(1234.5, "1,234"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.01234, "0.01")]
)
def test_numbers_have_three_digits(value, shown):
    assert tables.number(value) == shown


def test_quantities_come_in_the_figures_unit():
    assert tables.quantity(0.00025, "us") == "250 us"
    assert tables.quantity(300 * 2**20, "MiB") == "300 MiB"
    assert tables.quantity(5_250_000, "rows/s") == "5.2 M/s"


def test_a_row_has_both_sides_ratio_and_spread():
    line = next(line for line in tables.full_table(results()).splitlines() if "reuse off, pandas UDF" in line)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["40 short tasks, reuse off, pandas UDF", "6.00 s", "0.50 s", "12.0x", "12.0 to 12.0"]


def test_every_figure_has_a_row_and_the_readme_leaves_the_curve_out():
    found = results()
    for measure in MEASURES:
        for figure, _ in tables.figures(found, measure):
            assert f"| {figure.title} " in tables.full_table(found)
            assert (f"| {figure.title} " in tables.main_table(found)) == (measure.name != "curve")


def test_what_was_not_measured_is_left_out():
    found = results()
    found["measures"] = {"rows": found["measures"]["rows"]}
    assert len(tables.full_table(found).splitlines()) == 3
    assert tables.full_table({**found, "measures": {}})


def test_the_page_names_the_machine_and_what_failed():
    page = docs.page(results(failures=["rows, rows, pair 1: ended with 1\nlog"]), ["4.3.0-ratios.svg"])
    assert "2 cores, 8 GiB" in page
    assert "Pairs of runs: 2. Measured on a processor, Linux 6.1, on 2026-01-01, at commit abc." in page
    assert "- rows, rows, pair 1: ended with 1\n" in page
    assert "![4.3.0-ratios](4.3.0-ratios.svg)" in page


def test_what_was_measured_on_another_processor_is_told_apart():
    found = results()
    found["measures"] = {name: found["measures"][name] for name in ("rows", "memory")}
    found["measures"]["rows"] |= {"host": "another", "commit": "def"}
    told = "Measured memory on a processor, Linux 6.1, on 2026-01-01, at commit abc; rows on another, on 2026-01-01, at commit def."
    assert told in docs.conditions(found)


def soak(**figures):
    state = {"zygote_mib": 117, "jvm_mib": 600, "jvm_files": 340, "jvm_threads": 90, "processes": 3}
    return {**figures, "before": state, "after": {**state, "jvm_mib": 610}, "date": "2026-01-01", "commit": "abc"}


def test_a_soak_run_is_told_in_a_sentence():
    soaks = {"forks": soak(forks=100_000, seconds=2400), "mixed": None}
    page = docs.page({**results(), "soak": soaks}, [])
    assert "100,000 forks from one zygote in 40 minutes" in page
    assert "JVM: 600 and 610 MiB" in page
    assert "mixed" not in page
    assert "soak" not in docs.page(results(), [])


def test_mixed_jobs_are_told_with_how_many_there_were_of_each():
    soaks = {"forks": None, "mixed": soak(minutes=61.2, plain_job=12_345, kill_zygote=5)}
    page = docs.page({**results(), "soak": soaks}, [])
    assert "61 minutes of mixed jobs and mishaps" in page
    assert "(plain job 12,345, kill zygote 5)" in page


def test_the_readme_begins_with_a_few_figures_of_the_newest_spark():
    newest, older = results(native=0.5), {**results(native=0.25), "spark": "3.5.9"}
    shown = docs.headlines([newest, older])
    assert "12.0x" in shown and "24.0x" not in shown
    assert shown.count("\n| ") == 3 + 1  # and the head


PAGE = "before\n<!-- {0}: begin -->\n{1}<!-- {0}: end -->\nafter\n"


def test_only_the_sections_between_the_markers_are_rewritten(tmp_path, monkeypatch):
    pages = {"headlines": tmp_path / "README.md", "bench": tmp_path / "measurements.md"}
    for name, page in pages.items():
        page.write_text(PAGE.format(name, "old\n"))
    monkeypatch.setattr(docs, "README", pages["headlines"])
    monkeypatch.setattr(docs, "MEASUREMENTS", pages["bench"])
    monkeypatch.setattr(docs, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(docs, "BUILD", tmp_path / "none")
    assert docs.update() == []
    for name, page in pages.items():
        assert page.read_text() == PAGE.format(name, "Not measured yet.\n")


def test_plots_are_drawn_from_what_there_is(tmp_path):
    everything = ["4.3.0-ratios.svg", "4.3.0-tasks.svg", "4.3.0-workers.svg", "4.3.0-memory.svg"]
    assert plots.draw(results(), tmp_path) == everything
    assert all((tmp_path / name).with_suffix(".png").stat().st_size > 0 for name in everything)
    assert plots.draw({**results(), "measures": {}}, tmp_path) == []


def test_what_was_measured_again_takes_the_place_of_its_predecessor_and_the_rest_stays():
    shown = {**results(native=0.5), "soak": {"forks": soak(forks=1), "mixed": None}}
    again = {**results(native=0.25), "soak": {"forks": None, "mixed": soak(minutes=1)}}
    again["measures"] = {"rows": again["measures"]["rows"]}
    found = docs.together(shown, again)
    assert found["measures"] == {**shown["measures"], **again["measures"]}
    assert found["soak"] == {"forks": soak(forks=1), "mixed": soak(minutes=1)}


def test_what_was_measured_on_another_machine_does_not_stay():
    shown = {**results(), "soak": {"forks": soak(forks=1), "mixed": None}}
    again = {**results(), "machine": {**MACHINE, "cores": 4}, "measures": {}, "soak": {"forks": None, "mixed": None}}
    assert docs.together(shown, again) == again
    assert docs.together(None, again) == again


def test_combinations_are_told_apart_and_the_usual_one_comes_first():
    names = ["3.4.4-java11-python3.9", "4.3.0", "4.3.0-java21-python3.13"]
    found = [{**results(), "name": name, "spark": name[:5]} for name in names]
    assert [one["name"] for one in sorted(found, key=docs.precedence, reverse=True)] == [names[1], names[2], names[0]]
    assert Combination("3.4.4", "11", "3.9").name == names[0]
    assert Combination("4.3.0").name == names[1]
