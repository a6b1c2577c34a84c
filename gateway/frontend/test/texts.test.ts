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

/** Sections that are loaded with what needs them (vite.config.ts), and who that is. */
const OWN: readonly (readonly [heading: string, asks: RegExp])[] = [
  ["Staff", /\/staff\//],
  ["The call", /\/call\//],
  ["A guest with a link", /\/guest\//],
  ["Waiting", /\/patient\/waiting/],
  ["The test before the call", /\/patient\/checks/],
];

test.each(AVAILABLE)(
  "%s has the same sections, and each text stands in the same one",
  (locale) => {
    expect(sections(locale)).toEqual(sections("en"));
  },
);

test.each(OWN)("what stands below “%s” is asked for by nobody else", (heading, asks) => {
  const own = new Set(sections("en").get(heading));
  const others = Object.entries(SOURCES)
    .filter(([path]) => !asks.test(path))
    .flatMap(([, code]) => [...code.matchAll(/\bt\(\s*"([^"]+)"/g)].map((m) => m[1] ?? ""));

  expect(own.size).toBeGreaterThan(10);
  expect(others.filter((id) => own.has(id))).toEqual([]);
});

/** Who draws with what is loaded for them: files, and the sections beside everybody's. */
const LOADED: readonly (readonly [files: RegExp, sections: readonly string[]])[] = [
  [/\/shared\//, []],
  [/\/patient\//, ["Waiting", "The test before the call"]],
  [/\/guest\//, ["A guest with a link"]],
  [/\/call\//, ["The call"]],
  [/\/staff\//, ["Staff"]],
];

test.each(LOADED)("%s has every text that it names or puts together", (files, own) => {
  const parts = sections("en");
  const foreign = new Set(
    OWN.filter(([heading]) => !own.includes(heading)).flatMap(([heading]) => [
      ...(parts.get(heading) ?? []),
    ]),
  );
  const loaded = [...ENGLISH.keys()].filter((id) => !foreign.has(id));
  const code = Object.entries(SOURCES)
    .filter(([path]) => files.test(path))
    .map(([, text]) => text)
    .join("\n");
  const named = [...code.matchAll(/"([a-z]+-[\w-]+)"/g)].map((m) => m[1] ?? "");
  const made = [...code.matchAll(/\bt\(\s*`([^`]+)`/g)].map((m) => m[1] ?? "");
  const fits = (made: string) => new RegExp(`^${made.replace(/\$\{[^}]+\}/g, "[\\w-]+")}$`);

  expect(named.filter((id) => foreign.has(id))).toEqual([]);
  expect(made.filter((text) => !loaded.some((id) => fits(text).test(id)))).toEqual([]);
});

/** Heading → its texts. */
function sections(locale: string): Map<string, string[]> {
  const parts = (TEXTS[`../src/locales/${locale}.ftl`] ?? "").split(/^## /m).slice(1);
  return new Map(
    parts.map((part) => [
      part.slice(0, part.indexOf("\n")),
      [...part.matchAll(/^([a-z][\w-]*) =/gm)].map((m) => m[1] ?? "").sort(),
    ]),
  );
}

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
