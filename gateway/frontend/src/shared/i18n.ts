/** The page's texts. One language is loaded, before anything is drawn. */

import { FluentBundle, FluentResource, type FluentVariable } from "@fluent/bundle";
import { direction, type Locale, negotiate, requested } from "./locale";

/** Where the texts of each language are. */
export type Loaders = Readonly<Record<Locale, () => Promise<{ default: string }>>>;

const EVERYBODY: Loaders = {
  en: () => import("../locales/en.ftl?everybody"),
  ar: () => import("../locales/ar.ftl?everybody"),
};

let bundle = new FluentBundle("en");
let current: Locale = "en";

/** Load the page's language and mark the document with it; `more` are texts that not every page needs. */
export async function loadTexts(...more: readonly Loaders[]): Promise<void> {
  const root = document.documentElement;
  current = negotiate(requested(location.search, root.lang, navigator.languages));
  const parts = await Promise.all([EVERYBODY, ...more].map((loaders) => loaders[current]()));
  bundle = new FluentBundle(current);
  for (const part of parts) bundle.addResource(new FluentResource(part.default));
  root.lang = current;
  root.dir = direction(current);
}

/** Add texts that only some part of the page needs; drawn once they are there. */
export async function addTexts(loaders: Loaders): Promise<void> {
  const texts = await loaders[current]();
  bundle.addResource(new FluentResource(texts.default));
}

export function locale(): Locale {
  return current;
}

/** A language's name in the page's language. */
export function languageName(tag: string): string {
  try {
    return new Intl.DisplayNames(current, { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/** Give the text of a message; inserted values are isolated from the text's direction. */
export function t(id: string, args?: Record<string, FluentVariable>): string {
  const message = bundle.getMessage(id);
  if (!message?.value) return id;
  return bundle.formatPattern(message.value, args, []);
}
