// What the link in the mail about a paused account leads to: the end of the pause.

import { h } from "../dom.mjs";
import * as router from "../router.mjs";
import { act, mailedLinkPage } from "./mailed-link-page.mjs";

export const render = (page) =>
  mailedLinkPage(page, {
    title: "End the pause",
    over: "invalid_mailed_token",
    instead: {
      words: "It was used before, or is too old. The pause ends by itself, too; and a mailed code lets you in during it.",
      href: "/sign-in",
      press: "Go to sign-in",
    },
    content: (token, ended) => [
      h("p", { class: "soft" }, "After many wrong passwords, nobody can sign in to your account with a password for a while. This ends the pause now, and changes nothing else."),
      h("div", { class: "sheet" }, act({ token, path: "/api/auth/unlock", press: "End the pause", ended, done: isUnlocked })),
      h("p", { class: "note soft" }, "If it was not you who typed them: nobody got in. A long password that you use nowhere else keeps it so."),
    ],
  });

const isUnlocked = () => router.go("/sign-in", { replace: true, told: "The pause is over. You can sign in again." });
