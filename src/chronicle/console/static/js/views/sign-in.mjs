// Sign-in by e-mail address and password, or by a mailed code.

import { fill, h } from "../dom.mjs";
import { field, form, notice, revealButton } from "../forms.mjs";
import { request } from "../http.mjs";
import * as router from "../router.mjs";
import * as session from "../session.mjs";
import * as waiting from "../waiting.mjs";
import { askForCode } from "./ask-for-code.mjs";
import { codeEntry } from "./code-entry.mjs";

const LINKED = "/enter"; // where the link beside the code leads

export function render(page) {
  const next = wanted(page.query.get("next"));
  if (session.user()) queueMicrotask(() => router.go(next, { replace: true }));
  const place = h("section", { class: "narrow" });
  showPassword();
  return { title: "Sign in", content: place };

  function showPassword(known = "") {
    const email = field({ name: "email", label: "E-mail address", type: "email", autocomplete: "username", required: true, value: known });
    const password = field({ name: "password", label: "Password", type: "password", autocomplete: "current-password", required: true, control: revealButton });
    const button = h("button", { class: "button button-main button-wide", type: "submit" }, "Sign in");
    const toCode = () => showAsk(email.input.value);
    const submit = async () => {
      const body = { email: email.input.value.trim(), password: password.input.value };
      const empty = [[email, body.email], [password, body.password]].find(([, value]) => value === "")?.[0];
      if (empty) {
        empty.error("This is needed.");
        return empty.input.focus();
      }
      return enter(await request("POST", "/api/auth/login", { body }));
    };
    fill(
      place,
      h("div", { class: "page-head" }, h("h1", {}, "Sign in"), h("p", { class: "soft" }, "New here? ", h("a", { href: "/sign-up" }, "Create an account"), ".")),
      page.told && h("div", { class: "told" }, notice("good", "check", page.told)),
      h("div", { class: "sheet" }, form({ fields: [email, password], button, submit, after: otherWays(toCode), advice: (problem) => advice(problem, toCode) })),
    );
    return email;
  }

  function showAsk(known) {
    const { element, focus } = askForCode({
      title: "Sign in with a code",
      lead: "We mail you a code, and you need no password.",
      press: "Mail me a code",
      known,
      path: "/api/auth/login/code",
      other: h("button", { class: "link-button note", type: "button", on: { click: () => showPassword(known).input.focus() } }, "Use a password instead"),
      sent: showCode,
    });
    fill(place, element);
    focus();
  }

  function showCode(email, ticket) {
    waiting.remember(LINKED, ticket);
    const { element, focus } = codeEntry({
      lead: ["If ", h("strong", { class: "break" }, email), " has an account, a code is on its way there."],
      ticket,
      page,
      back: () => showAsk(email),
      again: async () => {
        const fresh = await request("POST", "/api/auth/login/code", { body: { email } });
        waiting.remember(LINKED, fresh);
        return fresh;
      },
      submit: async (typed) => enter(await request("POST", "/api/auth/login/code/verify", { body: typed })),
      words: { press: "Sign in" },
    });
    fill(place, element);
    focus();
  }

  function enter(answer) {
    waiting.forget(LINKED);
    session.accept(answer);
    return router.go(next, { replace: true });
  }
}

const otherWays = (toCode) =>
  h(
    "div",
    { class: "code-times" },
    h("a", { class: "note", href: "/forgot" }, "Forgot your password?"),
    h("button", { class: "link-button note", type: "button", on: { click: toCode } }, "Sign in with a mailed code"),
  );

function advice(problem, toCode) {
  if (problem.code !== "too_many_attempts") return null;
  return [
    "After many wrong passwords the owner gets a mail with a link that ends the pause. Or ",
    h("button", { class: "link-button", type: "button", on: { click: toCode } }, "sign in with a mailed code"),
    ".",
  ];
}

/** Where to go afterwards: only ever to a path of this console. */
function wanted(path) {
  if (!path?.startsWith("/")) return "/";
  const url = new URL(path, location.origin);
  return url.origin === location.origin ? url.pathname : "/";
}
