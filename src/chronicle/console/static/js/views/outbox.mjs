// The development outbox: the mails that this server would have sent, newest first.

import { findIn } from "../codes.mjs";
import { announce, fill, h } from "../dom.mjs";
import { every } from "../every.mjs";
import { copyButton, notice } from "../forms.mjs";
import { ago, exactMoment } from "../format.mjs";
import { Problem } from "../http.mjs";
import { icon } from "../icons.mjs";
import * as outbox from "../outbox.mjs";

const REFRESH_EVERY_MS = 3000;

export function render(page) {
  const list = h("ol", { class: "mails", "aria-label": "Mails, newest first" });
  const foot = h("div", {});
  let newest = null;
  refresh();
  every(REFRESH_EVERY_MS, page.signal, refresh);

  const content = h(
    "div",
    { class: "medium" },
    h(
      "div",
      { class: "page-head" },
      h("h1", {}, "Outbox"),
      h("p", { class: "soft" }, "In development no mail leaves this machine. It lands here instead, and this page refreshes by itself. ", h("a", { href: "/mails" }, "Every mail that there is"), "."),
    ),
    list,
    foot,
  );
  return { title: "Outbox", content };

  async function refresh() {
    try {
      show(await outbox.mails(page.signal));
      return "again";
    } catch (error) {
      if (error.name !== "AbortError") showFailure(error);
      return "enough";
    }
  }

  function show(items) {
    const first = items[0]?.id ?? "none";
    if (first === newest) return;
    if (newest !== null && items[0]) announce(`New mail: ${items[0].subject}`);
    newest = first;
    fill(list, items.map((mail, at) => letter(mail, at === 0)));
    fill(foot, items.length === 0 && empty());
  }

  function showFailure(error) {
    if (!(error instanceof Problem)) throw error;
    const words = error.status === 404 ? "There is no outbox here: this server sends its mail." : error.message;
    fill(foot, notice("plain", "info", words));
  }
}

function letter(mail, open) {
  const code = findIn(mail.text);
  const link = outbox.linkIn(mail.text);
  return h(
    "li",
    { class: "sheet mail" },
    h("div", { class: "mail-head" }, h("span", { class: "break" }, "To ", mail.to), h("time", { datetime: mail.date, title: exactMoment(mail.date) }, ago(mail.date))),
    h("h2", { class: "mail-subject" }, mail.subject),
    code && h("div", { class: "mail-code" }, h("code", {}, code), copyButton(code, "the code")),
    link && h("p", {}, h("a", { href: link }, "Open the link in this mail")),
    h("details", { open: open && !code && !link }, h("summary", {}, "The whole mail"), h("pre", { class: "mail-text" }, mail.text)),
  );
}

function empty() {
  return h("div", { class: "empty" }, icon("mail"), h("h2", {}, "No mail yet"), h("p", { class: "soft" }, "Sign up, and the code arrives here."));
}
