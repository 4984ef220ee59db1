// Check a proof, in this browser alone. Everything that is needed is loaded with the page, so it
// works on with the network off; the one thing a server is asked for is its own key, at the start.

import { dropAnywhere } from "../drop-anywhere.mjs";
import { fill, freshId, h } from "../dom.mjs";
import { notice } from "../forms.mjs";
import { bytes } from "../format.mjs";
import { icon } from "../icons.mjs";
import { merklePicture } from "../merkle-picture.mjs";
import { verdict } from "../verdict.mjs";
import { parseBundle } from "../verify/bundle.mjs";
import { check } from "../verify/check.mjs";
import { fileReader } from "../verify/file-facts.mjs";
import { canCheckSignatures } from "../verify/note.mjs";
import { PROFILES, profilesFor } from "../verify/unixfs.mjs";
import { keyChoice } from "./key-choice.mjs";

export function render(page) {
  const reader = fileReader();
  page.signal.addEventListener("abort", () => reader.stop());
  const chosen = { proof: null, file: null, fileFacts: null };
  const key = keyChoice(page.signal, update);
  const proof = filePick({ label: "Proof", hint: "A .tlog-proof file", accept: ".tlog-proof", take: takeProof });
  const file = filePick({ label: "File", optional: true, hint: "The file itself, to see that it is the one on record", take: takeFile, drop: dropFile });
  const progress = h("progress", { max: 1, value: 0, "aria-label": "Reading the file", hidden: true });
  const result = h("section", { class: "verify-result", "aria-live": "polite", "aria-label": "Result" }, explanation());
  let turn = 0;

  dropAnywhere({
    words: "Drop a proof, a file, or both",
    signal: page.signal,
    take: (files) => {
      for (const one of files) (one.name.endsWith(".tlog-proof") ? takeProof : takeFile)(one);
    },
  });
  const content = h(
    "div",
    {},
    h(
      "div",
      { class: "page-head" },
      h("h1", {}, "Check a proof"),
      h("p", { class: "lead" }, "All of it happens in your browser. Nothing that you choose here is sent anywhere."),
    ),
    h("div", { class: "verify-columns" }, h("div", { class: "sheet form verify-form" }, proof.element, file.element, progress, key.element), result),
  );
  canCheckSignatures().then((yes) => yes || fill(result, cannot()));
  return { title: "Check a proof", content };

  async function takeProof(picked) {
    chosen.proof = new Uint8Array(await picked.arrayBuffer());
    proof.show(picked);
    await readFile();
    await update();
  }

  async function takeFile(picked) {
    chosen.file = picked;
    file.show(picked);
    await readFile();
    await update();
  }

  async function dropFile() {
    chosen.file = null;
    chosen.fileFacts = null;
    await update();
  }

  /** Work out the file's CIDs, in those profiles that the proof can mean. */
  async function readFile() {
    if (!chosen.file) return;
    progress.hidden = false;
    progress.max = Math.max(chosen.file.size, 1);
    progress.value = 0;
    try {
      chosen.fileFacts = await reader.facts(chosen.file, profilesMeant(chosen.proof), (done) => {
        progress.value = done;
      });
      progress.hidden = true;
    } catch {
      // Another file was chosen meanwhile, and is being read instead.
    }
  }

  async function update() {
    if (!chosen.proof || (chosen.file && !chosen.fileFacts)) return;
    turn += 1;
    const own = turn;
    const { keys, fromServer } = key.chosen();
    const answer = await check(chosen.proof, { keys, file: chosen.fileFacts });
    if (own !== turn) return;
    fill(result, verdict(answer, { keyFromServer: fromServer }), answer.facts && pictureOf(answer.facts));
  }
}

function profilesMeant(proofBytes) {
  try {
    const { openings } = parseBundle(proofBytes);
    const profile = openings.get("profile")?.value;
    if (Object.hasOwn(PROFILES, profile)) return [profile];
    return profilesFor(String(openings.get("cid")?.value));
  } catch {
    return Object.keys(PROFILES); // no proof yet, or none that can be read
  }
}

const pictureOf = (facts) =>
  h("details", { class: "proof-facts" }, h("summary", {}, "Its path to the root"), merklePicture(facts));

/** A labelled choice of one file: a button, the name of what was chosen, and a way to let go of it. */
function filePick({ label, hint, accept, take, drop, optional = false }) {
  const hintId = freshId("hint");
  const input = h("input", { type: "file", accept, class: "visually-hidden", tabindex: "-1", "aria-hidden": "true" });
  const button = h("button", { class: "pick", type: "button", "aria-describedby": hintId });
  const remove = h("button", { class: "icon-button", type: "button", "aria-label": `Remove the ${label.toLowerCase()}`, hidden: true }, icon("cross"));
  const show = (file) => {
    remove.hidden = !file || !drop;
    button.dataset.chosen = file ? "yes" : "no";
    fill(button, icon(file ? "file" : "upload"), h("span", { class: "break" }, file ? file.name : `Choose the ${label.toLowerCase()}`), file && h("span", { class: "faint tabular nowrap" }, bytes(file.size)));
  };
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [picked] = input.files;
    if (picked) take(picked);
    input.value = "";
  });
  remove.addEventListener("click", () => {
    show(null);
    button.focus();
    drop();
  });
  show(null);
  const element = h(
    "div",
    { class: "field" },
    h("span", { class: "field-label" }, label, optional && h("span", { class: "optional" }, " (optional)")),
    h("div", { class: "pick-row" }, button, remove),
    input,
    h("p", { class: "field-hint", id: hintId }, hint),
  );
  return { element, show };
}

function explanation() {
  return h(
    "div",
    { class: "verify-empty" },
    h("h2", {}, "What is checked"),
    h(
      "ol",
      { class: "plain-steps" },
      h("li", {}, "The proof’s fields are those that its ledger entry commits to."),
      h("li", {}, "The entry’s hash leads, step by step, to the root of the ledger."),
      h("li", {}, "That root was signed by a key that you trust."),
      h("li", {}, "If you add the file: its content gives the very CID that is on record."),
    ),
    h("p", { class: "note soft" }, "The same on a command line: ", h("code", {}, "chronicle verify PROOF [FILE] --key KEY")),
  );
}

function cannot() {
  return notice(
    "warn",
    "warning",
    h("p", {}, "This browser can’t check signatures here. Browsers offer what is needed only over https or on localhost, and only since 2025. Use a newer browser, or the command line: ", h("code", {}, "chronicle verify"), "."),
  );
}
