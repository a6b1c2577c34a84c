/** Writing to patients: own words, or one of the clinic's texts. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { request } from "../shared/http";
import { locale, t } from "../shared/i18n";
import { dashboardPath } from "./routes";
import type { Choices, StaffClinic } from "./types";

/** As the gateway counts. */
const MAX_WORDS = 500;

/** What is posted: at most one of the two. */
export interface Written {
  readonly text?: string;
  readonly ready?: string;
}

const NO_CHOICES: Choices = { ready: [], clinics: [], colleagues: [] };

/** What can be chosen from, as it is now. */
export function useChoices(clinic: StaffClinic): Choices {
  const choices = useSignal(NO_CHOICES);
  const path = `/api${dashboardPath(clinic.namespace, clinic.name)}/choices`;
  useEffect(() => {
    void request<Choices>("GET", path)
      .then((found) => {
        choices.value = found;
      })
      .catch(() => null);
  }, [path, choices]);
  return choices.value;
}

interface WriterProps {
  readonly clinic: StaffClinic;
  /** What the button says. */
  readonly label: string;
  readonly optional?: boolean;
  readonly send: (written: Written) => void;
  readonly cancel: () => void;
}

export function Writer({ clinic, label, optional = false, send, cancel }: WriterProps) {
  const { ready } = useChoices(clinic);
  const chosen = useSignal("");
  const text = useSignal("");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (chosen.value !== "") send({ ready: chosen.value });
    else if (text.value.trim() !== "") send({ text: text.value });
    else if (optional) send({});
  };
  return (
    <form class="writer" onSubmit={submit} data-testid="writer">
      {ready.length > 0 && (
        <label>
          {t("write-ready")}
          <select
            value={chosen.value}
            onChange={(event) => {
              chosen.value = event.currentTarget.value;
            }}
          >
            <option value="">{t("write-own")}</option>
            {ready.map(inMyLanguage).map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
      )}
      {chosen.value === "" && (
        <label>
          {t(optional ? "write-reason" : "write-text")}
          <input
            type="text"
            dir="auto"
            maxLength={MAX_WORDS}
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value;
            }}
          />
        </label>
      )}
      <div class="row">
        <button type="submit" data-testid="write-send">
          {label}
        </button>
        <button type="button" class="quiet" onClick={cancel}>
          {t("cancel")}
        </button>
      </div>
    </form>
  );
}

interface ChooserProps {
  readonly clinic: StaffClinic;
  readonly label: string;
  /** What is sent, and what is read. */
  readonly options: (choices: Choices) => (readonly [string, string])[];
  readonly action: string;
  readonly choose: (value: string) => void;
  readonly cancel: () => void;
}

/** One out of what there is. */
export function Chooser({ clinic, label, options, action, choose, cancel }: ChooserProps) {
  const offered = options(useChoices(clinic));
  const chosen = useSignal("");
  const value = chosen.value || offered[0]?.[0];
  return (
    <form
      class="writer"
      data-testid="chooser"
      onSubmit={(event) => {
        event.preventDefault();
        if (value) choose(value);
      }}
    >
      <label>
        {label}
        <select
          value={value}
          onChange={(event) => {
            chosen.value = event.currentTarget.value;
          }}
        >
          {offered.map(([one, name]) => (
            <option key={one} value={one}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <div class="row">
        <button type="submit" aria-disabled={!value} data-testid="choose">
          {action}
        </button>
        <button type="button" class="quiet" onClick={cancel}>
          {t("cancel")}
        </button>
      </div>
    </form>
  );
}

function inMyLanguage(texts: Readonly<Record<string, string>>): string {
  return texts[locale()] ?? texts.en ?? Object.values(texts)[0] ?? "";
}
