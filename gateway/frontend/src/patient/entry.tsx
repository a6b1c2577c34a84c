/** The door of an open clinic: who are you? */

import { useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import { ApiError } from "../shared/http";
import { t } from "../shared/i18n";
import { delayMs } from "../shared/reconnect";
import { announce, Notice, Page, Phone } from "../shared/ui";
import { type Complaint, complaints, key, MAX_ANSWER, MAX_NAME, refusals } from "./entry-rules";
import type { Props } from "./props";
import type { Entry, EntryField } from "./types";

type Complaints = Readonly<Record<string, Complaint>>;

const TROUBLES = {
  one_moment: "one-moment-hint",
  crowded: "entry-crowded",
  refused: "entry-refused",
} as const;

export function Entrance({ visit }: Props) {
  const clinic = visit.clinic.value;
  const questions = clinic?.entry_fields ?? [];
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
  const enter = async (entry: Entry, attempt = 0): Promise<void> => {
    busy.value = true;
    try {
      await visit.enter(entry);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.isTemporary) {
        // The person has done their part: the page goes on trying by itself.
        trouble.value = error.status === 429 ? "crowded" : "one_moment";
        const pauseMs = Math.max(error.retryMs, delayMs(attempt, Math.random()));
        setTimeout(() => void enter(entry, attempt + 1), pauseMs);
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
    const entry = read(form.current, questions);
    const found = complaints(entry, questions);
    faults.value = found;
    if (Object.keys(found).length > 0) complain(found);
    else void enter(entry);
  };

  return (
    <Page title={<bdi>{clinic?.display_name}</bdi>} testid="entry">
      <p class="lead">{t(clinic?.visit ? "entry-again" : "entry-lead")}</p>
      <form ref={form} onSubmit={submit} noValidate>
        <Question
          id="name"
          label={t("entry-name")}
          question={{ kind: "Text", required: true, choices: [] }}
          initial={visit.entry?.name ?? ""}
          complaint={faults.value.name}
          autoComplete="name"
          longest={MAX_NAME}
        />
        {questions.map((question) => (
          <Question
            key={question.name}
            id={key(question.name)}
            label={question.label}
            question={question}
            initial={visit.entry?.fields[question.name] ?? ""}
            complaint={faults.value[key(question.name)]}
          />
        ))}
        {trouble.value !== "" && (
          <Notice tone="attention" testid="entry-trouble">
            <p role="alert">
              {trouble.value === "one_moment" && `${t("one-moment")}. `}
              {t(TROUBLES[trouble.value])}
            </p>
          </Notice>
        )}
        <button type="submit" aria-disabled={busy.value} data-testid="enter">
          {t(busy.value ? "entry-entering" : "entry-enter")}
        </button>
      </form>
      <p class="hint">{t("entry-privacy")}</p>
      <Phone number={clinic?.phone} />
    </Page>
  );
}

function read(form: HTMLFormElement, questions: readonly EntryField[]): Entry {
  const data = new FormData(form);
  const text = (name: string) => String(data.get(name) ?? "").trim();
  const answers = questions
    .map((question) => [question.name, text(key(question.name))] as const)
    .filter(([, value]) => value !== "");
  return { name: text("name"), fields: Object.fromEntries(answers) };
}

interface QuestionProps {
  readonly id: string;
  readonly label: string;
  readonly question: Pick<EntryField, "kind" | "required" | "choices">;
  readonly initial: string;
  readonly complaint: Complaint | undefined;
  readonly autoComplete?: string;
  readonly longest?: number;
}

function Question({
  id,
  label,
  question,
  initial,
  complaint,
  autoComplete,
  longest = MAX_ANSWER,
}: QuestionProps) {
  const fault = useId();
  const common = {
    id,
    name: id,
    required: question.required,
    "aria-invalid": complaint !== undefined,
    "aria-describedby": complaint === undefined ? undefined : fault,
  };
  const caption = (
    <label for={id}>
      <bdi>{label}</bdi>
      {!question.required && <span class="optional"> {t("entry-optional")}</span>}
    </label>
  );
  const problem = complaint !== undefined && (
    <p class="fault" id={fault} data-testid={`fault-${id}`}>
      {t(`fault-${complaint}`)}
    </p>
  );
  if (question.kind === "Consent") {
    return (
      <div class="field">
        <div class="consent">
          <input {...common} type="checkbox" value="true" defaultChecked={initial === "true"} />
          {caption}
        </div>
        {problem}
      </div>
    );
  }
  return (
    <div class="field">
      {caption}
      {question.kind === "Choice" ? (
        <select {...common}>
          <option value="">{t("entry-choose")}</option>
          {question.choices.map((choice) => (
            <option key={choice} value={choice} selected={choice === initial}>
              {choice}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...common}
          type={INPUT_TYPES[question.kind] as "text"}
          defaultValue={initial}
          autoComplete={question.kind === "Phone" ? "tel" : (autoComplete ?? "off")}
          dir={question.kind === "Text" ? "auto" : undefined}
          maxLength={longest}
        />
      )}
      {problem}
    </div>
  );
}

const INPUT_TYPES = { Text: "text", Phone: "tel", Date: "date", Choice: "text" } as const;
