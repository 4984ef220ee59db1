// "This wasn't me": what the link in a notice leads to. It locks strangers out of the account.

import { h } from "../dom.mjs";
import * as router from "../router.mjs";
import * as session from "../session.mjs";
import { act, mailedLinkPage } from "./mailed-link-page.mjs";

export const render = (page) =>
  mailedLinkPage(page, {
    title: "This wasn’t you?",
    over: "invalid_mailed_token",
    instead: {
      words: "It was used before, or is too old. If something on your account still looks strange, choose a new password: that signs everybody out, too.",
      href: "/forgot",
      press: "Choose a new password",
    },
    content: (token, ended) => [
      h("p", { class: "soft" }, "Then somebody else may know your password. Press the button, and this happens at once:"),
      h(
        "div",
        { class: "sheet linked-sheet" },
        h(
          "ol",
          { class: "plain-steps" },
          h("li", {}, "Everybody is signed out of your account, on every device. This one too."),
          h("li", {}, "If your e-mail address was changed since that mail, your account gets it back."),
          h("li", {}, "Your password stops working, for you and for everybody else."),
          h("li", {}, "You choose a new one with the link that we mail you then."),
        ),
        h("p", { class: "note soft" }, "Your files and what is in the ledger stay as they are."),
        act({ token, path: "/api/auth/report", press: "It wasn’t me: sign everybody out", ended, done: isReported }),
      ),
      h("p", { class: "note soft" }, "It was you after all? Then close this page. Nothing has happened so far."),
    ],
  });

async function isReported() {
  await session.recheck();
  const told = "Everybody is signed out, and the old password no longer works. The link in our newest mail sets a new one.";
  return router.go("/forgot", { replace: true, told });
}
