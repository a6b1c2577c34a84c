/** What a row tells of a patient beside the name. */

import { languageName, locale, t } from "../shared/i18n";
import { clockOf } from "../shared/time";
import { deviceWords } from "./device-words";
import type { QueueEntry, StaffClinic } from "./types";

interface AnswersProps {
  readonly entry: QueueEntry;
  readonly labels: ReadonlyMap<string, string>;
}

export function Answers({ entry, labels }: AnswersProps) {
  return (
    <>
      {Object.entries(entry.fields).map(([field, value]) => (
        <div key={field}>
          <dt>
            <bdi>{labels.get(field) ?? field}</bdi>
          </dt>
          <dd>
            <bdi>{value}</bdi>
          </dd>
        </div>
      ))}
    </>
  );
}

export function Details({ entry, labels }: AnswersProps) {
  return (
    <dl class="details">
      <Answers entry={entry} labels={labels} />
      <div>
        <dt>{t("queue-language")}</dt>
        <dd data-testid="queue-language">{languageName(entry.locale)}</dd>
      </div>
      {entry.device && (
        <div>
          <dt>{t("queue-device")}</dt>
          <dd data-testid="queue-device">
            {deviceWords(entry.device).map(({ id, args, isTrouble }, number) => (
              <span key={id} class={isTrouble ? "trouble" : undefined}>
                {number > 0 && " · "}
                {isTrouble && <span aria-hidden="true">⚠ </span>}
                {t(id, args)}
              </span>
            ))}
          </dd>
        </div>
      )}
    </dl>
  );
}

/** Who speaks for the patient, if somebody does. */
export function SpeaksFor({ entry }: { readonly entry: QueueEntry }) {
  const { speaker } = entry;
  if (!speaker) return null;
  return (
    <p class="hint" data-testid="speaker">
      {t("queue-speaker", { name: speaker.name, role: t(`speaks-as-${speaker.role}`) })}
    </p>
  );
}

/** When somebody came, and when they were to come; by the clinic's own clock. */
export function Times({
  clinic,
  entry,
}: {
  readonly clinic: StaffClinic;
  readonly entry: QueueEntry;
}) {
  const clock = (at: string) => clockOf(at, locale(), clinic.time_zone);
  return (
    <>
      <span class="hint">{t("queue-arrived-at", { time: clock(entry.arrived_at) })}</span>
      {entry.appointment && (
        <span class="hint" data-testid="appointment">
          {t("queue-appointment", { time: clock(entry.appointment) })}
        </span>
      )}
    </>
  );
}
