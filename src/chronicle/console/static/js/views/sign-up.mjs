// Sign-up in two steps on one page: e-mail and password, then the code from the mail.

import { call } from "../api.mjs";
import { fill, h } from "../dom.mjs";
import { field, form } from "../forms.mjs";
import { request } from "../http.mjs";
import * as router from "../router.mjs";
import * as session from "../session.mjs";
import * as waiting from "../waiting.mjs";
import { codeEntry } from "./code-entry.mjs";
import { newPassword } from "./new-password.mjs";

// Where the link beside the code leads: of a sign-up, and where the account is there already.
const LINKED = "/confirm";
const ADDRESS = "/address";

export function render(page) {
  if (session.user()) queueMicrotask(() => router.go("/", { replace: true }));
  const place = h("section", { class: "narrow" });
  showForm();
  return { title: "Create an account", content: place };

  function showForm(known = {}) {
    const email = field({ name: "email", label: "E-mail address", type: "email", autocomplete: "email", required: true, value: known.email });
    const password = newPassword({ known: () => [email.input.value, name.input.value] });
    const name = field({ name: "name", label: "Name", optional: true, autocomplete: "name", maxlength: 200, value: known.name });
    const button = h("button", { class: "button button-main button-wide", type: "submit" }, "Create the account");
    const submit = async () => {
      if (!complete(email, password)) return;
      const body = { email: email.input.value.trim(), password: password.input.value };
      if (name.input.value.trim()) body.name = name.input.value.trim();
      const answer = await request("POST", "/api/auth/register", { body });
      if (!answer.access_token) return showCode(body, answer);
      session.accept(answer);
      return showConfirm(answer.email_verification);
    };
    fill(
      place,
      h("div", { class: "page-head" }, h("h1", {}, "Create an account"), h("p", { class: "soft" }, "Have one already? ", h("a", { href: "/sign-in" }, "Sign in"), ".")),
      h("div", { class: "sheet" }, form({ fields: [email, password, name], button, submit })),
    );
    return email;
  }

  function showCode(body, ticket) {
    waiting.remember(LINKED, ticket);
    const back = () => showForm(body).input.focus();
    const { element, focus } = codeEntry({
      lead: ["We sent a code to ", h("strong", { class: "break" }, body.email), "."],
      ticket,
      page,
      back,
      noGuessLeft: "Start again from your address.",
      again: async (old) => {
        const fresh = await request("POST", "/api/auth/register/resend", { body: { ticket: old } });
        waiting.remember(LINKED, fresh);
        return fresh;
      },
      submit: async (typed) => enter(await request("POST", "/api/auth/register/verify", { body: typed })),
    });
    fill(place, element);
    focus();
  }

  /** Some servers make the account at once: then the code confirms its address. */
  function showConfirm(ticket) {
    waiting.remember(ADDRESS, ticket);
    const { element, focus } = codeEntry({
      lead: ["Your account is there. To upload, confirm your address with the code that we sent to ", h("strong", { class: "break" }, session.user().email), "."],
      ticket,
      page,
      back: home,
      again: async () => {
        const fresh = await call("POST", "/api/auth/user/email/send-code");
        waiting.remember(ADDRESS, fresh);
        return fresh;
      },
      submit: async (typed) => {
        session.acceptProfile(await call("POST", "/api/auth/user/email/verify", { body: typed }));
        home();
      },
      words: { back: "Do this later" },
    });
    fill(place, element);
    focus();
  }

  function enter(answer) {
    waiting.forget(LINKED);
    session.accept(answer);
    home();
  }
}

const home = () => router.go("/", { replace: true });

function complete(email, password) {
  const address = email.input.value.trim();
  if (!/^\S+@\S+$/.test(address)) email.error("Enter an e-mail address, such as name@example.org.");
  password.complete();
  const wrong = [email, password].find((one) => one.input.hasAttribute("aria-invalid"));
  wrong?.input.focus();
  return !wrong;
}
