// The page behind a mailed link: it says what will happen, and acts only when its button is pressed,
// because programs that look for bad links in mails follow all of them.

import { fill, h } from "../dom.mjs";
import { form } from "../forms.mjs";
import { request } from "../http.mjs";
import { dropToken, onNewToken, takeToken } from "../mailed-link.mjs";
import * as router from "../router.mjs";

/**
 * The page. `content(token, ended)` is what it shows; `ended(error)` shows that the link is no longer
 * good where the error has the code `over`, and throws it otherwise. `instead` says what to do then.
 */
export function mailedLinkPage(page, { title, over, instead, content }) {
  const token = takeToken();
  const place = h("section", { class: "narrow linked" });
  const ended = (error) => {
    if (error.code !== over) throw error;
    dropToken();
    fill(place, noLonger(instead));
    place.querySelector("h1").focus();
  };
  onNewToken(router.again, page.signal);
  fill(place, token ? [h("div", { class: "page-head" }, h("h1", {}, title)), content(token, ended)] : withoutLink(instead));
  return { title, content: place };
}

/** A button that posts the token to `path`; then `done()`. */
export function act({ token, path, press, ended, done }) {
  const button = h("button", { class: "button button-main button-wide", type: "submit" }, press);
  const submit = async () => {
    try {
      await request("POST", path, { body: { token } });
    } catch (error) {
      return ended(error);
    }
    dropToken();
    return done();
  };
  return form({ fields: [], button, submit });
}

const noLonger = (instead) => message("This link is no longer good", instead);
const withoutLink = (instead) => message("Open the link in your mail", { ...instead, words: "This page works only with the link that a mail from Chronicle brings. Open it there again." });

const message = (title, { words, href, press }) => [
  h("div", { class: "page-head" }, h("h1", { tabindex: -1 }, title), h("p", { class: "soft" }, words)),
  h("p", { class: "linked-way" }, h("a", { class: "button", href }, press)),
];
