// Small charts as SVG. Spark ships d3, but two versions of it that do not have the same functions, and these are few lines.

import { duration } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 200;
const HEIGHT = 48;
/** The height of a line of text. */
const TEXT = 13;
const LONGEST_MILLIS = 15 * 60 * 1000;
const SHORTEST_MILLIS = 60 * 1000;
/** What a logarithmic scale begins with: a microsecond. */
const LEAST = 0.001;

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) {
    made.setAttribute(attribute, value);
  }
  if (text !== undefined) {
    made.textContent = text;
  }
  return made;
}

/** How long ago the left edge is: as long as the points last, within limits. */
function span(points, now) {
  const whole = points.length > 0 ? now - points[0][0] : 0;
  return Math.min(LONGEST_MILLIS, Math.max(SHORTEST_MILLIS, whole));
}

/** Where points are from left to right, each lasting until the next, and the last one until the end. */
function places(points, { now, end }) {
  const whole = span(points, now);
  const x = (at) => WIDTH - (Math.min(whole, Math.max(0, now - at)) / whole) * WIDTH;
  return points.map((point, i) => [x(point[0]), x(i + 1 < points.length ? points[i + 1][0] : end)]);
}

/** An empty one, with the top of its scale and its span written in it. */
function chart(points, { now }, top, title) {
  const made = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  made.append(shape("title", {}, title));
  made.append(shape("line", { class: "floor", x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }));
  made.append(shape("text", { x: 0, y: 8 }, top));
  made.append(shape("text", { x: WIDTH, y: 8, "text-anchor": "end" }, `last ${duration(span(points, now))}`));
  return made;
}

/**
 * Areas on top of each other.
 *
 * `times` are now and the end of what is drawn; `series` the class and column of each area; `shown` makes text of a number.
 */
export function stacked(points, times, series, shown) {
  const sum = (point) => series.reduce((total, [, column]) => total + (point[column] || 0), 0);
  const most = Math.max(1, ...points.map(sum));
  const y = (value) => HEIGHT - (value / most) * (HEIGHT - TEXT);
  const made = chart(points, times, shown(most), `up to ${shown(most)}`);
  const across = places(points, times);
  let floor = points.map(() => 0);
  for (const [name, column] of series) {
    const roof = points.map((point, i) => floor[i] + (point[column] || 0));
    const there = across.map(([from, to], i) => `${from},${y(roof[i])} ${to},${y(roof[i])}`);
    const back = across.map(([from, to], i) => `${to},${y(floor[i])} ${from},${y(floor[i])}`).reverse();
    made.append(shape("polygon", { class: `area ${name}`, points: [...there, ...back].join(" ") }));
    floor = roof;
  }
  return made;
}

/** Lines on a logarithmic scale; a column may have nothing yet. */
export function lines(points, times, series, shown) {
  const known = points.flatMap((point) => series.map(([, column]) => point[column]).filter((value) => value !== null));
  if (known.length === 0) {
    return chart(points, times, "none yet", "");
  }
  const most = Math.max(LEAST * 10, ...known);
  const share = (value) => Math.log(Math.max(value, LEAST) / LEAST) / Math.log(most / LEAST);
  const y = (value) => HEIGHT - share(value) * (HEIGHT - TEXT);
  const made = chart(points, times, shown(most), `logarithmic, from ${shown(LEAST)} to ${shown(most)}`);
  const across = places(points, times);
  for (const [name, column] of series) {
    const steps = across.filter((_, i) => points[i][column] !== null);
    const values = points.map((point) => point[column]).filter((value) => value !== null);
    const path = steps.map(([from, to], i) => `${from},${y(values[i])} ${to},${y(values[i])}`);
    made.append(shape("polyline", { class: `line ${name}`, points: path.join(" ") }));
  }
  return made;
}

/** Lets go of what is no longer shown. */
export function recent(points, now) {
  const first = points.findIndex((point) => now - point[0] <= LONGEST_MILLIS);
  return first < 0 ? points.slice(-1) : points.slice(Math.max(0, first - 1));
}
