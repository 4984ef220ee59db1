// A forgotten password: the address, then the mailed code and a new password on one page.

import { fill, h } from "../dom.mjs";
import { notice } from "../forms.mjs";
import { request } from "../http.mjs";
import { askForCode } from "./ask-for-code.mjs";
import { codeEntry } from "./code-entry.mjs";
import { newPassword, whose } from "./new-password.mjs";
import { passwordIsSet } from "./reset.mjs";

const FORGOT = "/api/auth/password/forgot";

export function render(page) {
  const place = h("section", { class: "narrow" });
  showAsk();
  return { title: "Forgotten password", content: place };

  function showAsk(known) {
    const { element, focus } = askForCode({
      title: "Choose a new password",
      lead: "We mail you a code, and a link that does the same. Until you use one of them, nothing changes.",
      press: "Mail me a code",
      known,
      path: FORGOT,
      told: page.told && h("div", { class: "told" }, notice("good", "check", page.told)),
      other: h("a", { class: "note", href: "/sign-in" }, "Back to sign-in"),
      sent: showCode,
    });
    fill(place, element);
    return focus;
  }

  function showCode(email, ticket) {
    const password = newPassword({ label: "New password", known: () => [email] });
    const { element, focus } = codeEntry({
      lead: ["If ", h("strong", { class: "break" }, email), " has an account, a code is on its way there."],
      ticket,
      page,
      back: () => showAsk(email)(),
      again: () => request("POST", FORGOT, { body: { email } }),
      submit: async (typed) => {
        await request("POST", "/api/auth/password/reset", { body: { ...typed, password: password.input.value } });
        await passwordIsSet();
      },
      more: [password],
      after: whose(email),
      words: { press: "Set the new password", follows: "With it you set a new password, and every device is signed out." },
    });
    fill(place, element);
    focus();
  }
}
