/** The page's texts. One language is loaded, before anything is drawn. */

import { FluentBundle, FluentResource, type FluentVariable } from "@fluent/bundle";
import { direction, type Locale, negotiate, requested } from "./locale";

/** How each language of a page is loaded. */
export type Texts = Readonly<Record<Locale, () => Promise<{ default: string }>>>;

let bundle = new FluentBundle("en");
let current: Locale = "en";

/** Load the page's language and mark the document with it. */
export async function loadTexts(of: Texts): Promise<void> {
  const root = document.documentElement;
  current = negotiate(requested(location.search, root.lang, navigator.languages));
  const texts = await of[current]();
  bundle = new FluentBundle(current);
  bundle.addResource(new FluentResource(texts.default));
  root.lang = current;
  root.dir = direction(current);
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
