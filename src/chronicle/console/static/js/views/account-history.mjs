// The sign-in history: a picture of the last weeks, where from, and every event with its ledger place.

import { activityPicture } from "../activity-picture.mjs";
import { byPlace, calendar, places } from "../activity.mjs";
import { call } from "../api.mjs";
import { fill, h } from "../dom.mjs";
import { busy, refused } from "../forms.mjs";
import { ago, count, exactMoment } from "../format.mjs";
import { told, unusual } from "../happenings.mjs";
import { Problem } from "../http.mjs";
import { icon } from "../icons.mjs";
import { whereIs } from "./where-is.mjs";

const WEEKS = 12;
const PAGE = 100;
const MOST_PAGES = 5;
const SHOWN = 10;
const PLACES = 5;

/** The history as `{element, refresh}`; `refresh` begins it anew. */
export function history(page) {
  const picture = h("div", { class: "history-picture" }, h("span", { class: "ghost merkle-ghost", "aria-hidden": "true" }));
  const list = h("ol", { class: "happenings", "aria-label": "Events, newest first" });
  const foot = h("div", { class: "history-foot" });
  let events = [];
  let cursor = null;
  let shown = 0;
  refresh();
  return { element: h("div", { class: "stack" }, picture, list, foot), refresh };

  async function refresh() {
    try {
      await load();
      drawPicture();
      fill(list);
      shown = 0;
      await more();
    } catch (error) {
      showTrouble(error, refresh);
    }
  }

  /** What the picture needs: the last weeks, as far as a few pages reach. */
  async function load() {
    const since = Date.now() - WEEKS * 7 * 86_400_000;
    events = [];
    cursor = null;
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      await next();
      if (cursor === null || Date.parse(events.at(-1).time) < since) return;
    }
  }

  async function next() {
    const query = new URLSearchParams({ limit: PAGE, ...(cursor && { cursor }) });
    const answer = await call("GET", `/api/auth/user/login-events?${query}`, { signal: page.signal });
    events.push(...answer.items);
    cursor = answer.next_cursor;
  }

  function drawPicture() {
    const signIns = events.filter(({ kind }) => kind === "sign_in");
    fill(picture, activityPicture(calendar(signIns, WEEKS)), h("div", { class: "stack" }, placeBars(byPlace(signIns)), placeList(places(signIns))));
    if (cursor !== null) picture.append(h("p", { class: "note faint" }, `Counted are the newest ${count(events.length)} events.`));
  }

  async function more() {
    if (shown + SHOWN > events.length && cursor !== null) await next();
    const from = shown;
    for (const event of events.slice(from, from + SHOWN)) list.append(happening(event));
    shown = Math.min(from + SHOWN, events.length);
    showFoot();
    if (from > 0) list.children[from]?.focus();
  }

  function showFoot() {
    if (events.length === 0) return fill(foot, h("p", { class: "note faint" }, "Nothing has happened yet."));
    if (shown === events.length && cursor === null) return fill(foot, h("p", { class: "note faint" }, "This is where your history begins."));
    const button = h("button", { class: "button", type: "button" }, "Show older events");
    button.addEventListener("click", () => busy(button, () => more().catch((error) => showTrouble(error, more))));
    return fill(foot, button);
  }

  function showTrouble(error, retry) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Problem)) throw error;
    for (const ghost of picture.querySelectorAll(".ghost")) ghost.remove();
    const again = h("button", { class: "button", type: "button" }, "Try again");
    again.addEventListener("click", () => busy(again, () => retry().catch((failure) => showTrouble(failure, retry))));
    fill(foot, h("div", { role: "alert" }, refused(error)), again);
  }
}

/** A bar for each place, as long as its share of the most; what it stands for is said in words. */
function placeBars(found) {
  if (found.length === 0) return null;
  const most = found[0].granted + found[0].refused;
  const lines = found.map(({ place, granted, refused: no, last }) =>
    h(
      "li",
      { class: "place-bar" },
      h("p", { class: "place-name" }, h("span", {}, place ?? "Place not known"), h("time", { datetime: last, title: exactMoment(last) }, ago(last))),
      h("progress", { class: "bar", max: most, value: granted + no, "aria-hidden": "true" }),
      h("p", { class: "device-facts" }, granted > 0 && h("span", {}, `${count(granted)} granted`), no > 0 && h("span", { class: "place-refused" }, `${count(no)} refused`)),
    ),
  );
  return h(
    "div",
    { class: "place-bars" },
    h("h3", {}, "Places"),
    h("ul", {}, lines.slice(0, PLACES)),
    lines.length > PLACES && h("details", { class: "activity-table" }, h("summary", {}, `${lines.length - PLACES} more places`), h("ul", {}, lines.slice(PLACES))),
  );
}

function placeList(found) {
  const lines = found.map(({ device, ip, granted, refused: no, last }) =>
    h(
      "li",
      { class: "place" },
      h("p", { class: "device-name" }, device),
      h("p", { class: "device-facts" }, h("span", { class: "break" }, ip), h("time", { datetime: last, title: exactMoment(last) }, ago(last))),
      h("p", { class: "place-counts" }, granted > 0 && h("span", { class: "state" }, icon("check"), `${count(granted)} granted`), no > 0 && h("span", { class: "state state-bad" }, icon("cross"), `${count(no)} refused`)),
    ),
  );
  return h(
    "div",
    { class: "places" },
    h("h3", {}, "Devices and addresses"),
    h("ul", {}, lines.slice(0, PLACES)),
    lines.length > PLACES && h("details", { class: "activity-table" }, h("summary", {}, `${lines.length - PLACES} more`), h("ul", {}, lines.slice(PLACES))),
  );
}

function happening(event) {
  const { title, words, good } = told(event);
  const strange = unusual(event);
  return h(
    "li",
    { class: good ? "happening" : "happening happening-refused", tabindex: -1 },
    h("span", { class: "happening-mark" }, icon(strange?.high ? "warning" : good ? "check" : "cross")),
    h(
      "div",
      { class: "happening-what" },
      h("p", { class: "happening-title" }, title),
      words && h("p", { class: "happening-words" }, words),
      strange && h("p", { class: strange.high ? "happening-strange happening-alarming" : "happening-strange" }, icon("warning"), h("span", {}, strange.words)),
      h(
        "p",
        { class: "device-facts" },
        h("time", { datetime: event.time, title: exactMoment(event.time) }, ago(event.time)),
        h("span", {}, event.device),
        whereIs(event),
      ),
    ),
    event.ledger && ledgerPlace(event.ledger),
  );
}

function ledgerPlace({ index, leaf_hash: leaf }) {
  if (index === null) return h("span", { class: "happening-ledger state-warn" }, "waiting for its place");
  return h("span", { class: "happening-ledger", title: `Leaf hash ${leaf}` }, h("span", { class: "visually-hidden" }, "Ledger entry "), h("span", { "aria-hidden": "true" }, "№ "), count(index));
}
