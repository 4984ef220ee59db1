// The account's password: changing it, with the one that stands.

import { call } from "../api.mjs";
import { fill, h } from "../dom.mjs";
import { field, form, notice, revealButton } from "../forms.mjs";
import { Problem } from "../http.mjs";
import { newPassword, whose } from "./new-password.mjs";

/** The form for a profile's owner; `changed()` is called after each change. */
export function passwordForm({ email, name }, changed) {
  const current = field({ name: "password", label: "Current password", type: "password", autocomplete: "current-password", required: true, control: revealButton });
  const next = newPassword({ name: "new_password", label: "New password", known: () => [email, name ?? ""] });
  const button = h("button", { class: "button button-main", type: "submit" }, "Change the password");
  const done = h("div", { role: "status" });

  const submit = async () => {
    fill(done);
    if (!complete()) return;
    const body = { password: current.input.value, new_password: next.input.value };
    try {
      await call("POST", "/api/auth/password/change", { body });
    } catch (error) {
      if (!(error instanceof Problem && error.code === "invalid_credentials")) throw error;
      current.error("This is not your current password.");
      return current.input.select();
    }
    for (const one of [current, next]) {
      one.input.value = "";
      one.input.dispatchEvent(new Event("input"));
    }
    fill(done, notice("good", "check", "Your password is changed. Every other device was signed out."));
    return changed();
  };
  return form({
    fields: [current, next],
    button: h("div", {}, button),
    submit,
    after: [whose(email), done, h("p", { class: "note soft" }, "Don’t know the current one? ", h("a", { href: "/forgot" }, "Set a new one by mail"), ".")],
    pressed: button,
  });

  function complete() {
    const given = current.input.value !== "";
    if (!given) current.error("This is needed.");
    const fits = next.complete();
    const wrong = [!given && current, !fits && next].find(Boolean);
    wrong?.input.focus();
    return !wrong;
  }
}
