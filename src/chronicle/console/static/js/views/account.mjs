// The account: profile, password, devices, sign-in history, and the way out.

import { call } from "../api.mjs";
import { announce, fill, h } from "../dom.mjs";
import { busy, field, form, notice } from "../forms.mjs";
import { moment } from "../format.mjs";
import { Problem } from "../http.mjs";
import * as router from "../router.mjs";
import * as session from "../session.mjs";
import { devices, signOutElsewhere, signOutEverywhere } from "./account-devices.mjs";
import { emailSection } from "./account-email.mjs";
import { history } from "./account-history.mjs";
import { knownDevices } from "./account-known.mjs";
import { passwordForm } from "./account-password.mjs";
import { signInFirst } from "./sign-in-first.mjs";

export function render(page) {
  const user = session.user();
  if (!user) return signInFirst("your account", "/account");
  const signedIn = devices(page);
  const known = knownDevices(page);
  const past = history(page);
  const changed = () => Promise.all([signedIn.refresh(), past.refresh()]);
  const content = h(
    "div",
    { class: "medium sections" },
    h("div", { class: "page-head" }, h("h1", {}, "Account")),
    page.told && notice("good", "check", page.told),
    section("profile", "Profile", profileForm(user)),
    section("email", "E-mail address", emailSection(page, user)),
    section("password", "Password", passwordForm(user, changed)),
    section("devices", "Signed-in devices", [signedIn.element, h("div", { class: "sign-out" }, signOutButton(), signOutElsewhere(signedIn.refresh), signOutEverywhere())]),
    section("known", "Known devices", known.element),
    section("history", "Sign-in history", past.element),
    h("section", { class: "sheet", "aria-label": "Facts" }, facts(user)),
  );
  return { title: "Account", content };
}

const section = (id, title, content) =>
  h("section", { class: "sheet", "aria-labelledby": id }, h("h2", { id, class: "section-head" }, title), content);

function profileForm(user) {
  const name = field({ name: "name", label: "Name", optional: true, autocomplete: "name", maxlength: 200, value: user.name });
  const locale = field({
    name: "locale",
    label: "Language",
    optional: true,
    hint: "As a language tag, such as en-GB or de.",
    value: user.locale,
    list: "locales",
    autocomplete: "off",
    spellcheck: "false",
  });
  const timezone = field({
    name: "timezone",
    label: "Time zone",
    optional: true,
    hint: `This browser’s is ${ownTimezone()}.`,
    value: user.timezone,
    list: "timezones",
    autocomplete: "off",
    spellcheck: "false",
  });
  const button = h("button", { class: "button button-main", type: "submit" }, "Save");
  const saved = h("div", { role: "status" });
  const submit = async () => {
    fill(saved);
    const given = ({ input }) => input.value.trim() || null;
    const body = { name: given(name), locale: given(locale), timezone: given(timezone) };
    session.acceptProfile(await call("PATCH", "/api/auth/user", { body }));
    fill(saved, notice("good", "check", "Saved."));
  };
  return form({
    fields: [name, locale, timezone],
    button: h("div", {}, button),
    submit,
    after: [saved, options("locales", navigator.languages), options("timezones", Intl.supportedValuesOf("timeZone"))],
    pressed: button,
  });
}

const options = (id, values) => h("datalist", { id }, values.map((value) => h("option", { value })));
const ownTimezone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

function facts(user) {
  const rows = [
    ["Account since", h("time", { datetime: user.created_at }, moment(user.created_at))],
    ["Account id", h("code", {}, user.id)],
  ];
  return h("dl", { class: "facts" }, rows.map(([name, value]) => h("div", { class: "fact" }, h("dt", {}, name), h("dd", {}, value))));
}

function signOutButton() {
  const place = h("div", { role: "alert" });
  const button = h("button", { class: "button", type: "button" }, "Sign out");
  button.addEventListener("click", () =>
    busy(button, async () => {
      try {
        await session.signOut();
        router.go("/");
        announce("You are signed out.");
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        fill(place, notice("bad", "warning", error.message));
      }
    }),
  );
  return [button, place];
}
