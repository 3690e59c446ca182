// Asks the driver what it knows of Python workers, every few seconds while somebody looks, and shows it.

import { lines, recent, stacked } from "./charts.js";
import { bytes, clock, duration, measured } from "./format.js";
import { cell, number, show } from "./tables.js";

const EVERY_MILLIS = 5000;
/** An executor that has workers and says nothing for so long has a problem. */
const SILENT_MILLIS = 30000;
const MOST_ROWS = 1000;
const HAND_OUTS = { idle: "idle", spare: "made ahead", new: "made while a task waited" };

/** Where the figures are in a point of a history; the first is its time. */
const [BUSY, IDLE, SPARE, MEMORY, IDLE_TIME, SPARE_TIME, NEW_TIME] = [1, 2, 3, 5, 6, 7, 8];
const POOL = [["busy", BUSY], ["idle", IDLE], ["spare", SPARE]];
const TIMES = [["new", NEW_TIME], ["spare", SPARE_TIME], ["idle", IDLE_TIME]];

const BY_ID = new Intl.Collator(undefined, { numeric: true });
const histories = new Map();
let since = 0;

const gauge = (executor, name) => executor.report.gauges[name] || 0;
const total = (executors, name) => executors.reduce((sum, executor) => sum + gauge(executor, name), 0);

/** Memory of all processes of some executors: what is known, how old the oldest part of it is, and what is not known. */
function memory(executors, now) {
  const known = executors.filter((executor) => gauge(executor, "memory.proportional") > 0);
  const ages = known.map((executor) => gauge(executor, "memory.proportionalAgeMillis") + now - executor.heardAt);
  const unknown = total(executors, "memory.unmeasured");
  const size = known.length === 0 && unknown > 0 ? null : total(known, "memory.proportional");
  const text = measured(size, Math.max(...ages));
  return unknown > 0 ? `${text} (${bytes(unknown)} resident not measured yet)` : text;
}

/** The proportional size of one process, as of a report that was made so long ago. */
function proportional({ proportional: size, proportionalAgeMillis: age }, silence) {
  return number(measured(size, age + silence), size ?? -1);
}

function badge(state, reason) {
  const made = document.createElement("span");
  made.className = `state ${state}`;
  made.textContent = state;
  if (reason === undefined) {
    return cell(state, { node: made, sort: state });
  }
  const below = document.createElement("small");
  below.className = "reason";
  below.textContent = reason;
  const both = document.createDocumentFragment();
  both.append(made, below);
  return cell(state, { node: both, sort: state, title: reason });
}

function state(executor, now) {
  if (executor.gone !== undefined) {
    return badge("gone", `${clock(executor.goneAt)} ${executor.gone}`);
  }
  const silence = now - executor.heardAt;
  const hasWorkers = gauge(executor, "workers.busy") + gauge(executor, "workers.idle") > 0;
  return hasWorkers && silence > SILENT_MILLIS
    ? badge("silent", `for ${duration(silence)}`)
    : badge(gauge(executor, "workers.busy") > 0 ? "busy" : "idle");
}

function executorRow(executor, now) {
  const id = executor.report.executor;
  const past = histories.get(id);
  const isGone = executor.gone !== undefined;
  const times = { now, end: isGone ? executor.goneAt : now };
  const figure = (text, value) => (isGone ? number("", -1) : number(text, value));
  const count = (name) => figure(gauge(executor, name), gauge(executor, name));
  const drawn = (node) => cell("", { node });
  return [id, [
    cell(id),
    cell(executor.report.host),
    state(executor, now),
    count("workers.busy"),
    count("workers.idle"),
    count("workers.spare"),
    count("tasks.waiting"),
    figure(memory([executor], now), gauge(executor, "memory.proportional")),
    drawn(stacked(past, times, POOL, String)),
    drawn(stacked(past, times, [["busy", MEMORY]], bytes)),
    drawn(lines(past, times, TIMES, duration)),
  ]];
}

/** Rows of all executors; `of` gives those of one, each a key and its cells behind the executor's. */
function rows(executors, of) {
  return executors.flatMap((executor) => {
    const id = executor.report.executor;
    return of(executor).map(([key, cells]) => [`${id} ${key}`, [cell(id), ...cells]]);
  });
}

function workers(executor, now) {
  const silence = now - executor.heardAt;
  return executor.report.sessions.flatMap((session) =>
    session.workers.map((worker) => [`${worker.pid} ${worker.id}`, [
      number(worker.pid, worker.pid),
      badge(worker.state),
      number(duration(worker.ageMillis + silence), worker.ageMillis + silence),
      number(worker.tasks, worker.tasks),
      proportional(worker, silence),
      number(bytes(worker.resident), worker.resident),
      cell(worker.from),
      cell(session.session, { kind: "session" }),
      cell(session.python),
    ]]));
}

function zygotes(executor, now) {
  const silence = now - executor.heardAt;
  return executor.report.zygotes.map((zygote) => [zygote.pid, [
    number(zygote.pid, zygote.pid),
    zygote.loading ? badge("loading", zygote.loading) : cell("ready"),
    number(duration(zygote.ageMillis + silence), zygote.ageMillis + silence),
    number(zygote.spares, zygote.spares),
    proportional(zygote, silence),
    cell(zygote.loaded.map((one) => `${one.module} ${duration(one.millis)}`).join(", ")),
    cell(zygote.leftOut.map((one) => `${one.module}: ${one.why}`).join("; ")),
    cell(zygote.python),
  ]]);
}

function handOuts(executor) {
  const timed = Object.entries(executor.report.handouts).filter(([, times]) => times.count > 0);
  return timed.map(([kind, times]) => [kind, [
    cell(HAND_OUTS[kind]),
    number(times.count, times.count),
    ...[times.mean, times.p50, times.p99].map((millis) => number(duration(millis), millis)),
  ]]);
}

/** Whether a module can be loaded ahead, as far as is known. */
function verdict({ verdict: told, module }, loaded) {
  if (loaded.has(module)) {
    return "is now";
  }
  switch (told.state) {
    case "safe":
      return `can be: ${duration(told.millis)}, ${bytes(told.kibibytes * 1024)}, shared`;
    case "unsafe":
      return `can't be: it ${told.why}`;
    default:
      return told.state === "trying" ? "being tried" : "not tried";
  }
}

function imports(all, executors) {
  const zygotes = executors.flatMap((executor) => executor.report.zygotes);
  const loaded = new Set(zygotes.flatMap((zygote) => zygote.loaded.map((one) => one.module)));
  return all.map((one) => [one.module, [
    cell(one.module),
    number(one.workers, one.workers),
    number(duration(one.millis), one.millis),
    number(duration(one.millis / one.workers), one.millis / one.workers),
    cell(verdict(one, loaded)),
  ]]);
}

function deaths(executors) {
  const all = executors.flatMap((executor) =>
    executor.report.deaths.map((death) => ({ executor: executor.report.executor, ...death })));
  all.sort((one, other) => other.at - one.at);
  return all.map((death) => [`${death.executor} ${death.pid} ${death.at}`, [
    number(clock(death.at), death.at),
    cell(death.executor),
    number(death.pid, death.pid),
    number(duration(death.ageMillis), death.ageMillis),
    number(death.tasks, death.tasks),
    cell(death.session, { kind: "session" }),
    cell(death.why, { kind: "why" }),
  ]]);
}

function say(name, text) {
  document.querySelector(`#python-workers [data-shows=${name}]`).textContent = text;
}

function died(executors) {
  const told = ["failed", "signalled", "memory"].map((how) => `died.${how}`);
  return executors.reduce((sum, { report }) => sum + told.reduce((some, name) => some + report.counts[name], 0), 0);
}

function summarize(executors, now) {
  const here = executors.filter((executor) => executor.gone === undefined);
  const [busy, idle, spare] = ["busy", "idle", "spare"].map((kind) => total(here, `workers.${kind}`));
  say("workers", `${busy + idle} (${busy} busy, ${idle} idle), ${spare} made ahead`);
  say("waiting", total(here, "tasks.waiting"));
  say("memory", memory(here, now));
  say("died", died(executors));
}

function keep(executors, now) {
  const known = new Set();
  for (const { report, history } of executors) {
    known.add(report.executor);
    histories.set(report.executor, recent([...(histories.get(report.executor) || []), ...history], now));
  }
  [...histories.keys()].filter((id) => !known.has(id)).forEach((id) => histories.delete(id));
}

function showAll({ at, executors, advice, imports: imported }) {
  executors.sort((one, other) => BY_ID.compare(one.report.executor, other.report.executor));
  keep(executors, at);
  const here = executors.filter((executor) => executor.gone === undefined);
  summarize(executors, at);
  show("executors", executors.map((executor) => executorRow(executor, at)));
  const allWorkers = rows(here, (executor) => workers(executor, at));
  show("workers", allWorkers.slice(0, MOST_ROWS));
  say("more", allWorkers.length > MOST_ROWS ? `and ${allWorkers.length - MOST_ROWS} more` : "");
  show("zygotes", rows(here, (executor) => zygotes(executor, at)));
  say("advice", advice);
  show("imports", imports(imported, here));
  show("handouts", rows(executors, handOuts));
  show("deaths", deaths(executors));
}

function status(text, failed) {
  const line = document.querySelector("#python-workers .status");
  line.textContent = text;
  line.classList.toggle("failed", failed);
}

async function ask() {
  try {
    const answer = await fetch(`live/report.json?since=${since}`, { cache: "no-store" });
    if (!answer.ok) {
      throw new Error(`${answer.status} ${answer.statusText}`);
    }
    const report = await answer.json();
    showAll(report);
    since = report.at;
    status(`As of ${clock(report.at)}, asked anew every ${EVERY_MILLIS / 1000} s.`, false);
  } catch (failure) {
    status(`The driver does not answer (${failure.message}).`, true);
  }
}

/** One question at a time, and none while nobody looks. */
async function run() {
  if (!document.hidden) {
    await ask();
  }
  setTimeout(run, EVERY_MILLIS);
}

run();
