/** What the clinic wrote to this patient. */

import { locale, t } from "../shared/i18n";
import { clockOf } from "../shared/time";
import { Notice } from "../shared/ui";
import type { Message } from "./types";

export function FromTheClinic({ message }: { readonly message: Message | null | undefined }) {
  return (
    <div role="status" aria-live="polite">
      {message && (
        <Notice tone="attention" testid="message">
          <p dir="auto">{message.text}</p>
          <p class="hint">{t("message-from", { time: clockOf(message.at, locale()) })}</p>
        </Notice>
      )}
    </div>
  );
}
