/** Every text exists in every language, with the same values in it. */

import { FluentBundle, FluentResource } from "@fluent/bundle";
import { expect, test } from "vitest";
import { AVAILABLE } from "../src/shared/locale";

const TEXTS: Record<string, string> = import.meta.glob("../src/locales/*.ftl", {
  query: "?raw",
  import: "default",
  eager: true,
});
const SOURCES: Record<string, string> = import.meta.glob("../src/**/*.{ts,tsx}", {
  query: "?raw",
  import: "default",
  eager: true,
});

function messages(locale: string, until?: string): Map<string, string> {
  const whole = TEXTS[`../src/locales/${locale}.ftl`] ?? "";
  const text = until === undefined ? whole : (whole.split(until)[0] ?? "");
  return new Map(
    [...text.matchAll(/^([a-z][\w-]*) =((?:.*)(?:\n[ \t}].*)*)/gm)].map((m) => [
      m[1] ?? "",
      m[2] ?? "",
    ]),
  );
}

function values(text: string | undefined): string[] {
  return [...new Set([...(text ?? "").matchAll(/\$(\w+)/g)].map((m) => m[1] ?? ""))].sort();
}

const ENGLISH = messages("en");

test.each(AVAILABLE)("%s has every text, with the same values", (locale) => {
  const translated = messages(locale);

  expect([...translated.keys()].sort()).toEqual([...ENGLISH.keys()].sort());
  for (const [id, text] of ENGLISH) {
    expect([id, values(translated.get(id))]).toEqual([id, values(text)]);
  }
});

test("every file has a language and every language a file", () => {
  expect(Object.keys(TEXTS).sort()).toEqual(
    AVAILABLE.map((one) => `../src/locales/${one}.ftl`).sort(),
  );
});

test("every text that a page asks for exists", () => {
  const asked = Object.values(SOURCES).flatMap((code) =>
    [...code.matchAll(/\bt\(\s*"([^"]+)"/g)].map((m) => m[1]),
  );

  expect(asked.length).toBeGreaterThan(50);
  expect(asked.filter((id) => !ENGLISH.has(id ?? ""))).toEqual([]);
});

test("no page of patients asks for a text that only staff are sent", () => {
  const ofStaff = messages("en");
  for (const id of messages("en", "\n## Staff\n").keys()) ofStaff.delete(id);
  const asked = Object.entries(SOURCES)
    .filter(([path]) => !path.includes("/staff/"))
    .flatMap(([, code]) => [...code.matchAll(/\bt\(\s*["`]([^"`$]+)/g)].map((m) => m[1] ?? ""));

  expect(ofStaff.size).toBeGreaterThan(50);
  expect(asked.filter((id) => ofStaff.has(id))).toEqual([]);
});

function say(locale: string, id: string, args: Record<string, number>): string {
  const bundle = new FluentBundle(locale, { useIsolating: false });
  bundle.addResource(new FluentResource(TEXTS[`../src/locales/${locale}.ftl`] ?? ""));
  const pattern = bundle.getMessage(id)?.value;
  return pattern ? bundle.formatPattern(pattern, args) : "";
}

test("English minutes are singular and plural", () => {
  expect([0, 1, 2].map((minutes) => say("en", "minutes", { minutes }))).toEqual([
    "just now",
    "1 minute",
    "2 minutes",
  ]);
});

test("Arabic minutes have all their forms", () => {
  const forms = [0, 1, 2, 3, 11, 100].map((minutes) =>
    say("ar", "minutes", { minutes }).replace(/[\d٠-٩]+ ?/g, ""),
  );

  expect(forms).toEqual(["الآن", "دقيقة واحدة", "دقيقتان", "دقائق", "دقيقة", "دقيقة"]);
});
