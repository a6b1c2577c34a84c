/** Errors stand beside the field they are about. */

import { expect, test } from "vitest";
import { complaints, refusals } from "../src/patient/entry-rules";
import type { EntryField, FieldKind } from "../src/patient/types";

function question(name: string, kind: FieldKind, required = false): EntryField {
  return { name, label: name, kind, required, choices: kind === "Choice" ? ["red", "blue"] : [] };
}

const QUESTIONS = [
  question("phone", "Phone", true),
  question("born", "Date"),
  question("colour", "Choice"),
  question("consent", "Consent", true),
  question("name", "Text"),
];

test("a good entry has no complaints", () => {
  const fields = { phone: "+44 (0)20 7946", born: "1970-01-31", colour: "red", consent: "yes" };

  expect(complaints({ name: "Ada", fields }, QUESTIONS)).toEqual({});
});

test("what is missing and what is wrong is told apart", () => {
  const fields = { phone: "call me", born: "31.1.1970", colour: "green", name: "x".repeat(401) };

  expect(complaints({ name: " ", fields }, QUESTIONS)).toEqual({
    name: "required",
    "fields.phone": "invalid",
    "fields.born": "invalid",
    "fields.colour": "invalid",
    "fields.consent": "required",
    "fields.name": "too_long",
  });
  expect(complaints({ name: "x".repeat(81), fields: {} }, [])).toEqual({ name: "too_long" });
});

test("the gateway's reasons find their fields", () => {
  expect(refusals({ name: "required", phone: "not_a_phone" }, QUESTIONS.slice(0, 1))).toEqual({
    name: "required",
    "fields.phone": "invalid",
  });
});
