// What an address shows that needs an account, to someone who is not signed in.

import { h } from "../dom.mjs";

/** The message for `what`, with the way to sign in and come back to `path`. */
export function signInFirst(what, path) {
  const content = h(
    "section",
    { class: "message sheet" },
    h("h1", {}, "Sign in to see this"),
    h("p", { class: "soft" }, `You are not signed in, so ${what} can’t be shown.`),
    h("a", { class: "button button-main", href: `/sign-in?next=${encodeURIComponent(path)}` }, "Sign in"),
  );
  return { title: "Sign in", content };
}
