/** The people who wait and those who are being seen. */

import type { QualityView } from "../call/frames";
import { t } from "../shared/i18n";
import { minutesSince } from "../shared/time";
import { Details, SpeaksFor, Times } from "./details";
import { figuresOf, gradeOf } from "./path-grade";
import type { LongAfter } from "./queue";
import { QueueTools, viewOf } from "./queue-tools";
import { arranged, waitOf } from "./queue-view";
import { type Act, Steps } from "./steps";
import type { Order, QueueEntry, StaffClinic } from "./types";

interface TableProps {
  readonly clinic: StaffClinic;
  readonly visits: readonly QueueEntry[];
  readonly order: Order;
  readonly longAfter: LongAfter;
  readonly now: number;
  /** The clinic's questions: name → label in the reader's language. */
  readonly labels: ReadonlyMap<string, string>;
  readonly act: Act;
}

export function QueueTable({ visits, ...rest }: TableProps) {
  const view = viewOf(rest.clinic);
  const shown = arranged(visits, view.value);
  if (visits.length === 0) {
    return (
      <p class="empty" data-testid="queue-empty">
        {t("queue-empty")}
      </p>
    );
  }
  return (
    <>
      <QueueTools view={view} shown={shown.length} all={visits.length} />
      <Table visits={shown} {...rest} />
    </>
  );
}

function Table({ visits, ...rest }: TableProps) {
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
          <Row key={entry.visit} entry={entry} {...rest} />
        ))}
      </tbody>
    </table>
  );
}

type RowProps = Omit<TableProps, "visits"> & { readonly entry: QueueEntry };

function Row({ clinic, entry, order, longAfter, now, labels, act }: RowProps) {
  const minutes = minutesSince(entry.arrived_at, now);
  const wait = waitOf(entry, longAfter, now);
  return (
    <tr
      class={`entry entry-${entry.state} wait-${wait}`}
      data-testid="queue-row"
      data-visit={entry.visit}
      data-state={entry.state}
      data-wait={wait}
    >
      <th scope="row">
        <bdi data-testid="queue-name">{entry.name}</bdi>
        <SpeaksFor entry={entry} />
      </th>
      <td data-label={t("queue-waiting")}>
        <span data-testid="queue-minutes" data-minutes={minutes}>
          {t("minutes", { minutes })}
        </span>
        {wait !== "short" && <span class={`state state-${wait}`}>{t(`wait-${wait}`)}</span>}
        <Times clinic={clinic} entry={entry} />
      </td>
      <td data-label={t("queue-state")}>
        <span class={`state state-${entry.state}`}>{t(`state-${entry.state}`)}</span>
        {entry.state === "waiting" && entry.noticed === false && (
          <span class="state state-new" data-testid="new">
            {t("state-new")}
          </span>
        )}
        {entry.confirmed && (
          <span class="state" data-testid="confirmed">
            {t("state-confirmed")}
          </span>
        )}
        {entry.state !== "waiting" && entry.called_by && (
          <span class="hint">
            {" "}
            <bdi>{entry.called_by_name}</bdi>
          </span>
        )}
        {entry.came_from && (
          <span class="hint"> {t("queue-came-from", { clinic: entry.came_from })}</span>
        )}
        {entry.quality && <PathGrade quality={entry.quality} />}
        {order === "Priority" && <Priority clinic={clinic} entry={entry} act={act} />}
        {!entry.connected && <span class="state state-away">{t("state-away")}</span>}
      </td>
      <td data-label={t("queue-details")}>
        <Details entry={entry} labels={labels} />
      </td>
      <td class="actions">
        <Steps clinic={clinic} entry={entry} act={act} labels={labels} />
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

const PRIORITIES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

function Priority({ clinic, entry, act }: Pick<RowProps, "clinic" | "entry" | "act">) {
  if (entry.state !== "waiting" || !clinic.may.includes("prioritise")) return null;
  return (
    <label class="priority">
      {t("queue-priority")}{" "}
      <select
        value={String(entry.priority)}
        data-testid="priority"
        aria-label={t("queue-priority-of", { name: entry.name })}
        onChange={(event) =>
          void act("priority", entry, { priority: Number(event.currentTarget.value) })
        }
      >
        {PRIORITIES.map((one) => (
          <option key={one} value={String(one)}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
}
