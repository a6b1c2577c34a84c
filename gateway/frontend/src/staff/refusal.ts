/** Why something could not be done with a visit, for its staff. */

import { ApiError } from "../shared/http";
import { t } from "../shared/i18n";

const TEXTS: Readonly<Record<string, string>> = {
  full: "refusal-full",
  confirm_first: "refusal-confirm-first",
  too_fast: "refusal-too-fast",
  unknown_text: "refusal-choose-again",
  unknown_clinic: "refusal-choose-again",
  not_open: "refusal-not-open",
  unknown_colleague: "refusal-choose-again",
  not_running: "refusal-not-running",
  locked: "refusal-locked",
  too_many: "refusal-too-many-links",
  too_long: "fault-too_long",
};

export function refusal(error: unknown, entry?: { readonly name: string }): string {
  if (!(error instanceof ApiError)) return t("refusal-one-moment");
  const { code, status, by } = error;
  const name = entry?.name ?? "";
  const text = TEXTS[code];
  if (text !== undefined) return t(text, { name });
  if (code === "taken" || (status === 404 && by !== null))
    return t("refusal-taken", { name, by: by || t("somebody") });
  return t(status === 404 ? "refusal-gone" : "refusal-one-moment", { name });
}
