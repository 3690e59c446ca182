"""The pages that show results: one for each combination, the page of measurements, and what the README begins with.

Everything is made from the result files. A file goes into docs/bench/ with its page, so that the pages can be made anew
without measuring again.
"""

import re

import plots
import results
import tables
from paths import BUILD, DOCS, MEASUREMENTS, README

MAIN_PLOTS = {
    "ratios": "How many times better, by measure",
    "tasks": "Seconds for jobs of 10, 100 and 1,000 short tasks, reuse on and off",
}


def collect():
    """Takes full results over into docs/. Returns those of all combinations, the newest Spark first, its usual one before others."""
    for folder in BUILD.glob("*"):
        found = results.read(folder / results.NAME)
        if found and not found["quick"]:
            soaks = {name: results.read(folder / f"{name}.json") for name in (results.FORKS, results.MIXED)}
            file = DOCS / f"{found['name']}.json"
            results.write(file, together(results.read(file), {**found, "soak": soaks}))
    everything = map(results.read, DOCS.glob("*.json"))
    return sorted(everything, key=precedence, reverse=True)


def together(shown, found):
    """What was found, beside what is shown already and was not measured again, if that is of the same machine and versions."""
    if not shown or shown["machine"] != found["machine"]:
        return found
    soaks = {name: soak or shown["soak"].get(name) for name, soak in found["soak"].items()}
    return {**found, "measures": {**shown["measures"], **found["measures"]}, "soak": soaks}


def precedence(found):
    version = [int(part) for part in found["spark"].split(".")]
    return version, found["name"] == found["spark"], found["name"]


def enumerated(values, conjunction):
    """These in order, as in "1, 2 or 3"."""
    *others, last = map(str, sorted(values))
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def conditions(found):
    """Machines, versions, dates and commits, as one sentence each."""
    facts, measures = found["machine"], found["measures"]
    versions = ", ".join(f"{name} {facts[name]}" for name in ("python", "pandas", "numpy", "pyarrow"))
    counts = enumerated({len(pairs) for one in measures.values() for pairs in one["cases"].values()}, "or")
    hosts = sorted({one["host"] for one in measures.values()})
    measured = "; ".join(occasion(host, measures, has_others=len(hosts) > 1) for host in hosts)
    size = f"{facts['cores']} cores, {facts['memory']}"
    return f"{size}, {facts['java']}, {versions}. Pairs of runs: {counts}. Measured {measured}."


def occasion(host, measures, has_others):
    """When something was measured on this machine, and what, if there are others."""
    there = {name: one for name, one in measures.items() if one["host"] == host}
    dates = enumerated({one["date"] for one in there.values()}, "and")
    commits = enumerated({one["commit"] for one in there.values()}, "and")
    what = f"{', '.join(there)} " if has_others else ""
    return f"{what}on {host}, on {dates}, at commit {commits}"


def failures(found):
    sentences = [sentence.splitlines()[0] for one in found["measures"].values() for sentence in one["failures"]]
    return ["Runs that failed and are not counted:", "", *(f"- {sentence}" for sentence in sentences), ""] if sentences else []


def soaked(found):
    """What ./bench soak saw, a paragraph for each of its parts."""
    for part, sentence in SOAKS.items():
        soak = found.get("soak", {}).get(part)
        if soak:
            yield f"`./bench soak`: {sentence(soak)} {held(soak)} {soak['date']}, commit {soak['commit']}."
            yield ""


def forked(soak):
    minutes = soak["seconds"] / 60
    return f"{soak['forks']:,d} forks from one zygote in {minutes:.0f} minutes, without a hang or a death."


def mixed(soak):
    counts = {name: count for name, count in soak.items() if isinstance(count, int)}
    told = ", ".join(f"{name.replace('_', ' ')} {count:,d}" for name, count in counts.items())
    return (
        f"{soak['minutes']:.0f} minutes of mixed jobs and mishaps, several at a time, without a hang or a wrong end ({told})."
    )


def held(soak):
    """What there was in the beginning and at the end."""
    before, after = soak["before"], soak["after"]
    return (
        f"Zygote: {before['zygote_mib']} MiB at first, {after['zygote_mib']} MiB at last; JVM: {before['jvm_mib']} and "
        f"{after['jvm_mib']} MiB, {before['jvm_files']} and {after['jvm_files']} descriptors, {before['jvm_threads']} and "
        f"{after['jvm_threads']} threads; Python processes: {before['processes']} and {after['processes']}."
    )


SOAKS = {results.FORKS: forked, results.MIXED: mixed}


def page(found, images):
    """The page of one combination."""
    lines = [f"# Spark {found['spark']}: stock against native", "", conditions(found), ""]
    lines += ["How it is measured, and how to read it: [bench.md](../bench.md).", "", tables.full_table(found), ""]
    lines += [*failures(found), *soaked(found)]
    lines += [f"![{image.removesuffix('.svg')}]({image})\n" for image in images]
    return "\n".join(lines)


def section(everything):
    """What the page of measurements shows."""
    if not everything:
        return "Not measured yet.\n"
    lines = []
    for found in everything:
        lines += [f"**Spark {found['spark']}.** {conditions(found)}", "", tables.main_table(found), ""]
        lines += soaked(found)
        lines += [f"All of it, with plots: [bench/{found['name']}.md](bench/{found['name']}.md).", ""]
    newest = everything[0]["name"]
    for plot, title in MAIN_PLOTS.items():
        file = f"{newest}-{plot}.svg"
        if (DOCS / file).is_file():
            lines.append(f"![{title}](bench/{file})")
    return "\n".join([*lines, ""])


def headlines(everything):
    """What the README begins with: the newest Spark's."""
    if not everything:
        return "Not measured yet.\n"
    return f"Spark {everything[0]['spark']}, stock against native:\n\n{tables.headlines(everything[0])}\n"


def put(text, name, content):
    """The text with this content between the markers of this name."""
    section = re.compile(f"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.DOTALL)
    if not section.search(text):
        raise SystemExit(f"There is no line <!-- {name}: begin --> with a <!-- {name}: end --> after it")
    return section.sub(lambda markers: markers[1] + content + markers[2], text)


def rewrite(file, name, content):
    file.write_text(put(file.read_text(), name, content))


def update():
    """Rewrites docs/bench/, the page of measurements and the README's beginning. Returns the combinations shown."""
    everything = collect()
    for found in everything:
        (DOCS / f"{found['name']}.md").write_text(page(found, plots.draw(found, DOCS)))
    rewrite(README, "headlines", headlines(everything))
    rewrite(MEASUREMENTS, "bench", section(everything))
    return [found["name"] for found in everything]
