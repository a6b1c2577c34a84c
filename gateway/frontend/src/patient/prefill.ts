/**
 * What a clinic's link fills in: it stands in the address behind the `#`, which no server is ever sent.
 *
 * `#name=Ada&appointment=2026-11-28T10:30Z&speaker=Mia&speaksAs=relative&fields.reason=Cough`. The person still
 * reads and confirms it; terms and consents are never filled in. Pure, but for the last function.
 */

import { MAX_ANSWER, MAX_NAME } from "./entry-rules";
import { keep, kept, lose } from "./memory";
import { type Entry, type EntryField, SPEAKS_AS } from "./types";

const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})$/;
const FIELD = /^fields\.[a-z][a-zA-Z0-9]{0,39}$/;
const PREFIX = "prefill.";
const MAX_FIELDS = 20;
/** As the gateway judges it: who comes by an old link has no appointment. */
const WITHIN_MS = 86_400_000;

/** Read what a link says; null when it says nothing that is known. */
export function readPrefill(hash: string, nowMs: number): Entry | null {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const name = text(said.get("name"), MAX_NAME);
  const fields = Object.fromEntries(
    [...said]
      .filter(([field]) => FIELD.test(field))
      .slice(0, MAX_FIELDS)
      .map(([field, value]) => [field.slice("fields.".length), text(value, MAX_ANSWER)]),
  );
  const appointment = moment(said.get("appointment"), nowMs);
  const role = SPEAKS_AS.find((one) => one === said.get("speaksAs"));
  const speaker = text(said.get("speaker"), MAX_NAME);
  if (name === "" && appointment === "" && speaker === "" && Object.keys(fields).length === 0)
    return null;
  const entry: Entry = { name, fields, appointment };
  return speaker === ""
    ? entry
    : { ...entry, speaker: { name: speaker, role: role ?? "relative" } };
}

/** What may stand in the form before the person has typed anything. */
export function initialAnswer(
  entry: Entry | null,
  prefill: Entry | null,
  question: Pick<EntryField, "name" | "kind" | "choices">,
): string {
  const typed = entry?.fields[question.name];
  if (typed !== undefined) return typed;
  if (question.kind === "Consent") return "";
  const filled = prefill?.fields[question.name] ?? "";
  return question.kind === "Choice" && !question.choices.includes(filled) ? "" : filled;
}

function text(value: string | null, longest: number): string {
  return (value ?? "").trim().slice(0, longest);
}

function moment(value: string | null, nowMs: number): string {
  // A plus that was not escaped reads as a space.
  const at = (value ?? "").replace(" ", "+");
  return MOMENT.test(at) && Math.abs(Date.parse(at) - nowMs) <= WITHIN_MS ? at : "";
}

/** Take the link's words out of the address, so that nobody reads them over a shoulder or in the history. */
export function takePrefill(clinic: string): Entry | null {
  const said = readPrefill(location.hash, Date.now());
  if (location.hash !== "") history.replaceState(null, "", location.pathname + location.search);
  if (said === null) return kept(PREFIX + clinic);
  keep(PREFIX + clinic, said);
  return said;
}

export function losePrefill(clinic: string): void {
  lose(PREFIX + clinic);
}
