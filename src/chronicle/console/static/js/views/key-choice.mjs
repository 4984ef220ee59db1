// Whose signature counts: a verifier key that the reader brings, or the one this server publishes.

import { fill, freshId, h } from "../dom.mjs";
import { request } from "../http.mjs";
import { parseVerifierKey } from "../verify/note.mjs";

const PINNED = "chronicle.pinned-key";

/** The fields; `changed()` is called on each new choice, `chosen()` says which it is. */
export function keyChoice(signal, changed) {
  const group = freshId("key");
  let published = null;
  let pasted = null;

  const own = radio("own", "A key that I have");
  const server = radio("server", "The key that this server publishes");
  const text = h("textarea", { class: "input mono", rows: 3, spellcheck: "false", autocomplete: "off", placeholder: "name+id+key", "aria-label": "Verifier key", "aria-describedby": `${group}-told` });
  const keep = h("input", { type: "checkbox" });
  const told = h("p", { class: "field-hint", id: `${group}-told`, role: "status" });
  const ownPart = h("div", { class: "key-part" }, text, told, h("label", { class: "check note" }, keep, "Keep it in this browser for next time"));
  const serverText = h("p", { class: "mono small break key-text" }, h("span", { class: "ghost" }));
  const serverPart = h(
    "div",
    { class: "key-part" },
    serverText,
    h("p", { class: "field-hint" }, "Then you trust this server not to show you another ledger than it shows to others."),
  );

  const remembered = recall();
  (remembered ? own : server).input.checked = true;
  text.value = remembered ?? "";
  keep.checked = remembered !== null;
  for (const { input } of [own, server]) input.addEventListener("change", show);
  text.addEventListener("input", readPasted);
  keep.addEventListener("change", () => remember(keep.checked ? pasted : null));
  request("GET", "/api/web3/log/key", { signal })
    .then((key) => {
      published = key.trim();
      fill(serverText, published);
      changed();
    })
    .catch(() => fill(serverText, "This server publishes none, or can’t be reached."));
  readPasted();
  show();

  const element = h(
    "fieldset",
    { class: "key-choice" },
    h("legend", { class: "field-label" }, "Trusted key"),
    own.element,
    ownPart,
    server.element,
    serverPart,
  );
  return { element, chosen };

  function chosen() {
    const fromServer = server.input.checked;
    const key = fromServer ? published : pasted;
    return { keys: key ? [key] : [], fromServer };
  }

  function radio(value, words) {
    const input = h("input", { type: "radio", name: group, value });
    return { input, element: h("label", { class: "check" }, input, words) };
  }

  function show() {
    ownPart.hidden = !own.input.checked;
    serverPart.hidden = !server.input.checked;
    changed();
  }

  async function readPasted() {
    const typed = text.value.trim();
    pasted = null;
    told.textContent = typed ? "" : "Get it from where you trust: a colleague, a printed page, the operator’s own site.";
    if (typed) {
      try {
        const { name } = await parseVerifierKey(typed);
        if (typed !== text.value.trim()) return;
        pasted = typed;
        told.textContent = `A key of the ledger ${name}.`;
      } catch (error) {
        told.textContent = `Not a key that can be used: ${error.message}.`;
      }
    }
    if (keep.checked && pasted) remember(pasted);
    changed();
  }
}

function recall() {
  try {
    return localStorage.getItem(PINNED);
  } catch {
    return null;
  }
}

function remember(key) {
  try {
    if (key) localStorage.setItem(PINNED, key);
    else localStorage.removeItem(PINNED);
  } catch {
    // Storage is switched off: it is asked for each time.
  }
}
