/** Reports as the gateway tells them: which to ask for, and what a distribution says in a word. Pure. */

export type By = "day" | "month" | "range";

export interface Wanted {
  readonly from: string;
  readonly to: string;
  readonly clinic: string;
  readonly by: By;
}

/** A row by its columns (docs/http.md); null is withheld. */
export type ReportRow = Readonly<Record<string, string | number | null>>;

export interface Report {
  readonly from: string;
  readonly to: string;
  readonly bounds_s: readonly number[];
  /** Distributions of fewer are withheld. */
  readonly least: number;
  readonly clinics: readonly string[];
  readonly rows: readonly ReportRow[];
}

export const COUNTS = [
  "entered",
  "transferred_here",
  "consulted",
  "unseen",
  "refused",
  "left",
  "vanished",
  "transferred",
] as const;

export function reportPath(namespace: string, wanted: Wanted, format: "json" | "csv"): string {
  const query = new URLSearchParams({ by: wanted.by, format });
  for (const name of ["from", "to", "clinic"] as const)
    if (wanted[name] !== "") query.set(name, wanted[name]);
  return `/api/staff/${namespace}/reports?${query}`;
}

/**
 * Within how many minutes a share of a distribution lies: the upper bound of the bucket that holds it.
 *
 * @returns null when there is nothing or it is withheld; Infinity beyond the last bound.
 */
export function within(
  row: ReportRow,
  spread: string,
  share: number,
  bounds: readonly number[],
): number | null {
  const names = bounds.map((bound) => `${spread}_to_${bound}_s`);
  const numbers = [...names, `${spread}_over_${bounds.at(-1)}_s`].map((name) => row[name]);
  const total = numbers.reduce<number>((sum, one) => sum + (typeof one === "number" ? one : 0), 0);
  if (total === 0) return null;
  let seen = 0;
  for (const [index, number] of numbers.entries()) {
    seen += Number(number);
    if (seen >= total * share) return (bounds[index] ?? Number.POSITIVE_INFINITY) / 60;
  }
  return null;
}

/** Whether a row's distribution was withheld because it is of few. */
export function isWithheld(row: ReportRow, spread: string, bounds: readonly number[]): boolean {
  return row[`${spread}_to_${bounds[0]}_s`] === null;
}
