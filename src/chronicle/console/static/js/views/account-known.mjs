// The browsers that the account knows, and forgetting them.

import { call } from "../api.mjs";
import { announce, fill, h } from "../dom.mjs";
import { busy, refused } from "../forms.mjs";
import { exactMoment, moment } from "../format.mjs";
import { Problem } from "../http.mjs";
import { icon } from "../icons.mjs";
import { whereIs } from "./where-is.mjs";

/** The list as `{element, refresh}`; `refresh` asks for it anew. */
export function knownDevices(page) {
  const list = h("ul", { class: "known-devices", "aria-label": "Known devices" }, h("li", { class: "known", "aria-hidden": "true" }, h("span", { class: "ghost" })));
  const empty = h("div", {});
  const trouble = h("div", { role: "alert" });
  refresh();
  return { element: h("div", { class: "stack" }, explained(), list, empty, trouble), refresh };

  async function refresh() {
    try {
      const { items } = await call("GET", "/api/auth/devices", { signal: page.signal });
      show(items);
    } catch (error) {
      if (error.name !== "AbortError") showTrouble(error);
    }
  }

  function show(items) {
    const ordered = items.toSorted((one, other) => Number(other.current) - Number(one.current));
    fill(list, ordered.map((one) => line(one, () => forget(one, items))));
    fill(empty, items.length === 0 && h("p", { class: "note faint" }, "No browser is known. This one will be when you next sign in with it."));
    fill(trouble);
  }

  async function forget(one, items) {
    try {
      await call("DELETE", `/api/auth/devices/${one.id}`);
    } catch (error) {
      // Not found: it was forgotten elsewhere, which is what was wanted.
      if (!(error instanceof Problem && error.code === "not_found")) return showTrouble(error);
    }
    announce(`${one.device} is forgotten.`);
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

const explained = () =>
  h(
    "p",
    { class: "note soft" },
    "A browser in which you signed in is known for a year, signed in or not. It gets nobody in without your password or a code. But when somebody elsewhere tries wrong passwords until sign-in is paused, you can still sign in here. Forget those that you no longer use.",
  );

function line(one, forget) {
  const button = h("button", { class: "button button-small", type: "button", "aria-label": `Forget ${one.device}, last sign-in ${moment(one.last_used_at)}` }, "Forget");
  button.addEventListener("click", () => busy(button, forget));
  return h(
    "li",
    { class: "known" },
    h(
      "div",
      { class: "device-what" },
      h("p", { class: "device-name" }, one.device, one.current && h("span", { class: "state state-good" }, icon("check"), "This browser")),
      h(
        "p",
        { class: "device-facts" },
        whereIs(one),
        h("span", {}, "last sign-in ", h("time", { datetime: one.last_used_at, title: exactMoment(one.last_used_at) }, moment(one.last_used_at))),
        h("span", {}, "first ", h("time", { datetime: one.created_at, title: exactMoment(one.created_at) }, moment(one.created_at))),
      ),
    ),
    button,
  );
}
