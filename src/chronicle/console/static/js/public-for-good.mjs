// Asks once, in plain words, before the first file of an account leaves this browser.

import { freshId, h } from "./dom.mjs";
import { bytes } from "./format.mjs";
import { icon } from "./icons.mjs";

const SHOWN = 4;

/** Whether the files may be uploaded in public; asks unless this account said so before. */
export function mayPublish(files, accountId) {
  const key = `chronicle.public-for-good.${accountId}`;
  if (remembers(key)) return Promise.resolve(true);
  return ask(files).then((yes) => {
    if (yes) remember(key);
    return yes;
  });
}

function ask(files) {
  const title = freshId("public");
  const understood = h("input", { type: "checkbox", required: true });
  const publish = h("button", { class: "button button-main", value: "yes", disabled: true }, files.length === 1 ? "Upload in public" : `Upload ${files.length} files in public`);
  understood.addEventListener("change", () => {
    publish.disabled = !understood.checked;
  });
  const dialog = h(
    "dialog",
    { "aria-labelledby": title },
    h(
      "form",
      { method: "dialog", class: "dialog-body" },
      h("h2", { id: title }, "Public means public for good"),
      h("ul", { class: "dialog-files" }, files.slice(0, SHOWN).map(line), files.length > SHOWN && h("li", { class: "faint" }, `and ${files.length - SHOWN} more`)),
      h(
        "ul",
        { class: "plain-points" },
        h("li", {}, "Anyone who has a file’s CID can read it, without an account."),
        h("li", {}, "Others can keep copies. Nobody, we included, can call them back."),
        h("li", {}, "Its line in the ledger is never removed. It shows the time; the rest only to whom you give the proof."),
      ),
      h("label", { class: "check" }, understood, h("span", {}, "I understand, and these files may be public.")),
      h("div", { class: "dialog-actions" }, h("button", { class: "button", value: "no", formnovalidate: true }, "Cancel"), publish),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  understood.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

const line = (file) =>
  h("li", {}, icon("file"), h("span", { class: "break" }, file.name), h("span", { class: "faint tabular nowrap" }, bytes(file.size)));

function remembers(key) {
  try {
    return localStorage.getItem(key) === "yes";
  } catch {
    return false; // storage is switched off: it is asked each time
  }
}

function remember(key) {
  try {
    localStorage.setItem(key, "yes");
  } catch {
    // Asked again next time.
  }
}
