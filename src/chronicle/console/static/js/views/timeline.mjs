// The timeline: what this account has put on record, newest first, with the upload area above.

import { call } from "../api.mjs";
import { fill, h } from "../dom.mjs";
import { every } from "../every.mjs";
import { busy, notice } from "../forms.mjs";
import { Problem } from "../http.mjs";
import { queue } from "../upload.mjs";
import { ledgerLine } from "./ledger-line.mjs";
import { uploadArea } from "./upload-area.mjs";

const PAGE = 20;
const FOLLOW_EVERY_MS = 1500;
const AT_ONCE = 5;

export function render(page) {
  const list = h("ol", { class: "entries", "aria-label": "Uploads, newest first" });
  const foot = h("div", { class: "ledger-foot" });
  const shown = new Map(); // id → {event, element}
  let cursor = null;

  fill(list, ghostLines());
  loadMore();
  every(FOLLOW_EVERY_MS, page.signal, follow);
  queue.addEventListener("done", ({ detail }) => showFirst(detail), { signal: page.signal });

  const content = h(
    "div",
    {},
    h("div", { class: "page-head" }, h("h1", {}, "Timeline")),
    h("div", { class: "ledger" }, uploadArea(page), list),
    foot,
  );
  return { title: "Timeline", content };

  async function loadMore() {
    const query = new URLSearchParams({ limit: PAGE, ...(cursor && { cursor }) });
    try {
      const { items, next_cursor: next } = await call("GET", `/api/web3/uploads?${query}`, { signal: page.signal });
      if (cursor === null) fill(list);
      const known = new Set(shown.keys());
      for (const event of items) if (!known.has(event.id)) list.append(draw(event));
      cursor = next;
      showFoot();
    } catch (error) {
      showFailure(error);
    }
  }

  function draw(event) {
    const element = ledgerLine(event);
    shown.set(event.id, { event, element });
    return element;
  }

  function redraw(event) {
    const { element } = shown.get(event.id);
    const focused = element.contains(document.activeElement);
    const fresh = draw(event);
    element.replaceWith(fresh);
    if (focused) fresh.querySelector("a").focus();
  }

  function showFirst(event) {
    if (shown.size === 0) fill(list);
    if (!shown.has(event.id)) list.prepend(draw(event));
    showFoot();
  }

  function showFoot() {
    if (shown.size === 0) return fill(foot, nothingYet());
    if (cursor === null) return fill(foot, h("p", { class: "note faint" }, "This is where your record begins."));
    const more = h("button", { class: "button", type: "button", on: { click: () => busy(more, loadMore) } }, "Show older uploads");
    return fill(foot, more);
  }

  function showFailure(error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Problem)) throw error;
    if (cursor === null) fill(list);
    const again = h("button", { class: "button", type: "button", on: { click: () => busy(again, loadMore) } }, "Try again");
    fill(foot, h("div", { role: "alert" }, notice("bad", "warning", error.message)), again);
  }

  /** Ask again for what waits for its place. */
  async function follow() {
    const waiting = [...shown.values()].filter(({ event }) => event.ledger.index === null);
    for (const { event } of waiting.slice(0, AT_ONCE)) {
      const fresh = await call("GET", `/api/web3/uploads/${event.id}`, { signal: page.signal }).catch(() => event);
      if (fresh.ledger.index !== null && !page.signal.aborted) redraw(fresh);
    }
  }
}

function nothingYet() {
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, "Your record is empty"),
    h("p", { class: "soft" }, "The first file that you upload becomes the first line here, with its CID, its place in the ledger and a proof to take away."),
  );
}

function ghostLines() {
  const line = () =>
    h(
      "li",
      { class: "entry", "aria-hidden": "true" },
      h("span", { class: "entry-place" }, h("span", { class: "ghost ghost-short" })),
      h("span", { class: "entry-what" }, h("span", { class: "ghost" }), h("span", { class: "ghost ghost-half" })),
    );
  return [line(), line(), line()];
}
