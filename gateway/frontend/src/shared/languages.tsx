/** The clinic's other languages, each by its own name. */

import { locale, t } from "./i18n";
import { AVAILABLE, direction, type Locale, NATIVE_NAMES } from "./locale";

export function Languages({ locales }: { readonly locales: readonly string[] }) {
  const offered = AVAILABLE.filter((one) => locales.length === 0 || speaks(locales, one));
  if (offered.length < 2) return null;
  return (
    <nav class="languages" aria-label={t("languages")}>
      {offered.map((one) => (
        <a
          key={one}
          href={address(one)}
          lang={one}
          dir={direction(one)}
          aria-current={one === locale() ? "true" : undefined}
        >
          {NATIVE_NAMES[one]}
        </a>
      ))}
    </nav>
  );
}

function speaks(locales: readonly string[], one: Locale): boolean {
  return locales.some((tag) => tag.toLowerCase().split("-")[0] === one);
}

function address(one: Locale): string {
  const search = new URLSearchParams(location.search);
  search.set("locale", one);
  return `?${search.toString()}`;
}
