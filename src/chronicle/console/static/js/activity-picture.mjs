// Sign-ins by day as a calendar: a disc where they were granted, a diamond where they were refused.

import { h, s } from "./dom.mjs";

const CELL = 26;
const GAP = 3;
const LEFT = 36;
const TOP = 22;
const LEAST = 4.25;
const MOST = 9;

const dayName = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const monthName = new Intl.DateTimeFormat("en-GB", { month: "short" });
const WEEKDAYS = ["Mon", "", "Wed", "", "Fri", "", "Sun"];

/** The figure for the weeks of a `calendar`: picture, legend, and the same as a table. */
export function activityPicture(weeks) {
  const days = weeks.flat().filter((day) => day !== null);
  const lively = days.filter(({ granted, refused }) => granted + refused > 0);
  const size = { width: LEFT + weeks.length * CELL, height: TOP + 7 * CELL };
  const picture = s(
    "svg",
    { class: "activity", viewBox: `0 0 ${size.width} ${size.height}`, role: "img", "aria-label": summary(weeks.length, lively) },
    monthLabels(weeks),
    WEEKDAYS.map((name, row) => name && s("text", { x: LEFT - 8, y: TOP + row * CELL + CELL / 2 + 3, "text-anchor": "end" }, name)),
    weeks.map((week, column) => week.map((day, row) => day && cell(day, LEFT + column * CELL, TOP + row * CELL))),
  );
  return h("figure", { class: "activity-figure" }, picture, legend(), table(lively));
}

function summary(weeks, lively) {
  const sum = (outcome) => lively.reduce((total, day) => total + day[outcome], 0);
  const on = (outcome) => lively.filter((day) => day[outcome] > 0).length;
  const part = (outcome) => `${sum(outcome)} ${outcome} on ${on(outcome)} ${on(outcome) === 1 ? "day" : "days"}`;
  return `Sign-ins of the last ${weeks} weeks by day: ${part("granted")}, ${part("refused")}.`;
}

function monthLabels(weeks) {
  let shown = null;
  let free = 0;
  return weeks.map((week, column) => {
    const month = monthName.format(week[0].date);
    // Two labels need three columns between them, or they would run into each other.
    if (month === shown || column < free) return null;
    shown = month;
    free = column + 2;
    return s("text", { x: LEFT + column * CELL + GAP / 2, y: TOP - 8 }, month);
  });
}

function cell({ date, granted, refused }, x, y) {
  const both = granted > 0 && refused > 0;
  const middle = CELL / 2;
  const [disc, diamond] = both ? [middle - 4.75, middle + 4.75] : [middle, middle];
  const limit = both ? MOST - 3 : MOST;
  return s(
    "g",
    { class: "activity-day" },
    s("title", {}, dayWords({ date, granted, refused })),
    s("rect", { x: x + GAP / 2, y: y + GAP / 2, width: CELL - GAP, height: CELL - GAP, rx: 4 }),
    granted > 0 && s("circle", { class: "activity-granted", cx: x + disc, cy: y + disc, r: radius(granted, limit) }),
    refused > 0 && s("path", { class: "activity-refused", d: diamondAt(x + diamond, y + diamond, radius(refused, limit)) }),
  );
}

/** By area: four times as many look four times as much, up to what fits. */
const radius = (count, limit) => Math.min(limit, LEAST * Math.sqrt(count));
const diamondAt = (x, y, r) => `M${x} ${y - r}L${x + r} ${y}L${x} ${y + r}L${x - r} ${y}z`;

function dayWords({ date, granted, refused }) {
  const parts = [granted && `${granted} granted`, refused && `${refused} refused`].filter(Boolean);
  return `${dayName.format(date)}: ${parts.join(", ") || "none"}`;
}

function legend() {
  const sign = (drawn) => s("svg", { class: "activity-sign", viewBox: "0 0 16 16", "aria-hidden": "true" }, drawn);
  return h(
    "figcaption",
    { class: "activity-legend" },
    h("span", {}, sign(s("circle", { class: "activity-granted", cx: 8, cy: 8, r: 5.5 })), "granted"),
    h("span", {}, sign(s("path", { class: "activity-refused", d: diamondAt(8, 8, 6.5) })), "refused"),
    h("span", { class: "faint" }, "larger: more of them"),
  );
}

function table(lively) {
  if (lively.length === 0) return null;
  const row = ({ day, date, granted, refused }) =>
    h("tr", {}, h("th", { scope: "row" }, h("time", { datetime: day }, dayName.format(date))), h("td", {}, granted), h("td", {}, refused));
  return h(
    "details",
    { class: "activity-table" },
    h("summary", {}, "The same as a table"),
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, ["Day", "Granted", "Refused"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, lively.toReversed().map(row)),
    ),
  );
}
