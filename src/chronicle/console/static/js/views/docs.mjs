// The API reference, drawn from the document that the server makes from its own routes.

import { fill, h } from "../dom.mjs";
import { notice } from "../forms.mjs";
import { Problem, request } from "../http.mjs";
import { operationsByTag } from "../openapi.mjs";
import { prose } from "../prose.mjs";
import { operationSection } from "./docs-operation.mjs";

export function render(page) {
  const content = h("div", { class: "docs" }, h("div", { class: "page-head" }, h("h1", {}, "API reference"), h("p", { class: "soft" }, h("span", { class: "ghost" }))));
  load();
  return { title: "API reference", content };

  async function load() {
    try {
      show(await request("GET", "/openapi.json", { signal: page.signal }));
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Problem)) throw error;
      fill(content, h("h1", {}, "API reference"), h("div", { role: "alert" }, notice("bad", "warning", error.message)));
    }
  }

  function show(document_) {
    const groups = operationsByTag(document_);
    const sections = new Map(groups.flatMap(({ operations }) => operations.map((one) => [one, operationSection(one, document_)])));
    const { filter, index } = indexOf(groups, sections);
    fill(
      content,
      h(
        "aside",
        { class: "docs-aside", "aria-label": "Contents" },
        filter,
        index,
      ),
      h("div", { class: "docs-body" }, intro(document_), groups.map((group) => groupSection(group, sections))),
    );
    document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }
}

function intro({ info, servers }) {
  return h(
    "div",
    { class: "page-head" },
    h("h1", {}, "API reference"),
    h("p", { class: "lead" }, prose(info.description ?? "")),
    h(
      "p",
      { class: "soft note" },
      `Version ${info.version}, at `,
      h("code", {}, servers?.[0]?.url ?? location.origin),
      ". The document behind this page: ",
      h("a", { href: "/openapi.json", "data-outside": true }, "openapi.json"),
      ".",
    ),
  );
}

function groupSection({ tag, operations }, sections) {
  return h("section", { class: "docs-group", "aria-label": tag }, h("h2", {}, tag), operations.map((one) => sections.get(one)));
}

/** The list of all calls, and a field that narrows it and the page down. */
function indexOf(groups, sections) {
  const links = new Map();
  const index = h(
    "nav",
    { class: "docs-index", "aria-label": "All calls" },
    groups.map(({ tag, operations }) =>
      h(
        "div",
        { class: "docs-index-group" },
        h("p", { class: "eyebrow" }, tag),
        h(
          "ul",
          {},
          operations.map((one) => {
            const link = h("li", {}, h("a", { href: `#${one.id}` }, method(one.method), h("span", { class: "break" }, one.path.replace(/^\/api/, ""))));
            links.set(one, link);
            return link;
          }),
        ),
      ),
    ),
  );
  const input = h("input", { class: "input", type: "search", placeholder: "Filter, such as uploads", "aria-label": "Filter the calls", spellcheck: "false" });
  const told = h("p", { class: "note faint", role: "status" });
  input.addEventListener("input", () => {
    const words = input.value.trim().toLowerCase().split(/\s+/);
    let shown = 0;
    for (const [one, link] of links) {
      const fits = words.every((word) => one.searched.includes(word));
      link.hidden = !fits;
      sections.get(one).hidden = !fits;
      shown += fits ? 1 : 0;
    }
    for (const group of document.querySelectorAll(".docs-group, .docs-index-group")) {
      group.hidden = group.querySelector(":is(li, article):not([hidden])") === null;
    }
    told.textContent = input.value.trim() ? `${shown} of ${links.size} calls` : "";
  });
  return { filter: h("div", { class: "docs-filter" }, input, told), index };
}

/** A request method as a small mark. */
const method = (name) => h("span", { class: "method", "data-method": name }, name);
