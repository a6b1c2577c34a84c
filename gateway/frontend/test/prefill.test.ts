/** A clinic's link fills in what it may, and nothing else. */

import { expect, test } from "vitest";
import { initialAnswer, readPrefill } from "../src/patient/prefill";

const NOON = Date.parse("2026-11-28T12:00:00Z");

test("a link fills in name, answers, who speaks and the appointment", () => {
  const hash =
    "#name=Ada%20Novak&fields.reason=A+cough&appointment=2026-11-28T10:30Z&speaker=Mia&speaksAs=interpreter";

  expect(readPrefill(hash, NOON)).toEqual({
    name: "Ada Novak",
    fields: { reason: "A cough" },
    appointment: "2026-11-28T10:30Z",
    speaker: { name: "Mia", role: "interpreter" },
  });
});

test("what is no word of ours is passed over", () => {
  const hash = "#name=Ada&accepted_terms=true&locale=ar&fields.__proto__=x&fields.A=x&on_hold=1";

  expect(readPrefill(hash, NOON)).toEqual({ name: "Ada", fields: {}, appointment: "" });
  expect(readPrefill("", NOON)).toBeNull();
  expect(readPrefill("#top", NOON)).toBeNull();
});

test("a link is as long as a form takes, and no longer", () => {
  const many = Array.from({ length: 30 }, (_, n) => `fields.f${n}=${"y".repeat(500)}`).join("&");
  const said = readPrefill(`#name=${"x".repeat(500)}&${many}`, NOON);

  expect(said?.name.length).toBe(80);
  expect(Object.keys(said?.fields ?? {}).length).toBe(20);
  expect(Object.values(said?.fields ?? {}).map((text) => text.length)).toEqual(
    Array(20).fill(400),
  );
});

test.each([
  ["2026-11-28T10:30Z", "2026-11-28T10:30Z"],
  ["2026-11-28T21:30+11:00", "2026-11-28T21:30+11:00"],
  ["2026-11-28T21:30%2B11:00", "2026-11-28T21:30+11:00"],
  ["2026-11-26T10:30Z", ""],
  ["2027-11-28T10:30Z", ""],
  ["2026-11-28T10:30", ""],
  ["10:30", ""],
  ["2026-99-28T10:30Z", ""],
  ["javascript:alert(1)", ""],
])("an appointment is a moment of today: %s", (told, kept) => {
  expect(readPrefill(`#name=A&appointment=${told}`, NOON)?.appointment).toBe(kept);
});

test("who speaks is a relative unless the link says otherwise in our words", () => {
  expect(readPrefill("#speaker=Mia&speaksAs=boss", NOON)?.speaker).toEqual({
    name: "Mia",
    role: "relative",
  });
});

test("a link fills in no consent, and a choice only where there is one", () => {
  const prefill = { name: "", fields: { yes: "true", colour: "green", free: "x" } };
  const choice = { name: "colour", kind: "Choice", choices: ["red"] } as const;

  expect(initialAnswer(null, prefill, { name: "yes", kind: "Consent", choices: [] })).toBe("");
  expect(initialAnswer(null, prefill, choice)).toBe("");
  expect(initialAnswer(null, prefill, { ...choice, choices: ["green"] })).toBe("green");
  expect(initialAnswer(null, prefill, { name: "free", kind: "Text", choices: [] })).toBe("x");
});

test("what the person typed counts before what the link says", () => {
  const typed = { name: "", fields: { free: "mine" } };
  const prefill = { name: "", fields: { free: "theirs" } };

  expect(initialAnswer(typed, prefill, { name: "free", kind: "Text", choices: [] })).toBe("mine");
});
