// Numbers as people read them.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];
const JUST_NOW_MILLIS = 30000;

export function bytes(number) {
  let unit = 0;
  while (number >= 1024 && unit < UNITS.length - 1) {
    number /= 1024;
    unit++;
  }
  return `${number.toFixed(unit > 2 ? 1 : 0)} ${UNITS[unit]}`;
}

/** Two digits where there is but one before the point. */
function rounded(value) {
  return Number.isInteger(value) || value >= 10 ? value.toFixed(0) : value.toFixed(1);
}

/** A time given in milliseconds, from microseconds to days. */
export function duration(millis) {
  if (millis > 0 && millis < 1) {
    return `${rounded(millis * 1000)} µs`;
  }
  if (millis < 1000) {
    return `${rounded(millis)} ms`;
  }
  const seconds = millis / 1000;
  if (seconds < 60) {
    return `${seconds.toFixed(0)} s`;
  }
  if (seconds < 3600) {
    return `${(seconds / 60).toFixed(1)} min`;
  }
  return seconds < 86400 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86400).toFixed(1)} d`;
}

/** A size that was read so long ago, which is said where it is not just now; a dash where nobody knows it. */
export function measured(size, ageMillis) {
  if (size === null) {
    return "-";
  }
  return ageMillis > JUST_NOW_MILLIS ? `${bytes(size)}, ${duration(ageMillis)} ago` : bytes(size);
}

export function clock(millis) {
  return new Date(millis).toLocaleTimeString();
}
