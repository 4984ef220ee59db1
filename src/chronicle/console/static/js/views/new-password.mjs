// The field for a password that is to be set, with what is to say of it while it is typed.

import { announce, h } from "../dom.mjs";
import { field, revealButton } from "../forms.mjs";
import { judge } from "../passwords.mjs";

// Whoever listens hears it once they pause, and not at every key.
const PAUSE_MS = 800;

/**
 * As `field`, with `complete()`: whether it will do; if not, it says why. `known()` are texts that
 * a guesser knows of the person.
 */
export function newPassword({ name = "password", label = "Password", known = () => [] } = {}) {
  const one = field({
    name,
    label,
    type: "password",
    autocomplete: "new-password",
    required: true,
    hint: judge("").words,
    control: revealButton,
  });
  const bar = h("span", { class: "strength", "aria-hidden": "true" });
  one.element.querySelector(".field-hint").before(bar);
  let pause = 0;
  one.input.addEventListener("input", () => {
    const { words, level } = judge(one.input.value, known());
    one.hint(words);
    if (level === null) delete bar.dataset.level;
    else bar.dataset.level = level;
    clearTimeout(pause);
    pause = setTimeout(() => one.input.isConnected && one.input.value && announce(words), PAUSE_MS);
  });
  const complete = () => {
    const { fits, words } = judge(one.input.value);
    if (!fits) error(words);
    return fits;
  };
  const error = (words) => {
    if (words !== null) delete bar.dataset.level; // the bar must not praise what was refused
    one.error(words);
  };
  return { ...one, error, complete };
}

/** Tells password managers whose password a form sets. Nobody sees it. */
export const whose = (email) => h("input", { type: "email", autocomplete: "username", value: email, readonly: true, hidden: true, tabindex: -1 });
