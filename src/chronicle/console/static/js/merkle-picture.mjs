// The way from one entry to the signed root, drawn: the entry at the bottom, at each level the
// hash that stands beside it, and above both the hash over the two.

import { h, s } from "./dom.mjs";
import { hex } from "./verify/bytes.mjs";

const WIDTH = 360;
const CENTRE = WIDTH / 2;
const NODE = { width: 108, height: 40 };
const ASIDE = 124;
const LEVEL = 84;
const TOP = 30;

/** The picture with the same in words below it. `facts` are those of a check. */
export function merklePicture({ leaf, walked, index, size }) {
  const steps = walked.steps;
  const height = TOP + steps.length * LEVEL + NODE.height + 34;
  const levelY = (level) => height - 34 - NODE.height - level * LEVEL;
  const own = [leaf, ...steps.map((step) => step.hash)];
  const lines = steps.flatMap((step, level) => joints(step.side, levelY(level), levelY(level + 1)));
  const siblings = steps.map((step, level) => node(asideX(step.side), levelY(level), step.sibling, "merkle-sibling"));
  const path = own.map((hash, level) => node(CENTRE, levelY(level), hash, kindOf(level, own.length)));
  const svg = s(
    "svg",
    { class: "merkle", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": summary(steps.length, index, size) },
    lines,
    siblings,
    path,
    label(CENTRE, TOP - 12, steps.length === 0 ? "Entry and root in one" : "Root of the ledger"),
    label(CENTRE, height - 8, `Entry № ${index}`),
  );
  return h(
    "div",
    { class: "merkle-frame" },
    h("div", { class: "merkle-scroll", tabindex: steps.length > 6 ? "0" : null, role: "group", "aria-label": "Path from the entry to the root" }, svg),
    inWords(leaf, steps),
  );
}

function kindOf(level, levels) {
  if (level === levels - 1) return "merkle-root";
  return level === 0 ? "merkle-leaf" : "merkle-own";
}

const asideX = (side) => CENTRE + (side === "left" ? -ASIDE : ASIDE);

function joints(side, y, above) {
  const from = asideX(side);
  const bend = y - (y - above - NODE.height) / 2;
  const turn = side === "left" ? 8 : -8;
  const aside = `M${from} ${y}V${bend + 8}Q${from} ${bend} ${from + turn} ${bend}H${CENTRE}`;
  return [
    s("path", { class: "merkle-line", d: aside }),
    s("path", { class: "merkle-line merkle-line-own", d: `M${CENTRE} ${y}V${above + NODE.height}` }),
  ];
}

function node(x, y, hash, kind) {
  const text = hex(hash);
  return s(
    "g",
    { class: kind },
    s("title", {}, text),
    s("rect", { x: x - NODE.width / 2, y, width: NODE.width, height: NODE.height, rx: 6 }),
    s("text", { x, y: y + NODE.height / 2 + 4.5, "text-anchor": "middle" }, `${text.slice(0, 5)}…${text.slice(-4)}`),
  );
}

const label = (x, y, words) => s("text", { class: "merkle-label", x, y, "text-anchor": "middle" }, words);

function summary(hashes, index, size) {
  if (hashes === 0) return `Entry ${index} is the only one of the ledger, so its hash is the root.`;
  return `${hashes} ${hashes === 1 ? "hash leads" : "hashes lead"} from entry ${index} to the root over all ${size} entries.`;
}

function inWords(leaf, steps) {
  return h(
    "details",
    { class: "merkle-words" },
    h("summary", {}, "The same in words"),
    h(
      "ol",
      {},
      h("li", {}, "The entry’s leaf hash: ", h("code", {}, hex(leaf))),
      steps.map(({ side, sibling, hash }) =>
        h("li", {}, `With the hash on its ${side}, `, h("code", {}, hex(sibling)), ", it makes ", h("code", {}, hex(hash))),
      ),
    ),
  );
}
