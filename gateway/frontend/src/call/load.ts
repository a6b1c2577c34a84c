/** Fetches the call's code and its texts, which no page needs before there is a call. */

import { addTexts, type Loaders } from "../shared/i18n";
import { lazy } from "../shared/lazy";
import type { CallViewProps } from "./view";

const TEXTS: Loaders = {
  en: () => import("../locales/en.ftl?call"),
  ar: () => import("../locales/ar.ftl?call"),
};

export async function loadCall(): Promise<typeof import("./view")> {
  const [view] = await Promise.all([import("./view"), addTexts(TEXTS)]);
  return view;
}

/** The call, once its code is there. */
export const LazyCall = lazy<CallViewProps>(async () => (await loadCall()).CallView);
