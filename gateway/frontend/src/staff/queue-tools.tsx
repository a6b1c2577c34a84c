/** Search, part and order of a queue, as this person looks at it. */

import { type Signal, signal } from "@preact/signals";
import { t } from "../shared/i18n";
import { FILTERS, type QueueView, SORTS, WHOLE } from "./queue-view";
import type { StaffClinic } from "./types";

/** Kept per clinic as long as this tab is open, and nowhere else: what is searched for may be a name. */
const views = new Map<string, Signal<QueueView>>();

export function viewOf(clinic: StaffClinic): Signal<QueueView> {
  const key = `${clinic.namespace}/${clinic.name}`;
  const known = views.get(key) ?? signal(WHOLE);
  views.set(key, known);
  return known;
}

interface Props {
  readonly view: Signal<QueueView>;
  readonly shown: number;
  readonly all: number;
}

export function QueueTools({ view, shown, all }: Props) {
  const set = (change: Partial<QueueView>) => {
    view.value = { ...view.value, ...change };
  };
  return (
    <div class="queue-tools">
      <label>
        {t("queue-search")}
        <input
          type="search"
          dir="auto"
          autoComplete="off"
          value={view.value.search}
          data-testid="queue-search"
          onInput={(event) => set({ search: event.currentTarget.value })}
        />
      </label>
      <label>
        {t("queue-filter")}
        <select
          value={view.value.filter}
          data-testid="queue-filter"
          onChange={(event) => set({ filter: chosen(FILTERS, event.currentTarget.value) })}
        >
          {FILTERS.map((one) => (
            <option key={one} value={one}>
              {t(`queue-filter-${one}`)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("queue-sort")}
        <select
          value={view.value.sort}
          data-testid="queue-sort"
          onChange={(event) => set({ sort: chosen(SORTS, event.currentTarget.value) })}
        >
          {SORTS.map((one) => (
            <option key={one} value={one}>
              {t(`queue-sort-${one}`)}
            </option>
          ))}
        </select>
      </label>
      {shown < all && (
        <p class="hint" role="status" data-testid="queue-part">
          {t("queue-part", { shown, all })}{" "}
          <button
            type="button"
            class="quiet"
            data-testid="queue-whole"
            onClick={() => set({ search: "", filter: "all" })}
          >
            {t("queue-whole")}
          </button>
        </p>
      )}
    </div>
  );
}

function chosen<T extends string>(all: readonly T[], value: string): T {
  const [first] = all;
  const found = all.find((one) => one === value) ?? first;
  if (found === undefined) throw new Error("there is nothing to choose from");
  return found;
}
