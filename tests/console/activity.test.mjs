import assert from "node:assert/strict";
import { test } from "node:test";

// Before the first date is made: a zone whose clocks change within the weeks below.
process.env.TZ = "Europe/Berlin";

const { byPlace, calendar, dayOf, places } = await import("../../src/chronicle/console/static/js/activity.mjs");
const { told } = await import("../../src/chronicle/console/static/js/happenings.mjs");

const event = (time, outcome, device = "Firefox on Linux", ip = "192.0.2.1") => ({ time, outcome, device, ip });

test("the calendar has whole weeks from Monday, each day once, also where the clocks change", () => {
  const weeks = calendar([], 6, new Date("2026-11-04T12:00:00Z"));
  assert.equal(weeks.length, 6);
  const days = weeks.flat().filter(Boolean).map(({ day }) => day);
  assert.equal(days[0], "2026-09-28");
  assert.equal(days.at(-1), "2026-11-04");
  assert.equal(new Set(days).size, days.length);
  assert.ok(days.includes("2026-10-25"));
  assert.deepEqual(weeks.at(-1).slice(3), [null, null, null, null]);
});

test("on a Sunday the last week is full", () => {
  const weeks = calendar([], 1, new Date("2026-11-08T12:00:00Z"));
  assert.equal(weeks[0][6].day, "2026-11-08");
});

test("sign-ins are counted on the reader's day, granted and refused apart", () => {
  const events = [event("2026-11-03T23:30:00Z", "granted"), event("2026-11-03T22:30:00Z", "refused"), event("2026-11-03T12:00:00Z", "granted")];
  assert.equal(dayOf(events[0].time), "2026-11-04");
  const days = calendar(events, 1, new Date("2026-11-04T12:00:00Z"))[0];
  assert.deepEqual([days[1].granted, days[1].refused, days[2].granted, days[2].refused], [1, 1, 1, 0]);
});

test("a device at two addresses is two places, the latest first", () => {
  const events = [event("2026-11-03T12:00:00Z", "granted"), event("2026-11-02T12:00:00Z", "refused", "curl"), event("2026-11-01T12:00:00Z", "granted"), event("2026-10-01T12:00:00Z", "granted", "Firefox on Linux", "192.0.2.2")];
  assert.deepEqual(
    places(events).map(({ device, ip, granted, refused, last }) => [device, ip, granted, refused, last]),
    [
      ["Firefox on Linux", "192.0.2.1", 2, 0, "2026-11-03T12:00:00Z"],
      ["curl", "192.0.2.1", 0, 1, "2026-11-02T12:00:00Z"],
      ["Firefox on Linux", "192.0.2.2", 1, 0, "2026-10-01T12:00:00Z"],
    ],
  );
});

test("places are counted, the most first; those that are not known are one, and no place at all is none", () => {
  const at = (place, time, outcome = "granted") => ({ ...event(time, outcome), place });
  const events = [at(null, "2026-11-05T12:00:00Z"), at("Lyon, France", "2026-11-04T12:00:00Z", "refused"), at("Tokyo, Japan", "2026-11-03T12:00:00Z"), at("Lyon, France", "2026-11-02T12:00:00Z")];
  assert.deepEqual(byPlace(events), [
    { place: "Lyon, France", granted: 1, refused: 1, last: "2026-11-04T12:00:00Z" },
    { place: null, granted: 1, refused: 0, last: "2026-11-05T12:00:00Z" },
    { place: "Tokyo, Japan", granted: 1, refused: 0, last: "2026-11-03T12:00:00Z" },
  ]);
  assert.deepEqual(byPlace([at(null, "2026-11-05T12:00:00Z")]), []);
});

test("every kind of event has its words, and one that is new still says what it is", () => {
  const words = (kind, method, outcome, reason = null) => told({ kind, method, outcome, reason });
  assert.equal(words("sign_in", "otp", "granted").title, "Signed in with a mailed code");
  assert.equal(words("sign_in", "pwd", "refused", "locked").words, "Sign-in was paused, after many wrong passwords.");
  assert.equal(words("password_change", "reset", "granted").title, "Password set anew, by mail");
  assert.equal(words("session_replayed", "refresh", "refused").title, "Session ended for safety");
  assert.equal(words("reported", "mail", "granted").title, "You reported a stranger");
  assert.equal(words("reported", "undo", "granted").title, "You brought your address back");
  assert.equal(words("email_change", "otp", "granted").title, "E-mail address changed");
  assert.equal(words("email_verified", "otp", "granted").title, "E-mail address confirmed");
  assert.deepEqual(words("moon_landing", "mail", "refused", "too_late"), { title: "Moon landing: refused", words: "Reason: too late.", good: false });
});
