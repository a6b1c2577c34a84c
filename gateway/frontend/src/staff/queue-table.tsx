/** The people who wait and those who are being seen. */

import type { QualityView } from "../call/frames";
import { languageName, t } from "../shared/i18n";
import { minutesSince } from "../shared/time";
import { figuresOf, gradeOf } from "./path-grade";
import type { QueueEntry } from "./types";

/** What staff may do with a row. */
export type Action = "call-in" | "join" | "refuse" | "return" | "end";

interface TableProps {
  readonly visits: readonly QueueEntry[];
  readonly now: number;
  /** The clinic's questions: name → label in the reader's language. */
  readonly labels: ReadonlyMap<string, string>;
  readonly act: (action: Action, entry: QueueEntry) => Promise<void>;
}

export function QueueTable({ visits, now, labels, act }: TableProps) {
  if (visits.length === 0) {
    return (
      <p class="empty" data-testid="queue-empty">
        {t("queue-empty")}
      </p>
    );
  }
  return (
    <table class="queue" data-testid="queue">
      <thead>
        <tr>
          <th scope="col">{t("queue-name")}</th>
          <th scope="col">{t("queue-waiting")}</th>
          <th scope="col">{t("queue-state")}</th>
          <th scope="col">{t("queue-details")}</th>
          <th scope="col">{t("queue-actions")}</th>
        </tr>
      </thead>
      <tbody>
        {visits.map((entry) => (
          <Row key={entry.visit} entry={entry} now={now} labels={labels} act={act} />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  readonly entry: QueueEntry;
  readonly now: number;
  readonly labels: TableProps["labels"];
  readonly act: TableProps["act"];
}

function Row({ entry, now, labels, act }: RowProps) {
  const minutes = minutesSince(entry.arrived_at, now);
  return (
    <tr data-testid="queue-row" data-visit={entry.visit} data-state={entry.state}>
      <th scope="row">
        <bdi data-testid="queue-name">{entry.name}</bdi>
      </th>
      <td data-label={t("queue-waiting")}>
        <span data-testid="queue-minutes" data-minutes={minutes}>
          {t("minutes", { minutes })}
        </span>
      </td>
      <td data-label={t("queue-state")}>
        <span class={`state state-${entry.state}`}>{t(`state-${entry.state}`)}</span>
        {entry.state !== "waiting" && entry.called_by && (
          <span class="hint">
            {" "}
            <bdi>{entry.called_by}</bdi>
          </span>
        )}
        {entry.quality && <PathGrade quality={entry.quality} />}
        {!entry.connected && <span class="state state-away">{t("state-away")}</span>}
      </td>
      <td data-label={t("queue-details")}>
        <Details entry={entry} labels={labels} />
      </td>
      <td class="actions">
        <Buttons entry={entry} act={act} />
      </td>
    </tr>
  );
}

function PathGrade({ quality }: { readonly quality: QualityView }) {
  const grade = gradeOf(quality);
  return (
    <span class={`state state-path-${grade}`} title={figuresOf(quality)} data-testid="path-grade">
      {t(`path-${grade}`)}
    </span>
  );
}

function Details({ entry, labels }: Pick<RowProps, "entry" | "labels">) {
  return (
    <dl class="details">
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
      <div>
        <dt>{t("queue-language")}</dt>
        <dd>{languageName(entry.locale)}</dd>
      </div>
    </dl>
  );
}

type RowAction = Readonly<{ action: Action; quiet: boolean }>;

const ACTIONS: Readonly<Record<QueueEntry["state"], readonly RowAction[]>> = {
  waiting: [
    { action: "call-in", quiet: false },
    { action: "refuse", quiet: true },
  ],
  called: [
    { action: "join", quiet: false },
    { action: "return", quiet: true },
  ],
  in_consultation: [
    { action: "join", quiet: false },
    { action: "return", quiet: true },
    { action: "end", quiet: true },
  ],
};

function Buttons({ entry, act }: Pick<RowProps, "entry" | "act">) {
  return (
    <div class="row">
      {ACTIONS[entry.state].map(({ action, quiet }) => (
        <button
          key={action}
          type="button"
          class={quiet ? "quiet" : undefined}
          data-testid={action}
          aria-label={t(`action-${action}-named`, { name: entry.name })}
          onClick={() => void act(action, entry)}
        >
          {t(`action-${action}`)}
        </button>
      ))}
    </div>
  );
}
