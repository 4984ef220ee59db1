// What the link beside a mailed code leads to: the same as typing the code, in the browser that asked.

import { call } from "../api.mjs";
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
    done: enter,
  },
  "/confirm": {
    title: "Finish signing up",
    path: "/api/auth/register/verify",
    lead: "You began to sign up in this browser. Press the button, and your account is made.",
    press: "Create the account",
    again: { href: "/sign-up", press: "Go to sign-up" },
    done: enter,
  },
  "/address": {
    title: "Confirm your address",
    path: "/api/auth/user/email/verify",
    lead: "You asked for this mail in this browser. Press the button, and the address that it went to is that of your account.",
    press: "Confirm the address",
    again: { href: "/account", press: "Go to your account" },
    ask: call,
    done: confirmed,
  },
};

export function render(page) {
  const way = WAYS[location.pathname];
  return mailedLinkPage(page, {
    title: way.title,
    over: OVER,
    instead: { ...way.again, words: "It was used before, or is older than ten minutes. Ask for a new mail." },
    content: (token, ended) => {
      if (!waiting.ticketsFor(location.pathname).length) return elsewhere(way);
      return way.ask && !session.expected() ? signInFirst() : button(way, token, ended);
    },
  });
}

function button(way, token, ended) {
  const here = location.pathname;
  const press = h("button", { class: "button button-main button-wide", type: "submit" }, way.press);
  const submit = async () => {
    const answer = await firstTaken(way, waiting.ticketsFor(here), token);
    if (!answer) return ended(new Problem({ status: 400, code: OVER, detail: "" }));
    dropToken();
    waiting.forget(here);
    return way.done(answer);
  };
  return [h("p", { class: "soft" }, way.lead), h("div", { class: "sheet" }, form({ fields: [], button: press, submit }))];
}

/** A link belongs to one ticket; somebody who asked twice has two of them. */
async function firstTaken({ path, ask = request }, tickets, token) {
  for (const ticket of tickets) {
    try {
      return await ask("POST", path, { body: { ticket, token } });
    } catch (error) {
      if (!ENDED.has(error.code)) throw error;
    }
  }
  return null;
}

function enter(answer) {
  session.accept(answer);
  return router.go("/", { replace: true });
}

function confirmed(profile) {
  const changed = session.user()?.email !== profile.email;
  session.acceptProfile(profile);
  const told = changed ? "Your address is changed. Every other device was signed out." : "Your address is confirmed.";
  return router.go("/account", { replace: true, told });
}

const signInFirst = () => [
  h("p", { class: "soft" }, "You asked for this mail in this browser, and were signed out since. Sign in first; then this page goes on."),
  h("p", { class: "linked-way" }, h("a", { class: "button", href: `/sign-in?next=${encodeURIComponent(location.pathname)}` }, "Sign in")),
];

const elsewhere = (way) => [
  h("p", { class: "soft" }, "This link works only in the browser in which you asked for it, so that nobody signs you in to an account of theirs, and nobody who sees the mail gets in."),
  h("p", { class: "soft" }, "Open it there; or type the code from the same mail into the page that asked for it."),
  h("p", { class: "linked-way" }, h("a", { class: "button", href: way.again.href }, way.again.press)),
];
