// Asking for a mail with a code: one address, one button.

import { h } from "../dom.mjs";
import { field, form } from "../forms.mjs";
import { request } from "../http.mjs";

/** The form; `sent(email, ticket)` is called with the answer. `other` is the way to something else. */
export function askForCode({ title, lead, press, known = "", path, told = null, other, sent }) {
  const email = field({ name: "email", label: "E-mail address", type: "email", autocomplete: "username", required: true, value: known });
  const button = h("button", { class: "button button-main button-wide", type: "submit" }, press);
  const submit = async () => {
    const address = email.input.value.trim();
    if (!/^\S+@\S+$/.test(address)) {
      email.error("Enter an e-mail address, such as name@example.org.");
      return email.input.focus();
    }
    return sent(address, await request("POST", path, { body: { email: address } }));
  };
  const element = h(
    "div",
    {},
    h("div", { class: "page-head" }, h("h1", {}, title), h("p", { class: "soft" }, lead)),
    told,
    h("div", { class: "sheet" }, form({ fields: [email], button, submit, after: h("p", {}, other) })),
  );
  return { element, focus: () => email.input.focus() };
}
