// What the link in a mail about a forgotten password shows: a field for the new one.

import { h } from "../dom.mjs";
import { form } from "../forms.mjs";
import { request } from "../http.mjs";
import { dropToken } from "../mailed-link.mjs";
import * as router from "../router.mjs";
import * as session from "../session.mjs";
import { mailedLinkPage } from "./mailed-link-page.mjs";
import { newPassword } from "./new-password.mjs";

export const render = (page) =>
  mailedLinkPage(page, {
    title: "Choose a new password",
    over: "invalid_reset_token",
    instead: { words: "A link is good once, and for ten minutes. Ask for a new mail; your password has not been changed.", href: "/forgot", press: "Ask for a new mail" },
    content: (token, ended) => {
      const password = newPassword({ label: "New password" });
      const button = h("button", { class: "button button-main button-wide", type: "submit" }, "Set the new password");
      const submit = async () => {
        if (!password.complete()) return password.input.focus();
        try {
          await request("POST", "/api/auth/password/reset", { body: { token, password: password.input.value } });
        } catch (error) {
          return ended(error);
        }
        dropToken();
        return passwordIsSet();
      };
      return [
        h("p", { class: "soft" }, "Once it is set, every device is signed out, and you sign in with the new password."),
        h("div", { class: "sheet" }, form({ fields: [password], button, submit })),
      ];
    },
  });

/** A new password is set: whoever was signed in is not any more, and starts with the new one. */
export async function passwordIsSet() {
  await session.recheck();
  const told = "Your new password is set, and every device was signed out. Sign in with it.";
  return router.go("/sign-in", { replace: true, told });
}
