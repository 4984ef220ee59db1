// What the link to a former address leads to: it takes the account back from whoever changed it.

import { h } from "../dom.mjs";
import * as router from "../router.mjs";
import * as session from "../session.mjs";
import { act, mailedLinkPage } from "./mailed-link-page.mjs";

export const render = (page) =>
  mailedLinkPage(page, {
    title: "Bring your address back",
    over: "invalid_mailed_token",
    instead: {
      words: "It was used before, or is older than seven days. If your account has its address back, sign in, or choose a new password.",
      href: "/forgot",
      press: "Choose a new password",
    },
    content: (token, ended) => [
      h("p", { class: "soft" }, "Your account was given another e-mail address. If that was not you, somebody else was in it. Press the button, and this happens at once:"),
      h(
        "div",
        { class: "sheet linked-sheet" },
        h(
          "ol",
          { class: "plain-steps" },
          h("li", {}, "Your account has the address again to which this link was mailed."),
          h("li", {}, "Everybody is signed out of it, on every device. This one too."),
          h("li", {}, "The password stops working. You choose a new one with a code that we mail you."),
        ),
        h("p", { class: "note soft" }, "Your files and what is in the ledger stay as they are."),
        act({ token, path: "/api/auth/user/email/undo", press: "Bring my address back", ended, done: isBack }),
      ),
      h("p", { class: "note soft" }, "It was you after all? Then close this page. Nothing has happened so far."),
    ],
  });

async function isBack() {
  await session.recheck();
  const told = "Your account has its address back, and everybody is signed out. Now choose a new password.";
  return router.go("/forgot", { replace: true, told });
}
