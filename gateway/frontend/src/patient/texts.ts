/** The texts of the patient's page: not those of staff, which are as long again. */

import type { Texts } from "../shared/i18n";

export const TEXTS: Texts = {
  en: () => import("../locales/en.ftl?patient&raw"),
  ar: () => import("../locales/ar.ftl?patient&raw"),
};
