/** The texts of the pages of patients and guests: not those of staff, which are as long again. */

import type { Texts } from "./i18n";

export const TEXTS: Texts = {
  en: () => import("../locales/en.ftl?patient&raw"),
  ar: () => import("../locales/ar.ftl?patient&raw"),
};
