// Sign-ins counted by day and by place, for the picture of the history.

const DAYS_IN_WEEK = 7;

/** The name of a day as the reader's calendar has it: "2026-11-23". */
export function dayOf(time) {
  const at = new Date(time);
  return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

/**
 * The last `weeks` calendar weeks, Monday to Sunday, oldest first: each seven of `{day, date, granted,
 * refused}`, with null for days that are still to come.
 */
export function calendar(events, weeks, now = new Date()) {
  const counts = byDay(events);
  const monday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - ((now.getDay() + 6) % DAYS_IN_WEEK));
  return Array.from({ length: weeks }, (_, week) =>
    Array.from({ length: DAYS_IN_WEEK }, (_day, weekday) => {
      const offset = (week - weeks + 1) * DAYS_IN_WEEK + weekday;
      // By calendar date, not by 24 hours: two days of the year have 23 and 25.
      const date = new Date(monday.getFullYear(), monday.getMonth(), monday.getDate() + offset);
      if (date > now) return null;
      const day = dayOf(date);
      return { day, date, granted: 0, refused: 0, ...counts.get(day) };
    }),
  );
}

function byDay(events) {
  const counts = new Map();
  for (const { time, outcome } of events) {
    const day = dayOf(time);
    if (!counts.has(day)) counts.set(day, { granted: 0, refused: 0 });
    counts.get(day)[outcome] += 1;
  }
  return counts;
}

/**
 * Where sign-ins came from, the most first: `{place, granted, refused, last}`; `place` is null for all
 * that are not known. Empty when no place is known at all. Events come newest first.
 */
export function byPlace(events) {
  const found = new Map();
  for (const { place, time, outcome } of events) {
    if (!found.has(place)) found.set(place, { place, granted: 0, refused: 0, last: time });
    found.get(place)[outcome] += 1;
  }
  const total = ({ granted, refused }) => granted + refused;
  const sorted = [...found.values()].toSorted((one, other) => total(other) - total(one));
  return sorted.some(({ place }) => place !== null) ? sorted : [];
}

/** Devices and addresses, the latest first: `{device, ip, granted, refused, last}`. Events come newest first. */
export function places(events) {
  const found = new Map();
  for (const { device, ip, time, outcome } of events) {
    const key = JSON.stringify([device, ip]);
    if (!found.has(key)) found.set(key, { device, ip, granted: 0, refused: 0, last: time });
    found.get(key)[outcome] += 1;
  }
  return [...found.values()];
}
