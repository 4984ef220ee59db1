// An address that shows nothing.

import { h } from "../dom.mjs";

export function render() {
  const content = h(
    "section",
    { class: "blank-page" },
    h("p", { class: "blank-number", "aria-hidden": "true" }, "404"),
    h("h1", {}, "There is no such page"),
    h("p", { class: "soft" }, "The address may be mistyped, or belong to a file of another account."),
    h("a", { class: "button", href: "/" }, "Go to the start"),
  );
  return { title: "No such page", content };
}
