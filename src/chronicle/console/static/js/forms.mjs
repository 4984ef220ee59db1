// Labelled fields, the errors beside them, and buttons that show that work is going on.

import { fill, freshId, h } from "./dom.mjs";
import { Problem } from "./http.mjs";
import { icon } from "./icons.mjs";
import { refusal } from "./refusals.mjs";

/**
 * A labelled input. `hint` is a line below it; `name` is the request's field, to which a refusal
 * is matched. Answers `{element, input, hint(words), error(words | null)}`.
 */
export function field({ name, label, optional = false, hint = null, control = null, ...attributes }) {
  const id = freshId(name);
  const input = h("input", { class: "input", id, name, ...attributes });
  const hintLine = hint === null ? null : h("p", { class: "field-hint", id: `${id}-hint` }, hint);
  const errorLine = h("p", { class: "field-error", id: `${id}-error`, hidden: true });
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label, optional && h("span", { class: "optional" }, " (optional)")),
    control ? h("div", { class: "input-with-button" }, input, control(input)) : input,
    hintLine,
    errorLine,
  );
  const describe = () => {
    const lines = [hintLine, errorLine].filter((line) => line && !line.hidden);
    input.setAttribute("aria-describedby", lines.map((line) => line.id).join(" "));
  };
  const error = (words) => {
    errorLine.hidden = words === null;
    if (hintLine) hintLine.hidden = words !== null; // an error takes the hint's place
    errorLine.textContent = words ?? "";
    if (words === null) input.removeAttribute("aria-invalid");
    else input.setAttribute("aria-invalid", "true");
    describe();
  };
  input.addEventListener("input", () => error(null));
  describe();
  return { name, element, input, error, hint: (words) => hintLine.replaceChildren(words) };
}

/** The button that shows and hides a password. For `field`'s `control`. */
export function revealButton(input) {
  const button = h("button", { type: "button", "aria-pressed": "false", "aria-label": "Show the password" }, "Show");
  button.addEventListener("click", () => {
    const showing = input.type === "text";
    input.type = showing ? "password" : "text";
    button.textContent = showing ? "Show" : "Hide";
    button.setAttribute("aria-pressed", String(!showing));
  });
  return button;
}

/**
 * A form whose `submit()` runs once at a time. A refusal is shown: at its fields where it names
 * them, above the button otherwise; focus goes to the first field that is wrong. `pressed` is the
 * button itself where `button` is a box around it; `advice(problem)` may add what to do about it.
 */
export function form({ fields, button, submit, after = null, pressed = button, advice = () => null }) {
  const place = h("div", { role: "alert" });
  const element = h(
    "form",
    { class: "form", novalidate: true },
    fields.map((one) => one.element),
    place,
    button,
    after,
  );
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (pressed.getAttribute("aria-busy") === "true") return;
    fill(place);
    for (const one of fields) one.error(null);
    await busy(pressed, async () => {
      try {
        await submit();
      } catch (error) {
        if (error.name !== "AbortError") showRefusal(error, { fields, place, advice });
      }
    });
  });
  return element;
}

function showRefusal(error, { fields, place, advice }) {
  if (!(error instanceof Problem)) throw error;
  const unplaced = [];
  let first = null;
  for (const { field: name, message } of error.errors) {
    const one = fields.find((candidate) => candidate.name === name);
    if (one) one.error(sentence(message));
    else unplaced.push(message);
    first ??= one;
  }
  if (!first || unplaced.length) fill(place, refused(error, unplaced, advice(error)));
  first?.input.focus();
}

/** The server's words follow a field's name ("has 3 characters"); beside the field they stand alone. */
function sentence(message) {
  const whole = /^(is|has|was|takes|may|must)\b/.test(message) ? `It ${message}` : message;
  return `${whole.charAt(0).toUpperCase()}${whole.slice(1)}${/[.!?]$/.test(whole) ? "" : "."}`;
}

/** The box for a refusal, with more words and what to do about it. */
export function refused(problem, more = [], advice = null) {
  const words = h("p", {}, refusal(problem), more.map((one) => ` ${one}`));
  return notice("bad", "warning", words, advice && h("p", {}, advice));
}

/** Run work while a button says so; it can't be pressed twice, and keeps its place and focus. */
export async function busy(button, work) {
  const spinner = h("span", { class: "spinner", "aria-hidden": "true" });
  button.setAttribute("aria-busy", "true");
  button.append(spinner);
  try {
    return await work();
  } finally {
    button.removeAttribute("aria-busy");
    spinner.remove();
  }
}

/** A coloured box with an icon: "good", "bad", "warn", or "plain". */
export function notice(kind, iconName, ...words) {
  const tone = kind === "plain" ? "" : ` notice-${kind}`;
  return h("div", { class: `notice${tone}` }, icon(iconName), h("div", {}, words));
}

/** A button that copies a text and says that it did. */
export function copyButton(text, what) {
  const label = h("span", { class: "visually-hidden" }, `Copy ${what}`);
  const button = h("button", { class: "copy", type: "button", title: `Copy ${what}` }, icon("copy"), label);
  let timer = 0;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.dataset.done = "";
    fill(button, icon("check"), h("span", { role: "status" }, "Copied"));
    clearTimeout(timer);
    timer = setTimeout(() => {
      delete button.dataset.done;
      fill(button, icon("copy"), label);
    }, 2000);
  });
  return button;
}
