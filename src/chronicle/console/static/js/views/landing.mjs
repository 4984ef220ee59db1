// What Chronicle is, for someone who has just come. The ledger sheet shows this server's own.

import { newestCheckpoint } from "../checkpoint.mjs";
import { fill, h } from "../dom.mjs";
import { count } from "../format.mjs";
import { icon } from "../icons.mjs";
import { parseCheckpoint } from "../verify/note.mjs";

const STEPS = [
  {
    title: "Upload a file",
    words: "It goes to IPFS under a CID, an address made from its content. Change one bit and the address changes.",
  },
  {
    title: "It gets a numbered line",
    words: "The ledger only grows. Every line is hashed into one root, so no line can be altered or slipped in later.",
  },
  {
    title: "Anyone can check it",
    words: "A proof is one small file. Your browser or the command line checks it, offline, without asking us.",
  },
];

export function render() {
  const content = h(
    "div",
    { class: "landing" },
    h(
      "section",
      { class: "hero" },
      h(
        "div",
        { class: "hero-words" },
        h("h1", { class: "display" }, "Put it on record."),
        h("p", { class: "lead" }, "Chronicle keeps files on IPFS and writes each one into a ledger that anyone can check, without having to trust whoever runs it."),
        h(
          "div",
          { class: "hero-actions" },
          h("a", { class: "button button-main button-large", href: "/sign-up" }, "Create an account"),
          h("a", { class: "button button-large", href: "/sign-in" }, "Sign in"),
        ),
        h("p", { class: "note soft" }, "Got a proof from someone? ", h("a", { href: "/verify" }, "Check it here"), ". No account needed."),
      ),
      ledgerSheet(),
    ),
    h(
      "section",
      { class: "steps", "aria-labelledby": "how" },
      h("h2", { id: "how" }, "How a file becomes a record"),
      h("ol", { class: "steps-list" }, STEPS.map(step)),
    ),
  );
  return { title: null, content };
}

function step({ title, words }, at) {
  return h(
    "li",
    { class: "step" },
    h("span", { class: "step-number", "aria-hidden": "true" }, String(at + 1)),
    h("h3", {}, title),
    h("p", { class: "soft" }, words),
  );
}

/** The newest checkpoint, line by line, with what each line means. */
function ledgerSheet() {
  const place = h("dl", { class: "ledger-lines" }, lines(null));
  newestCheckpoint().then(
    (note) => fill(place, lines(note)),
    () => {}, // out of reach: the lines stay empty
  );
  return h(
    "figure",
    { class: "ledger-sheet" },
    h("figcaption", { class: "ledger-caption" }, icon("seal"), "This server’s ledger, as it stands"),
    place,
  );
}

function lines(note) {
  const parsed = note === null ? null : parseCheckpoint(note);
  const parts = note?.trimEnd().split("\n") ?? [];
  const shown = [
    ["Name", parsed?.origin],
    ["Entries", parsed && count(parsed.size)],
    ["Root of them all", parts[2]],
    ["Signed", parts.at(-1)?.split(" ").at(-1)],
  ];
  return shown.map(([name, value]) =>
    h(
      "div",
      { class: "ledger-line" },
      h("dt", {}, name),
      h("dd", { class: name === "Entries" ? "ledger-count" : "mono" }, value ?? h("span", { class: "ghost" })),
    ),
  );
}
