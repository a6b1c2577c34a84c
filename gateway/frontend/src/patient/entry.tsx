/** The door of an open clinic: who are you? */

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { ApiError } from "../shared/http";
import { locale, t } from "../shared/i18n";
import { delayMs } from "../shared/reconnect";
import { clockOf } from "../shared/time";
import { announce, Notice, Page, Phone } from "../shared/ui";
import { complaints, key, refusals } from "./entry-rules";
import { type Complaints, Question, TERMS, Terms, Who } from "./fields";
import { initialAnswer } from "./prefill";
import type { Props } from "./props";
import { type Entry, type EntryField, SPEAKS_AS, type Speaker } from "./types";

export function Entrance(props: Props) {
  const read = useSignal(false);
  const clinic = props.visit.clinic.value;
  if (!clinic?.information || clinic.visit || read.value) return <Form {...props} />;
  return (
    <Page title={<bdi>{clinic.display_name}</bdi>} testid="information">
      <p class="own-text" dir="auto">
        {clinic.information}
      </p>
      <button
        type="button"
        data-testid="go-on"
        onClick={() => {
          read.value = true;
        }}
      >
        {t("information-go-on")}
      </button>
      <Phone number={clinic.phone} />
    </Page>
  );
}

const TROUBLES = {
  one_moment: "one-moment-hint",
  crowded: "entry-crowded",
  refused: "entry-refused",
} as const;

function Form({ visit }: Props) {
  const clinic = visit.clinic.value;
  const questions = clinic?.entry_fields ?? [];
  const before = visit.entry ?? visit.prefill;
  const asksTerms = !!clinic?.terms && !clinic.visit;
  const faults = useSignal<Complaints>({});
  const trouble = useSignal<keyof typeof TROUBLES | "">("");
  const busy = useSignal(false);
  const form = useRef<HTMLFormElement>(null);

  const complain = (found: Complaints) => {
    faults.value = found;
    announce(t("entry-faults", { count: Object.keys(found).length }));
    requestAnimationFrame(() =>
      form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus(),
    );
  };
  const refused = async (error: ApiError) => {
    if (error.code === "invalid_entry") complain(refusals(error.fields, questions));
    else if (error.status === 409) await visit.reload();
    else trouble.value = "refused";
  };
  const enter = async (entry: Entry, accepted: boolean, attempt = 0): Promise<void> => {
    busy.value = true;
    try {
      await visit.enter(entry, accepted);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.isTemporary) {
        // The person has done their part: the page goes on trying by itself.
        trouble.value = error.status === 429 ? "crowded" : "one_moment";
        const pauseMs = Math.max(error.retryMs, delayMs(attempt, Math.random()));
        setTimeout(() => void enter(entry, accepted, attempt + 1), pauseMs);
        return;
      }
      trouble.value = "";
      await refused(error);
    }
    busy.value = false;
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (form.current === null || busy.value) return;
    const entry = read(form.current, questions, visit.entry ?? visit.prefill);
    const accepted = new FormData(form.current).get(TERMS) === "true";
    const found = complaints(entry, questions, !asksTerms || accepted);
    faults.value = found;
    if (Object.keys(found).length > 0) complain(found);
    else void enter(entry, accepted);
  };

  return (
    <Page title={<bdi>{clinic?.display_name}</bdi>} testid="entry">
      <p class="lead">{t(clinic?.visit ? "entry-again" : "entry-lead")}</p>
      <Prefilled entry={visit.prefill} />
      <form ref={form} onSubmit={submit} noValidate>
        <Who before={before} complaints={faults.value} />
        {questions.map((question) => (
          <Question
            key={question.name}
            id={key(question.name)}
            label={question.label}
            question={question}
            initial={initialAnswer(visit.entry, visit.prefill, question)}
            complaint={faults.value[key(question.name)]}
          />
        ))}
        {asksTerms && <Terms text={clinic?.terms ?? ""} complaint={faults.value[TERMS]} />}
        <TroubleNotice trouble={trouble.value} />
        <button type="submit" aria-disabled={busy.value} data-testid="enter">
          {t(busy.value ? "entry-entering" : "entry-enter")}
        </button>
      </form>
      <p class="hint">{t("entry-privacy")}</p>
      <Phone number={clinic?.phone} />
    </Page>
  );
}

function Prefilled({ entry }: { readonly entry: Entry | null }) {
  if (entry === null) return null;
  return (
    <Notice testid="prefilled">
      <p>{t("entry-prefilled")}</p>
      {entry.appointment && (
        <p>{t("entry-appointment", { time: clockOf(entry.appointment, locale()) })}</p>
      )}
    </Notice>
  );
}

function TroubleNotice({ trouble }: { readonly trouble: keyof typeof TROUBLES | "" }) {
  if (trouble === "") return null;
  return (
    <Notice tone="attention" testid="entry-trouble">
      <p role="alert">
        {trouble === "one_moment" && `${t("one-moment")}. `}
        {t(TROUBLES[trouble])}
      </p>
    </Notice>
  );
}

function speakerIn(data: FormData): Speaker | null {
  const name = data.get("speaker_name");
  const role = SPEAKS_AS.find((one) => one === data.get("speaks_as"));
  return name === null || role === undefined ? null : { name: String(name).trim(), role };
}

function read(
  form: HTMLFormElement,
  questions: readonly EntryField[],
  before: Entry | null,
): Entry {
  const data = new FormData(form);
  const text = (name: string) => String(data.get(name) ?? "").trim();
  const answers = questions
    .map((question) => [question.name, text(key(question.name))] as const)
    .filter(([, value]) => value !== "");
  const speaker = speakerIn(data);
  return {
    name: text("name"),
    fields: Object.fromEntries(answers),
    ...(speaker !== null && { speaker }),
    ...(before?.appointment && { appointment: before.appointment }),
  };
}
