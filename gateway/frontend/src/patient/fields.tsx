/** The fields of the entry form. */

import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { t } from "../shared/i18n";
import { type Complaint, MAX_ANSWER, MAX_NAME } from "./entry-rules";
import { type Entry, type EntryField, SPEAKS_AS, type Speaker } from "./types";

export type Complaints = Readonly<Record<string, Complaint>>;

interface WhoProps {
  readonly before: Entry | null;
  readonly complaints: Complaints;
}

/** Who it is about, and who speaks for them, if somebody does. */
export function Who({ before, complaints }: WhoProps) {
  const speaks = useSignal(before?.speaker !== undefined);
  return (
    <>
      <Question
        id="name"
        label={t(speaks.value ? "entry-patient-name" : "entry-name")}
        question={NAME}
        initial={before?.name ?? ""}
        complaint={complaints.name}
        autoComplete={speaks.value ? "off" : "name"}
        longest={MAX_NAME}
      />
      <div class="field consent">
        <input
          id="speaks"
          type="checkbox"
          checked={speaks.value}
          data-testid="speaks"
          onChange={(event) => {
            speaks.value = event.currentTarget.checked;
          }}
        />
        <label for="speaks">{t("entry-speaks")}</label>
      </div>
      {speaks.value && (
        <SpeakerFields speaker={before?.speaker} complaint={complaints.speaker_name} />
      )}
    </>
  );
}

/** As the gateway names it. */
export const TERMS = "accepted_terms";
const NAME = { kind: "Text", required: true, choices: [] } as const;

function SpeakerFields({
  speaker,
  complaint,
}: {
  readonly speaker: Speaker | undefined;
  readonly complaint: Complaint | undefined;
}) {
  return (
    <>
      <Question
        id="speaker_name"
        label={t("entry-own-name")}
        question={NAME}
        initial={speaker?.name ?? ""}
        complaint={complaint}
        autoComplete="name"
        longest={MAX_NAME}
      />
      <div class="field">
        <label for="speaks_as">{t("entry-speaks-as")}</label>
        <select id="speaks_as" name="speaks_as" data-testid="speaks-as">
          {SPEAKS_AS.map((role) => (
            <option key={role} value={role} selected={role === speaker?.role}>
              {t(`speaks-as-${role}`)}
            </option>
          ))}
        </select>
      </div>
    </>
  );
}

export function Terms({
  text,
  complaint,
}: {
  readonly text: string;
  readonly complaint: Complaint | undefined;
}) {
  return (
    <section class="terms" aria-labelledby="terms-heading" data-testid="terms">
      <h2 id="terms-heading">{t("terms-title")}</h2>
      <p class="own-text" dir="auto">
        {text}
      </p>
      <Question
        id={TERMS}
        label={t("terms-accept")}
        question={{ kind: "Consent", required: true, choices: [] }}
        initial=""
        complaint={complaint}
      />
    </section>
  );
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

export function Question({
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
