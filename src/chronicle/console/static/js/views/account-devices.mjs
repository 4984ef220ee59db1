// The devices that are signed in to the account, and ending their sessions.

import { call } from "../api.mjs";
import { announce, fill, freshId, h } from "../dom.mjs";
import { busy, notice, refused } from "../forms.mjs";
import { ago, exactMoment, moment } from "../format.mjs";
import { Problem } from "../http.mjs";
import { icon } from "../icons.mjs";
import * as router from "../router.mjs";
import * as session from "../session.mjs";
import { whereIs } from "./where-is.mjs";

const SHOWN = 5;
const PAGE = 50;

/** The list as `{element, refresh}`; `refresh` asks for it anew. */
export function devices(page) {
  const list = h("ul", { class: "devices", "aria-label": "Signed-in devices" }, h("li", { class: "device", "aria-hidden": "true" }, h("span", { class: "ghost" })));
  const foot = h("div", {});
  const trouble = h("div", { role: "alert" });
  let all = false;
  let cursor = null;
  refresh();
  return { element: h("div", { class: "stack" }, list, foot, trouble), refresh };

  async function refresh() {
    try {
      const answer = await next(null);
      cursor = answer.next_cursor;
      show(answer.items);
    } catch (error) {
      if (error.name !== "AbortError") showTrouble(error);
    }
  }

  function next(from) {
    const query = new URLSearchParams({ limit: PAGE, ...(from && { cursor: from }) });
    return call("GET", `/api/auth/sessions?${query}`, { signal: page.signal });
  }

  async function older(items) {
    const answer = await next(cursor);
    cursor = answer.next_cursor;
    show([...items, ...answer.items]);
    list.children[items.length]?.querySelector("button")?.focus();
  }

  function show(items) {
    const ordered = items.toSorted((one, other) => Number(other.current) - Number(one.current));
    const shown = all ? ordered : ordered.slice(0, SHOWN);
    fill(list, shown.map((one) => line(one, () => end(one, items))));
    fill(foot, shown.length < ordered.length ? showAllButton(items) : cursor !== null && olderButton(items));
    fill(trouble);
  }

  function showAllButton(items) {
    const words = cursor === null ? `Show all ${items.length}` : `Show the newest ${items.length}`;
    return h("button", { class: "button button-small", type: "button", on: { click: () => showAll(items) } }, words);
  }

  function olderButton(items) {
    const button = h("button", { class: "button button-small", type: "button" }, "Show older devices");
    button.addEventListener("click", () => busy(button, () => older(items).catch(showTrouble)));
    return button;
  }

  function showAll(items) {
    all = true;
    show(items);
    list.children[SHOWN].querySelector("button").focus();
  }

  async function end(one, items) {
    try {
      await call("DELETE", `/api/auth/sessions/${one.id}`);
    } catch (error) {
      // Not found: it ended by itself, which is what was wanted.
      if (!(error instanceof Problem && error.code === "not_found")) return showTrouble(error);
    }
    announce(`${one.device} is signed out.`);
    show(items.filter(({ id }) => id !== one.id));
    list.setAttribute("tabindex", "-1");
    list.focus();
    return refresh();
  }

  function showTrouble(error) {
    if (!(error instanceof Problem)) throw error;
    for (const ghost of list.querySelectorAll(".ghost")) ghost.parentElement.remove();
    fill(trouble, refused(error));
  }
}

function line(one, end) {
  const button = h("button", { class: "button button-small", type: "button", "aria-label": `Sign out ${one.device}, last used ${ago(one.last_used_at)}` }, "Sign out");
  button.addEventListener("click", () => busy(button, end));
  return h(
    "li",
    { class: "device" },
    h(
      "div",
      { class: "device-what" },
      h("p", { class: "device-name" }, one.device, one.current && h("span", { class: "state state-good" }, icon("check"), "This device")),
      h(
        "p",
        { class: "device-facts" },
        whereIs(one),
        h("span", {}, "used ", h("time", { datetime: one.last_used_at, title: exactMoment(one.last_used_at) }, ago(one.last_used_at))),
        h("span", {}, "signed in ", h("time", { datetime: one.created_at, title: exactMoment(one.created_at) }, moment(one.created_at))),
      ),
    ),
    !one.current && button,
  );
}

/** The button that ends every other session, after asking; `changed()` is called after that. */
export function signOutElsewhere(changed) {
  const place = h("div", { role: "alert" });
  const button = h("button", { class: "button", type: "button" }, "Sign out all others");
  button.addEventListener("click", async () => {
    if (await agreed("Sign out all others?", "Every device but this one is signed out of your account at once. Uploads that are on their way from there stop.", "Sign out all others")) await busy(button, end);
  });
  return [button, place];

  async function end() {
    fill(place);
    try {
      await session.signOutElsewhere();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return fill(place, notice("bad", "warning", error.message));
    }
    announce("Every other device is signed out.");
    return changed();
  }
}

/** The button that ends every session, after asking. */
export function signOutEverywhere() {
  const place = h("div", { role: "alert" });
  const button = h("button", { class: "button", type: "button" }, "Sign out everywhere");
  button.addEventListener("click", async () => {
    if (await agreed("Sign out everywhere?", "Every device is signed out of your account at once, this one too. Uploads that are on their way stop. To go on, you sign in again.", "Sign out everywhere")) await busy(button, leave);
  });
  return [button, place];

  async function leave() {
    try {
      await session.signOutEverywhere();
      router.go("/sign-in", { told: "You are signed out on every device." });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      fill(place, notice("bad", "warning", error.message));
    }
  }
}

function agreed(question, words, answer) {
  const title = freshId("everywhere");
  const dialog = h(
    "dialog",
    { "aria-labelledby": title },
    h(
      "form",
      { method: "dialog", class: "dialog-body" },
      h("h2", { id: title }, question),
      h("p", {}, words),
      h("div", { class: "dialog-actions" }, h("button", { class: "button", value: "no" }, "Cancel"), h("button", { class: "button button-main", value: "yes" }, answer)),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
