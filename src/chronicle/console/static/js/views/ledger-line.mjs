// One upload as a line of the timeline, and the states that it can be in.

import { h } from "../dom.mjs";
import { copyButton } from "../forms.mjs";
import { ago, bytes, count, exactMoment, shortened } from "../format.mjs";
import { icon } from "../icons.mjs";

/** The line of one upload event. */
export function ledgerLine(event) {
  const { index } = event.ledger;
  return h(
    "li",
    { class: index === null ? "entry entry-waiting" : "entry", "data-id": event.id },
    h("span", { class: "entry-place" }, placeOf(index)),
    h(
      "div",
      { class: "entry-what" },
      h("h2", { class: "entry-name" }, h("a", { href: `/files/${event.id}` }, event.name)),
      h(
        "p",
        { class: "entry-facts" },
        h("span", { class: "tabular nowrap" }, bytes(event.size)),
        h("span", { class: "break" }, event.media_type),
        h("time", { datetime: event.created_at, title: exactMoment(event.created_at) }, ago(event.created_at)),
      ),
    ),
    h(
      "div",
      { class: "entry-cid" },
      h("span", { class: "visually-hidden" }, "CID "),
      h("span", { class: "mono", title: event.cid }, shortened(event.cid, 9, 7)),
      copyButton(event.cid, `the CID of ${event.name}`),
    ),
    h("div", { class: "entry-pin" }, pinState(event.pin)),
  );
}

function placeOf(index) {
  if (index === null) {
    return h("span", { class: "entry-index" }, icon("clock"), h("span", {}, "waiting for its place"));
  }
  return h("span", { class: "entry-index" }, h("span", { class: "visually-hidden" }, "Ledger entry "), h("span", { "aria-hidden": "true" }, "№ "), count(index));
}

const PIN_STATES = {
  pinned: ["state-good", "pin", "Pinned"],
  pending: ["state-warn", "clock", "Pin pending"],
  failed: ["state-bad", "warning", "Pin failed"],
};

/** Whether and where a file is kept, with a word, an icon and a colour. */
export function pinState({ provider, status }) {
  const [tone, symbol, words] = PIN_STATES[status] ?? ["", "pin", status];
  const own = provider === "local" && status === "pinned";
  return h("span", { class: `state ${tone}`, title: `Kept by: ${provider}` }, icon(symbol), own ? "Kept here" : words);
}
