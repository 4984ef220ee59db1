// Asks whoever is signed in to show that it is still them, for what needs a fresh sign-in.

import { fill, freshId, h } from "./dom.mjs";
import { field, form, refused, revealButton } from "./forms.mjs";
import { Problem, request } from "./http.mjs";
import * as session from "./session.mjs";
import { codeEntry } from "./views/code-entry.mjs";
import { whose } from "./views/new-password.mjs";

/** Ask in a dialog, for the password or a mailed code. Throws an AbortError when they decline. */
export function confirmItIsYou() {
  const { email } = session.user();
  const title = freshId("confirm");
  const place = h("div", {});
  const closed = new AbortController();
  const dialog = h(
    "dialog",
    { "aria-labelledby": title },
    h("div", { class: "dialog-body" }, h("h2", { id: title }, "Is it still you?"), place),
  );
  const cancel = h("button", { class: "button", type: "button", on: { click: () => dialog.close("no") } }, "Cancel");
  showPassword();
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve, reject) => {
    dialog.addEventListener("close", () => {
      closed.abort();
      dialog.remove();
      if (dialog.returnValue === "yes") resolve();
      else reject(new DOMException("The person declined.", "AbortError"));
    });
  });

  function showPassword() {
    const password = field({ name: "password", label: "Password", type: "password", autocomplete: "current-password", required: true, control: revealButton });
    const button = h("button", { class: "button button-main", type: "submit" }, "Go on");
    const byCode = h("button", { class: "link-button note", type: "button", on: { click: askForCode } }, "Use a mailed code instead");
    const trouble = h("div", { role: "alert" });
    const submit = async () => {
      if (password.input.value === "") return wrong(password, "This is needed.");
      try {
        await session.reauthenticate({ password: password.input.value });
      } catch (error) {
        if (!(error instanceof Problem && error.code === "invalid_credentials")) throw error;
        wrong(password, "This is not your password.");
        // With the last wrong guess the session ended; the page then shows the way to sign in.
        if (!(await session.stillThere())) await leave();
        return undefined;
      }
      return dialog.close("yes");
    };
    const actions = h("div", { class: "dialog-actions" }, cancel, button);
    async function askForCode() {
      byCode.disabled = true;
      try {
        showCode(await sendCode());
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        byCode.disabled = false;
        fill(trouble, refused(error));
      }
    }
    fill(
      place,
      h("p", { class: "soft dialog-lead" }, "You signed in a while ago. This could take your account away from you, so confirm first that it is you."),
      form({ fields: [password], button: actions, submit, after: [whose(email), trouble, h("p", {}, byCode)], pressed: button }),
    );
    password.input.focus();
  }

  function showCode(ticket) {
    const { element, focus } = codeEntry({
      lead: ["We sent a code to ", h("strong", { class: "break" }, email), "."],
      ticket,
      page: { signal: closed.signal },
      back: showPassword,
      again: sendCode,
      submit: async (typed) => {
        try {
          await session.reauthenticate({ ...typed, method: "code" });
        } catch (error) {
          // With the tenth wrong guess the session ended, as with the last one at the password.
          if (error.code === "invalid_code" && !(await session.stillThere())) return leave();
          throw error;
        }
        return dialog.close("yes");
      },
      inline: true,
      words: { press: "Go on", back: "Use the password instead" },
    });
    fill(place, element, h("div", { class: "dialog-actions" }, cancel));
    focus();
  }

  async function sendCode() {
    return request("POST", "/api/auth/reauthenticate/send-code", { token: await session.accessToken() });
  }

  async function leave() {
    dialog.close("no");
    await session.recheck();
  }
}

function wrong(one, words) {
  one.error(words);
  one.input.select();
}
