// The field for a password that is to be set, with its rule, counted while it is typed.

import { h } from "../dom.mjs";
import { field, revealButton } from "../forms.mjs";
import { judge } from "../passwords.mjs";

/** As `field`, with `complete()`: whether it will do; if not, it says why. */
export function newPassword({ name = "password", label = "Password" } = {}) {
  const one = field({
    name,
    label,
    type: "password",
    autocomplete: "new-password",
    required: true,
    hint: judge("").words,
    control: revealButton,
  });
  one.input.addEventListener("input", () => {
    const { fits, words } = judge(one.input.value);
    one.hint(words);
    one.element.querySelector(".field-hint").classList.toggle("field-hint-good", fits);
  });
  const complete = () => {
    const { fits, words } = judge(one.input.value);
    if (!fits) one.error(words);
    return fits;
  };
  return { ...one, complete };
}

/** Tells password managers whose password a form sets. Nobody sees it. */
export const whose = (email) => h("input", { type: "email", autocomplete: "username", value: email, readonly: true, hidden: true, tabindex: -1 });
