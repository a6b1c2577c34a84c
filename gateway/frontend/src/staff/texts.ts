/** The texts of the staff pages. */

import type { Texts } from "../shared/i18n";

export const TEXTS: Texts = {
  en: () => import("../locales/en.ftl?raw"),
  ar: () => import("../locales/ar.ftl?raw"),
};
