// In development: every mail that the server sends, with made-up values, in each language.

import { announce, fill, h } from "../dom.mjs";
import { notice } from "../forms.mjs";
import { Problem, request } from "../http.mjs";

const SAMPLES = "/api/dev/mails";
const languageName = (tag) => new Intl.DisplayNames(["en"], { type: "language" }).of(tag);

export function render(page) {
  const choice = h("div", {});
  const list = h("ul", { class: "mails", "aria-label": "Mails" });
  fillIn();
  const content = h(
    "div",
    { class: "medium" },
    h(
      "div",
      { class: "page-head" },
      h("h1", {}, "Mails"),
      h("p", { class: "soft" }, "Every mail that this server sends, with made-up values. What was really written lies in the ", h("a", { href: "/outbox" }, "outbox"), "."),
    ),
    choice,
    list,
  );
  return { title: "Mails", content };

  async function fillIn() {
    try {
      const { names, languages } = await request("GET", SAMPLES, { signal: page.signal });
      fill(choice, languageChoice(languages, (language) => show(names, language)));
      await show(names, languages[0]);
    } catch (error) {
      fail(error);
    }
  }

  async function show(names, language) {
    try {
      const wanted = `?locale=${encodeURIComponent(language)}`;
      const mails = await Promise.all(names.map((name) => request("GET", `${SAMPLES}/${name}${wanted}`, { signal: page.signal })));
      fill(list, mails.map((mail, at) => sample(names[at], mail, wanted, language)));
      announce(`${mails.length} mails in ${languageName(language)}`);
    } catch (error) {
      fail(error);
    }
  }

  function fail(error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Problem)) throw error;
    const words = error.status === 404 ? "Mails can only be looked at in development, on the machine that serves them." : error.message;
    fill(list, h("li", {}, notice("plain", "info", words)));
  }
}

function languageChoice(languages, chosen) {
  const options = languages.map((language, at) => {
    const change = () => chosen(language);
    return h("label", { class: "check" }, h("input", { type: "radio", name: "language", value: language, checked: at === 0, on: { change } }), languageName(language));
  });
  return h("fieldset", { class: "languages" }, h("legend", { class: "field-label" }, "Language"), options);
}

function sample(name, mail, wanted, language) {
  const page = `${SAMPLES}/${name}/page${wanted}`;
  return h(
    "li",
    { class: "sheet mail" },
    h("div", { class: "mail-head" }, h("code", { class: "break" }, name)),
    h("h2", { class: "mail-subject", lang: language }, mail.subject),
    h("pre", { class: "mail-text", lang: language }, mail.text),
    h("p", {}, h("a", { href: page, target: "_blank", rel: "noopener" }, "As a mail program shows it", h("span", { class: "visually-hidden" }, `: ${name} (opens a new tab)`))),
  );
}
