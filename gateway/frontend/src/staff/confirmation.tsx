/** Before somebody is called in: is this whom you want to call? */

import { t } from "../shared/i18n";
import { Answers, SpeaksFor } from "./details";
import type { QueueEntry } from "./types";

interface Props {
  readonly entry: QueueEntry;
  readonly labels: ReadonlyMap<string, string>;
  readonly confirm: () => void;
  readonly cancel: () => void;
}

export function Confirmation({ entry, labels, confirm, cancel }: Props) {
  return (
    <section class="notice notice-attention" aria-label={t("confirm-title")} data-testid="confirm">
      <p>
        <strong>
          <bdi>{entry.name}</bdi>
        </strong>
      </p>
      <SpeaksFor entry={entry} />
      <dl class="details">
        <Answers entry={entry} labels={labels} />
      </dl>
      <p>{t("confirm-hint")}</p>
      <div class="row">
        <button type="button" data-testid="confirm-yes" onClick={confirm}>
          {t("confirm-yes")}
        </button>
        <button type="button" class="quiet" onClick={cancel}>
          {t("cancel")}
        </button>
      </div>
    </section>
  );
}
