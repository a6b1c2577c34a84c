/** Which language a page speaks. */

import { negotiateLanguages } from "@fluent/langneg";

export const AVAILABLE = ["en", "ar"] as const;
export type Locale = (typeof AVAILABLE)[number];

const RIGHT_TO_LEFT: ReadonlySet<string> = new Set(["ar", "fa", "ur", "prs", "he"]);

/** The languages' own names, for the language links. */
export const NATIVE_NAMES: Readonly<Record<Locale, string>> = { en: "English", ar: "العربية" };

/** Choose the best language there is; English when none fits. */
export function negotiate(requested: readonly string[]): Locale {
  const [best] = negotiateLanguages(requested, AVAILABLE, {
    defaultLocale: "en",
    strategy: "lookup",
  });
  return AVAILABLE.find((locale) => locale === best) ?? "en";
}

export function direction(locale: string): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.has(locale.split("-")[0] ?? locale) ? "rtl" : "ltr";
}

/**
 * List the languages to consider, best first.
 *
 * @param search The page's query string: `?locale=` wins.
 * @param documentLanguage What the gateway wrote into `<html lang>`, possibly an unreplaced marker.
 */
export function requested(
  search: string,
  documentLanguage: string,
  browser: readonly string[],
): string[] {
  const chosen = new URLSearchParams(search).get("locale");
  const written = documentLanguage.includes("%") ? "" : documentLanguage;
  return [chosen ?? "", written, ...browser].filter((tag) => tag !== "");
}
