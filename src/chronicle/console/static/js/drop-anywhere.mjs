// Files dropped anywhere on the page. The same can always be done with a button; this is a shortcut.

import { h } from "./dom.mjs";
import { icon } from "./icons.mjs";

/** While `signal` lasts, show `words` over the page when files hover, and hand over what is dropped. */
export function dropAnywhere({ words, signal, take }) {
  const veil = h("div", { class: "veil", hidden: true, "aria-hidden": "true" }, h("div", { class: "veil-words" }, icon("upload"), words));
  document.body.append(veil);
  signal.addEventListener("abort", () => veil.remove());
  let inside = 0; // enter and leave come for every element on the way
  const listen = (type, listener) => addEventListener(type, (event) => hasFiles(event) && listener(event), { signal });
  const hide = () => {
    inside = 0;
    veil.hidden = true;
  };
  listen("dragenter", (event) => {
    event.preventDefault();
    inside += 1;
    veil.hidden = document.querySelector("dialog[open]") !== null;
  });
  listen("dragover", (event) => event.preventDefault());
  listen("dragleave", () => {
    inside -= 1;
    if (inside <= 0) hide();
  });
  listen("drop", (event) => {
    event.preventDefault();
    hide();
    take(droppedFiles(event.dataTransfer));
  });
}

const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");

/** The files of a drop; folders are left out, for a browser hands them over as empty files. */
function droppedFiles(transfer) {
  return [...transfer.items]
    .filter((item) => item.kind === "file" && !item.webkitGetAsEntry?.()?.isDirectory)
    .map((item) => item.getAsFile());
}
