import assert from "node:assert/strict";
import { test } from "node:test";

import { characters, findIn, shown } from "../../src/chronicle/console/static/js/codes.mjs";
import { ago, bytes, clock, duration, shortened } from "../../src/chronicle/console/static/js/format.mjs";
import { codePoints, judge } from "../../src/chronicle/console/static/js/passwords.mjs";

test("a code is read in any case, with or without its dash, with the letters that people mistake", () => {
  for (const typed of ["7K3M-Q9TD", "7k3mq9td", " 7k3m q9td ", "7K3M–Q9TD"]) assert.equal(shown(typed), "7K3M-Q9TD");
  assert.equal(characters("oOiIlL"), "001111");
});

test("a code is shown with its dash as far as it is typed, and no further than eight characters", () => {
  assert.equal(shown("7k3m"), "7K3M");
  assert.equal(shown("7k3mq"), "7K3M-Q");
  assert.equal(shown("7k3mq9td99"), "7K3M-Q9TD");
});

test("the code is found in a mail, and nothing else is taken for one", () => {
  assert.equal(findIn("Hello,\n\n    7K3M-Q9TD\n\nGood for ten minutes."), "7K3M-Q9TD");
  assert.equal(findIn("Order AB12-CD34-EF56\nof 2026-1123"), null);
  assert.equal(findIn("no code in here"), null);
});

test("a password's length counts code points after composition", () => {
  assert.equal(codePoints("🙂🙂"), 2);
  assert.equal(codePoints("e\u0301"), 1);
  assert.equal(judge("a".repeat(14)).fits, false);
  assert.equal(judge("a".repeat(15)).fits, true);
  assert.equal(judge("🙂".repeat(256)).fits, true);
  assert.equal(judge("🙂".repeat(257)).fits, false);
});

test("a password that guessers try first is called easy, and why", () => {
  const reasons = {
    aaaaaaaaaaaaaaa: "it repeats itself",
    "Pa$$w0rdPa$$w0rd": "it repeats itself",
    abcdefghijklmno: "it counts, or follows the alphabet",
    qwertyuiopasdfghjkl: "it runs along the keys",
    "1qaz2wsx3edc4rfv": "it runs along the keys",
    letmeinplease12: "it holds what many people use",
    "P@ssword12345678": "it holds what many people use",
    "Ada.Lovelace@example.org": "it holds your name, your address",
    "4d4 L0v3lace 1815": "it holds your name, your address",
    "Chronicle 2026 !": "it holds your name, your address or this site’s name",
  };
  for (const [password, reason] of Object.entries(reasons)) {
    const { fits, words, level } = judge(password, ["ada.lovelace@example.org", "Ada King"]);
    assert.ok(fits && level < 2 && words.includes(`asy to guess: ${reason}`), `${password}: ${words}`);
  }
});

test("a password that nobody would guess is called good or strong", () => {
  for (const password of ["seven lamps over a quiet harbour", "xK9#mQ2$vL5nR8w", "tkzq wvmb rnpl dhgs", "сегодня в саду тихо", "昨日の夜に港で七つの灯りを見ました"]) {
    const { words, level } = judge(password);
    assert.ok(level >= 2 && /(Good|Strong)\.$/.test(words), `${password}: ${words}`);
  }
});

test("no password is judged before it is long enough", () => {
  assert.deepEqual(judge("aaaaaaaaaaaa"), { fits: false, words: "3 characters to go, of at least 15.", level: null });
});

test("sizes have three digits and the right unit, also at the edges", () => {
  assert.equal(bytes(0), "0 B");
  assert.equal(bytes(999), "999 B");
  assert.equal(bytes(1000), "1.00 kB");
  assert.equal(bytes(999_499), "999 kB");
  assert.equal(bytes(999_500), "1.00 MB");
  assert.equal(bytes(5_368_709_120), "5.37 GB");
});

test("times are told as people tell them", () => {
  const now = Date.parse("2026-11-23T12:00:00Z");
  assert.equal(ago("2026-11-23T11:59:50Z", now), "just now");
  assert.equal(ago("2026-11-23T11:58:00Z", now), "2 minutes ago");
  assert.equal(ago("2026-11-23T09:00:00Z", now), "3 hours ago");
  assert.equal(clock(59.2), "1:00");
  assert.equal(clock(-3), "0:00");
  assert.equal(duration(3725), "1 h 2 min");
});

test("long text keeps its two ends, short text stays whole", () => {
  assert.equal(shortened("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"), "bafkreihdw…quvyku");
  assert.equal(shortened("short"), "short");
});
