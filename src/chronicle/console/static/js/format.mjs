// Figures and times as people read them.

const UNITS = ["B", "kB", "MB", "GB", "TB"];
const whole = new Intl.NumberFormat("en-GB");
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** Bytes in decimal units with three significant digits: 1 234 567 → "1.23 MB". */
export function bytes(count) {
  let unit = 0;
  let value = count;
  // 999.5 would round up to a fourth digit, so it goes to the next unit.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** A whole number with separators: 1234567 → "1,234,567". */
export const count = (value) => whole.format(value);

/** A duration in words: 3725 s → "1 h 2 min". */
export function duration(seconds) {
  const rounded = Math.max(0, Math.round(seconds));
  if (rounded < 60) return `${rounded} s`;
  const minutes = Math.round(rounded / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A countdown: 125 s → "2:05". */
export function clock(seconds) {
  const left = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}

/** Date and time in the reader's own form. */
export const moment = (value) => dateTime.format(new Date(value));

/** Date and time to the second, with the zone. */
export const exactMoment = (value) => exact.format(new Date(value));

/** "2 minutes ago" within a day, date and time beyond. */
export function ago(value, now = Date.now()) {
  const seconds = (new Date(value).getTime() - now) / 1000;
  const age = Math.abs(seconds);
  if (age < 45) return "just now";
  if (age < 3570) return relative.format(Math.round(seconds / 60), "minute");
  if (age < 86_400) return relative.format(Math.round(seconds / 3600), "hour");
  return moment(value);
}

/** The two ends of something long, enough to tell two apart: "bafkrei…quvyku". */
export function shortened(text, head = 10, tail = 6) {
  return text.length <= head + tail + 1 ? text : `${text.slice(0, head)}…${text.slice(-tail)}`;
}
