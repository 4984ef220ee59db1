// Sign-in by e-mail address and password.

import { h } from "../dom.mjs";
import { field, form, revealButton } from "../forms.mjs";
import { request } from "../http.mjs";
import * as router from "../router.mjs";
import * as session from "../session.mjs";

export function render({ query }) {
  const next = wanted(query.get("next"));
  if (session.user()) queueMicrotask(() => router.go(next, { replace: true }));
  const email = field({ name: "email", label: "E-mail address", type: "email", autocomplete: "username", required: true });
  const password = field({ name: "password", label: "Password", type: "password", autocomplete: "current-password", required: true, control: revealButton });
  const button = h("button", { class: "button button-main button-wide", type: "submit" }, "Sign in");
  const submit = async () => {
    const body = { email: email.input.value.trim(), password: password.input.value };
    const empty = [[email, body.email], [password, body.password]].find(([, value]) => value === "")?.[0];
    if (empty) {
      empty.error("This is needed.");
      return empty.input.focus();
    }
    session.accept(await request("POST", "/api/auth/login", { body }));
    return router.go(next, { replace: true });
  };
  const content = h(
    "section",
    { class: "narrow" },
    h("div", { class: "page-head" }, h("h1", {}, "Sign in"), h("p", { class: "soft" }, "New here? ", h("a", { href: "/sign-up" }, "Create an account"), ".")),
    h("div", { class: "sheet" }, form({ fields: [email, password], button, submit })),
  );
  return { title: "Sign in", content };
}

/** Where to go afterwards: only ever to a path of this console. */
function wanted(path) {
  if (!path?.startsWith("/")) return "/";
  const url = new URL(path, location.origin);
  return url.origin === location.origin ? url.pathname : "/";
}
