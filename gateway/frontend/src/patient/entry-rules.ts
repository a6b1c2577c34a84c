/** What can be said about an entry before the gateway sees it. Pure. */

import type { Entry, EntryField, FieldKind } from "./types";

export type Complaint = "required" | "invalid" | "too_long";

/** As the gateway judges them. */
export const MAX_NAME = 80;
export const MAX_ANSWER = 400;
const PHONE = /^\+?[0-9 ()/.-]{3,30}$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** Name what is wrong, by field; the name's own field is called `name`. */
export function complaints(
  entry: Entry,
  questions: readonly EntryField[],
  accepted = true,
): Record<string, Complaint> {
  const found: Record<string, Complaint> = {};
  const named = judge(entry.name, NAMED, MAX_NAME);
  if (named !== null) found.name = named;
  const speaker = entry.speaker === undefined ? null : judge(entry.speaker.name, NAMED, MAX_NAME);
  if (speaker !== null) found.speaker_name = speaker;
  if (!accepted) found.accepted_terms = "required";
  for (const question of questions) {
    const complaint = judge(entry.fields[question.name] ?? "", question, MAX_ANSWER);
    if (complaint !== null) found[key(question.name)] = complaint;
  }
  return found;
}

/** Fields of the clinic may be called `name` too; keep the two apart. */
export function key(field: string): string {
  return `fields.${field}`;
}

/** The gateway's reasons, put beside the fields they belong to. */
export function refusals(
  reasons: Readonly<Record<string, string>>,
  questions: readonly EntryField[],
): Record<string, Complaint> {
  const known = new Set(questions.map((question) => question.name));
  return Object.fromEntries(
    Object.entries(reasons).map(([field, reason]) => [
      known.has(field) ? key(field) : field,
      reason === "required" || reason === "too_long" ? reason : "invalid",
    ]),
  );
}

const NAMED: Rule = { kind: "Text", required: true, choices: [] };

type Rule = Pick<EntryField, "kind" | "required" | "choices">;

function judge(value: string, question: Rule, longest: number): Complaint | null {
  const given = value.trim();
  if (given === "") return question.required ? "required" : null;
  if (given.length > longest) return "too_long";
  return FITS[question.kind](given, question) ? null : "invalid";
}

const FITS: Readonly<Record<FieldKind, (given: string, question: Rule) => boolean>> = {
  Text: () => true,
  Consent: () => true,
  Phone: (given) => PHONE.test(given),
  Date: (given) => DATE.test(given),
  Choice: (given, question) => question.choices.includes(given),
};
