// What the link beside a mailed code leads to: the same as typing the code, in the browser that asked.

import { h } from "../dom.mjs";
import { form } from "../forms.mjs";
import { Problem, request } from "../http.mjs";
import { dropToken } from "../mailed-link.mjs";
import * as router from "../router.mjs";
import * as session from "../session.mjs";
import * as waiting from "../waiting.mjs";
import { mailedLinkPage } from "./mailed-link-page.mjs";

const OVER = "invalid_mailed_token";
const ENDED = new Set([OVER, "ticket_expired"]);

const WAYS = {
  "/enter": {
    title: "Sign in",
    path: "/api/auth/login/code/verify",
    lead: "You asked for this mail in this browser. Press the button, and you are signed in here.",
    press: "Sign in",
    again: { href: "/sign-in", press: "Go to sign-in" },
  },
  "/confirm": {
    title: "Finish signing up",
    path: "/api/auth/register/verify",
    lead: "You began to sign up in this browser. Press the button, and your account is made.",
    press: "Create the account",
    again: { href: "/sign-up", press: "Go to sign-up" },
  },
};

export function render(page) {
  const way = WAYS[location.pathname];
  return mailedLinkPage(page, {
    title: way.title,
    over: OVER,
    instead: { ...way.again, words: "It was used before, or is older than ten minutes. Ask for a new mail." },
    content: (token, ended) => (waiting.ticketsFor(location.pathname).length ? button(way, token, ended) : elsewhere(way)),
  });
}

function button(way, token, ended) {
  const here = location.pathname;
  const press = h("button", { class: "button button-main button-wide", type: "submit" }, way.press);
  const submit = async () => {
    const answer = await firstTaken(way.path, waiting.ticketsFor(here), token);
    if (!answer) return ended(new Problem({ status: 400, code: OVER, detail: "" }));
    dropToken();
    waiting.forget(here);
    session.accept(answer);
    return router.go("/", { replace: true });
  };
  return [h("p", { class: "soft" }, way.lead), h("div", { class: "sheet" }, form({ fields: [], button: press, submit }))];
}

/** A link belongs to one ticket; somebody who asked twice has two of them. */
async function firstTaken(path, tickets, token) {
  for (const ticket of tickets) {
    try {
      return await request("POST", path, { body: { ticket, token } });
    } catch (error) {
      if (!ENDED.has(error.code)) throw error;
    }
  }
  return null;
}

const elsewhere = (way) => [
  h("p", { class: "soft" }, "This link works only in the browser in which you asked for it, so that nobody signs you in to an account of theirs, and nobody who sees the mail gets in."),
  h("p", { class: "soft" }, "Open it there; or type the code from the same mail into the page that asked for it."),
  h("p", { class: "linked-way" }, h("a", { class: "button", href: way.again.href }, way.again.press)),
];
