// The result of a check in words: what came of it, each step, and what the proof says.

import { h } from "./dom.mjs";
import { notice } from "./forms.mjs";
import { bytes, count, exactMoment, moment } from "./format.mjs";
import { icon } from "./icons.mjs";
import { KINDS } from "./kinds.mjs";
import { hex } from "./verify/bytes.mjs";

const HEADS = {
  proven: { tone: "good", symbol: "seal", title: "Proven" },
  false: { tone: "bad", symbol: "cross", title: "False: this does not hold" },
  unauthenticated: { tone: "warn", symbol: "key", title: "Not proven: the key is not trusted" },
  unreadable: { tone: "bad", symbol: "warning", title: "Unreadable" },
};

const MARKS = new Map([
  [true, ["good", "check", "Holds"]],
  [false, ["bad", "cross", "Fails"]],
  [null, ["warn", "info", "Open"]],
]);

/** The whole verdict. `keyFromServer` says that the key which decided it came from this server. */
export function verdict(result, { keyFromServer = false } = {}) {
  const { tone, symbol, title } = HEADS[result.outcome];
  const caution = result.outcome === "proven" && keyFromServer;
  return h(
    "div",
    { class: "verdict", "data-outcome": result.outcome },
    h(
      "div",
      { class: `verdict-head verdict-${tone}` },
      icon(symbol),
      h("div", {}, h("h2", {}, caution ? "Proven, under this server’s own key" : title), h("p", {}, sentence(result))),
    ),
    caution && serverKeyWarning(),
    h("ol", { class: "checks" }, result.steps.map(checkLine)),
    result.facts && factList(result.facts),
    ["proven", "unauthenticated"].includes(result.outcome) && notProven(),
  );
}

function sentence({ outcome, reason, facts }) {
  if (outcome !== "proven") return visible(reason);
  const name = facts.opened.get("name");
  const what = name === undefined ? "This" : ["“", h("bdi", {}, visible(name)), "”"];
  return [what, ` is entry № ${count(facts.index)} of the ledger ${visible(facts.origin)}, dated ${moment(facts.at)}.`];
}

/** Text of a proof as it may be shown: a stranger wrote it, so nothing in it stays invisible. */
export const visible = (text) =>
  String(text).replace(/[\p{C}\p{Z}]/gu, (one) => (one === " " ? one : `\\u{${one.codePointAt(0).toString(16)}}`));

function notProven() {
  const points = [
    "that the server’s clock was right",
    "who the person behind the account is",
    "that nothing was left out of the ledger",
    "that everyone is shown the same ledger; comparing checkpoints tells",
  ];
  return h("div", { class: "not-proven" }, h("h3", {}, "What it does not prove"), h("ul", { class: "plain-points" }, points.map((point) => h("li", {}, point))));
}

function serverKeyWarning() {
  return notice(
    "warn",
    "key",
    h("p", {}, "The key came from this server. So you are trusting it to show everyone the same ledger. To do without that trust, get the verifier key some other way and paste it."),
  );
}

function checkLine({ name, holds, words }) {
  const [tone, symbol, state] = MARKS.get(holds);
  return h(
    "li",
    { class: `check-line check-${tone}` },
    h("span", { class: "check-mark" }, icon(symbol)),
    h("div", {}, h("p", { class: "check-name" }, h("span", { class: "visually-hidden" }, `${state}: `), name), h("p", { class: "check-words" }, visible(words))),
  );
}

/** What a proof says, field by field. */
export function factList(facts) {
  const rows = [
    ["Written", exactMoment(facts.at)],
    ["Ledger", h("span", { class: "mono" }, visible(facts.origin))],
    ["Entry", h("span", { class: "tabular" }, `№ ${count(facts.index)}, when the ledger had ${count(facts.size)}`)],
    ...[...facts.opened].map(([field, value]) => [fieldName(field), shownValue(field, value)]),
    ["Leaf hash", h("code", {}, hex(facts.leaf))],
    ["Root", h("code", {}, hex(facts.root))],
  ];
  if (facts.closed.length > 0) rows.push(["Kept private", facts.closed.map(fieldName).join(", ")]);
  return h(
    "details",
    { class: "proof-facts" },
    h("summary", {}, "What the proof says"),
    h("dl", { class: "facts" }, rows.map(([name, value]) => h("div", { class: "fact" }, h("dt", {}, name), h("dd", {}, value)))),
  );
}

const NAMES = { cid: "CID", kind: "Kind", size: "Size", name: "Name", media_type: "Type", profile: "Cut by", visibility: "Visibility", owner: "Owner" };
const fieldName = (field) => NAMES[field] ?? field.replaceAll("_", " ");

function shownValue(field, value) {
  if (value instanceof Uint8Array) return h("code", {}, hex(value));
  if (field === "size" && typeof value === "number") return `${bytes(value)} (${count(value)} bytes)`;
  if (field === "kind" && Object.hasOwn(KINDS, value)) return `${KINDS[value]} (${value})`;
  return field === "cid" ? h("code", {}, visible(value)) : h("bdi", {}, visible(value));
}
