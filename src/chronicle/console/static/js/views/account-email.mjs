// The account's e-mail address: whether it is confirmed, and changing it.

import { call } from "../api.mjs";
import { fill, h } from "../dom.mjs";
import { field, form, notice } from "../forms.mjs";
import { icon } from "../icons.mjs";
import * as router from "../router.mjs";
import * as session from "../session.mjs";
import * as waiting from "../waiting.mjs";
import { codeEntry } from "./code-entry.mjs";

const SEND = "/api/auth/user/email/send-code";
const VERIFY = "/api/auth/user/email/verify";
const LINKED = "/address"; // where the link beside the code leads

/** The section for a profile's owner. */
export function emailSection(page, { email, email_verified: verified }) {
  const place = h("div", { class: "stack" });
  showForms();
  return place;

  function showForms(wanted = "") {
    fill(
      place,
      h("p", { class: "email-now" }, h("strong", { class: "break" }, email), " ", state(verified)),
      !verified && confirmForm(),
      changeForm(wanted),
    );
  }

  function confirmForm() {
    const button = h("button", { class: "button button-main", type: "submit" }, "Mail me a code");
    return h(
      "div",
      { class: "stack" },
      notice("warn", "warning", "Confirm that this address is yours. Before that you can’t upload anything, and whoever reads its mail can take the account over."),
      form({ fields: [], button: h("div", {}, button), submit: async () => showCode(null, await call("POST", SEND)), pressed: button }),
    );
  }

  function changeForm(wanted) {
    const address = field({
      name: "email",
      label: "New e-mail address",
      type: "email",
      autocomplete: "email",
      required: true,
      value: wanted,
      hint: verified ? "We mail a code there. Your address of now is told, and can undo the change for seven days." : "We mail a code there.",
    });
    const button = h("button", { class: "button", type: "submit" }, "Change the address");
    const submit = async () => {
      const value = address.input.value.trim();
      if (!/^\S+@\S+$/.test(value)) {
        address.error("Enter an e-mail address, such as name@example.org.");
        return address.input.focus();
      }
      return showCode(value, await call("POST", SEND, { body: { email: value } }));
    };
    return form({ fields: [address], button: h("div", {}, button), submit, pressed: button });
  }

  function showCode(wanted, ticket) {
    waiting.remember(LINKED, ticket);
    const { element, focus } = codeEntry({
      lead: ["We sent a code to ", h("strong", { class: "break" }, wanted ?? email), "."],
      ticket,
      page,
      back: () => showForms(wanted ?? ""),
      again: async () => {
        const fresh = await call("POST", SEND, wanted === null ? {} : { body: { email: wanted } });
        waiting.remember(LINKED, fresh);
        return fresh;
      },
      submit: async (typed) => {
        session.acceptProfile(await call("POST", VERIFY, { body: typed }));
        const told = wanted === null ? "Your address is confirmed." : "Your address is changed. Every other device was signed out.";
        router.go("/account", { replace: true, told });
      },
      inline: true,
      words: { back: wanted === null ? "Not now" : "Not this address?" },
    });
    fill(place, element);
    focus();
  }
}

const state = (verified) =>
  verified ? h("span", { class: "state state-good" }, icon("check"), "Confirmed") : h("span", { class: "state" }, "Not confirmed");
