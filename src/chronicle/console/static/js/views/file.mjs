// One upload: what is known of it, its place in the ledger as a picture, and its proof.

import { call, save } from "../api.mjs";
import { fill, h } from "../dom.mjs";
import { every } from "../every.mjs";
import { busy, copyButton, notice } from "../forms.mjs";
import { bytes, count, exactMoment } from "../format.mjs";
import { Problem, request } from "../http.mjs";
import { icon } from "../icons.mjs";
import { merklePicture } from "../merkle-picture.mjs";
import * as session from "../session.mjs";
import { verdict } from "../verdict.mjs";
import { check } from "../verify/check.mjs";
import { fileReader } from "../verify/file-facts.mjs";
import { pinState } from "./ledger-line.mjs";
import { signInFirst } from "./sign-in-first.mjs";

const FOLLOW_EVERY_MS = 1500;

export function render(page) {
  if (!session.user()) return signInFirst("a file", location.pathname);
  const path = `/api/web3/uploads/${page.params.id}`;
  const content = h("div", { class: "file-page" }, ghost());
  load();
  return { title: "File", content };

  async function load() {
    try {
      show(await call("GET", path, { signal: page.signal }));
    } catch (error) {
      if (error.name !== "AbortError") showFailure(error);
    }
  }

  function show(event) {
    document.title = `${event.name} · Chronicle`;
    const trouble = h("div", { role: "alert" });
    const proofPlace = h("section", { class: "sheet proof-sheet", "aria-labelledby": "place" });
    const result = h("section", { class: "sheet proof-result", "aria-live": "polite", "aria-label": "Result" });
    fill(
      content,
      head(event),
      actions(event, path, trouble, result),
      trouble,
      h("div", { class: "file-columns" }, h("div", { class: "file-column" }, result, facts(event)), proofPlace),
    );
    if (event.ledger.index === null) wait(event, proofPlace);
    else showPlace(path, proofPlace, page.signal);
  }

  function wait(event, place) {
    fill(place, h("h2", { id: "place" }, "Its place in the ledger"), notice("warn", "clock", "It is waiting for its place. That takes a moment; this page shows it by itself."));
    every(FOLLOW_EVERY_MS, page.signal, async () => {
      const fresh = await call("GET", path, { signal: page.signal }).catch(() => event);
      if (fresh.ledger.index === null || page.signal.aborted) return "again";
      show(fresh);
      return "enough";
    });
  }

  function showFailure(error) {
    if (!(error instanceof Problem)) throw error;
    const missing = error.status === 404;
    fill(
      content,
      h(
        "div",
        { class: "message sheet" },
        h("h1", {}, missing ? "There is no such file" : "The file could not be shown"),
        h("p", { class: "soft" }, missing ? "It may belong to another account." : error.message),
        h("a", { class: "button", href: "/" }, "Back to the timeline"),
      ),
    );
  }
}

function head(event) {
  return h(
    "div",
    { class: "page-head" },
    h("a", { class: "back", href: "/" }, icon("back"), "Timeline"),
    h("h1", { class: "break" }, event.name),
  );
}

function actions(event, path, trouble, result) {
  const logged = event.ledger.index !== null;
  const button = (words, symbol, main, work) => {
    const one = h("button", { class: main ? "button button-main" : "button", type: "button" }, icon(symbol), words);
    one.addEventListener("click", () => busy(one, () => guarded(work, trouble)));
    return one;
  };
  const proof = button("Download proof", "seal", false, async () => save(await call("GET", `${path}/proof`, { as: "blob" }), `${event.name}.tlog-proof`));
  const verify = button("Verify now", "check", true, async () => fill(result, await verifyNow(event, path)));
  proof.disabled = !logged;
  verify.disabled = !logged;
  return h(
    "div",
    { class: "file-actions" },
    verify,
    proof,
    button("Download file", "download", false, async () => save(await call("GET", `${path}/content`, { as: "blob" }), event.name)),
  );
}

async function guarded(work, trouble) {
  fill(trouble);
  try {
    await work();
  } catch (error) {
    if (error.name === "AbortError") return;
    fill(trouble, notice("bad", "warning", error.message));
  }
}

/** Fetch proof, key and content, and check all of it here. */
async function verifyNow(event, path) {
  const [proof, key, content] = await Promise.all([
    call("GET", `${path}/proof`, { as: "blob" }),
    request("GET", "/api/web3/log/key"),
    call("GET", `${path}/content`, { as: "blob" }),
  ]);
  const reader = fileReader();
  try {
    const file = await reader.facts(content, [event.profile]);
    const bundle = new Uint8Array(await proof.arrayBuffer());
    return verdict(await check(bundle, { keys: [key], file }), { keyFromServer: true });
  } finally {
    reader.stop();
  }
}

function facts(event) {
  const rows = [
    ["CID", [h("code", {}, event.cid), " ", copyButton(event.cid, "the CID")]],
    ["Cut by", event.profile],
    ["Size", h("span", { class: "tabular" }, `${bytes(event.size)} (${count(event.size)} bytes)`)],
    ["Type", event.media_type],
    ...(event.note ? [["Note", event.note]] : []),
    ["Uploaded", h("time", { datetime: event.created_at }, exactMoment(event.created_at))],
    ["Visibility", event.visibility === "public" ? "Public, for good" : event.visibility],
    ["Kept", pinState(event.pin)],
    ["Ledger entry", event.ledger.index === null ? "Waiting for its place" : h("span", { class: "tabular" }, `№ ${count(event.ledger.index)}`)],
    ["Leaf hash", [h("code", {}, event.ledger.leaf_hash), " ", copyButton(event.ledger.leaf_hash, "the leaf hash")]],
  ];
  return h(
    "section",
    { class: "sheet", "aria-label": "Facts" },
    h("dl", { class: "facts" }, rows.map(([name, value]) => h("div", { class: "fact" }, h("dt", {}, name), h("dd", {}, value)))),
  );
}

async function showPlace(path, place, signal) {
  fill(place, h("h2", { id: "place" }, "Its place in the ledger"), h("div", { class: "merkle-ghost" }));
  try {
    const proof = await call("GET", `${path}/proof`, { as: "blob", signal });
    const { outcome, facts: found, reason } = await check(new Uint8Array(await proof.arrayBuffer()));
    // Without a key "unauthenticated" is the best that there is; whose ledger it is, "Verify now" says.
    if (outcome !== "unauthenticated") throw new Error(reason);
    fill(
      place,
      h("h2", { id: "place" }, "Its place in the ledger"),
      h("p", { class: "soft note" }, `Worked out just now in your browser from the proof: how entry № ${count(found.index)} leads to the root over all ${count(found.size)}.`),
      merklePicture(found),
    );
  } catch (error) {
    if (error.name !== "AbortError") fill(place, h("h2", { id: "place" }, "Its place in the ledger"), notice("bad", "warning", error.message));
  }
}

function ghost() {
  return [
    h("div", { class: "page-head", "aria-hidden": "true" }, h("span", { class: "ghost ghost-title" })),
    h("div", { class: "sheet", "aria-hidden": "true" }, h("span", { class: "ghost" })),
  ];
}
