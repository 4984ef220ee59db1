// Typing in a mailed code: eight characters, ten minutes, five guesses, a new one after a minute.

import { characters, CODE_LENGTH, shown } from "../codes.mjs";
import { announce, fill, h } from "../dom.mjs";
import { field, form, notice, refused } from "../forms.mjs";
import { clock } from "../format.mjs";
import { Problem } from "../http.mjs";
import { icon } from "../icons.mjs";
import * as outbox from "../outbox.mjs";

const GUESSES = 5;

/**
 * The form for a code. `lead` says where it was sent; `ticket` is the answer that began it;
 * `submit({ticket, code})` hands both in, `again(ticket)` asks for another code and gives the ticket
 * that it belongs to, `back()` is for correcting the address. `more` are fields beside the code, each
 * with `complete()`; `words` may change the button's `press` and that for going `back`, and say what
 * `follows`. `inline` leaves out the heading and the sheet, for a place that has its own.
 */
export function codeEntry({ lead, ticket: first, page, back, submit: handIn, again, noGuessLeft = "Ask for a new one.", more = [], after = null, words = {}, inline = false }) {
  let ticket = first;
  let begun = performance.now();
  let guesses = GUESSES;

  const code = field({
    name: "code",
    label: "Code",
    hint: "Eight characters. Upper or lower case and the dash make no difference.",
    autocomplete: "one-time-code",
    autocapitalize: "characters",
    spellcheck: "false",
    inputmode: "text",
    placeholder: "7K3M-Q9TD",
  });
  code.input.classList.add("code-input");
  const button = h("button", { class: "button button-main button-wide", type: "submit" }, words.press ?? "Confirm");
  const left = h("p", { class: "note soft tabular", role: "timer" });
  const resend = h("button", { class: "link-button note tabular", type: "button" });
  const told = h("div", { role: "status" });

  code.input.addEventListener("input", () => keepShape(code.input));
  code.input.addEventListener("input", () => {
    if (more.length === 0 && characters(code.input.value).length === CODE_LENGTH) submitter.requestSubmit();
  });
  resend.addEventListener("click", sendAgain);

  const submitter = form({ fields: [code, ...more], button, submit, after });
  const timer = setInterval(tick, 1000);
  page.signal.addEventListener("abort", () => clearInterval(timer));
  tick();

  const element = h(
    "div",
    {},
    h(
      "div",
      { class: inline ? "inline-head" : "page-head" },
      !inline && h("h1", {}, "Check your mail"),
      h("p", { class: "soft" }, lead, " ", h("button", { class: "link-button", type: "button", on: { click: back } }, words.back ?? "Not your address?")),
      words.follows && h("p", { class: "soft" }, words.follows),
    ),
    h("div", { class: inline ? "form" : "sheet form" }, submitter, h("div", { class: "code-times" }, left, resend), told, outboxHint()),
  );
  return { element, focus: () => code.input.focus() };

  async function submit() {
    if (!complete()) return;
    try {
      await handIn({ ticket: ticket.ticket, code: shown(code.input.value) });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      wrong(error);
    }
  }

  function complete() {
    const short = characters(code.input.value).length < CODE_LENGTH;
    if (short) code.error(`A code has ${CODE_LENGTH} characters.`);
    const unfit = more.filter((one) => !one.complete());
    (short ? code : unfit[0])?.input.focus();
    return !short && unfit.length === 0;
  }

  function wrong(problem) {
    if (problem.code === "invalid_code") {
      guesses -= 1;
      code.error(guesses > 0 ? `That is not the code. ${guesses} ${guesses === 1 ? "guess" : "guesses"} left.` : `That is not the code, and no guess is left. ${noGuessLeft}`);
      code.input.select();
    } else if (problem.code === "ticket_expired") {
      code.error("This code is spent or too old. Ask for a new one, or start again.");
    } else {
      throw problem;
    }
    code.input.focus();
  }

  async function sendAgain() {
    try {
      const fresh = await again(ticket.ticket);
      // A new code for the same ticket brings no new guesses.
      if (fresh.ticket !== ticket.ticket) guesses = GUESSES;
      ticket = fresh;
      begun = performance.now();
      code.input.value = "";
      code.error(null);
      fill(told, notice("good", "check", "A new code is on its way. The old one no longer works."));
      code.input.focus();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      fill(told, refused(error));
    }
    tick();
  }

  function tick() {
    const passed = (performance.now() - begun) / 1000;
    const remaining = ticket.expires_in - passed;
    const wait = ticket.resend_after - passed;
    left.textContent = remaining > 0 ? `Good for ${clock(remaining)}` : "This code has expired";
    resend.disabled = wait > 0;
    resend.textContent = wait > 0 ? `New code in ${clock(wait)}` : "Send a new code";
    if (remaining <= 0 && remaining > -1) announce("The code has expired. Ask for a new one.");
  }
}

/** Keep what is typed in the form 7K3M-Q9TD without moving the caret of someone who corrects. */
function keepShape(input) {
  const end = input.selectionStart === input.value.length;
  const before = characters(input.value.slice(0, input.selectionStart)).length;
  input.value = shown(input.value);
  const caret = end ? input.value.length : before + (before > 4 ? 1 : 0);
  input.setSelectionRange(caret, caret);
}

function outboxHint() {
  const place = h("div", {});
  outbox.available().then((yes) => {
    if (!yes) return;
    fill(place, h("p", { class: "notice" }, icon("mail"), h("span", {}, "This server runs in development and sends no mail. ", h("a", { href: "/outbox", target: "_blank" }, "Open the outbox"), " to read the code.")));
  });
  return place;
}
