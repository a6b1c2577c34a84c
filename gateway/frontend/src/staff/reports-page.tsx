/** What was counted in an organisation's clinics: no patient's name, and none to be found. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, request } from "../shared/http";
import { t } from "../shared/i18n";
import { signInPath } from "../shared/options";
import { delayMs } from "../shared/reconnect";
import { Notice, Page, Working } from "../shared/ui";
import { NotFound } from "./not-found";
import {
  type By,
  COUNTS,
  isWithheld,
  type Report,
  type ReportRow,
  reportPath,
  type Wanted,
  within,
} from "./reports";
import { Link } from "./router";

const NOTHING: Wanted = { from: "", to: "", clinic: "", by: "day" };
const WAYS: readonly By[] = ["day", "month", "range"];

export function ReportsPage({ namespace }: { readonly namespace: string }) {
  const { wanted, report, fault } = useReport(namespace);
  if (fault.value === "not-found-hint") return <NotFound />;
  const told = report.value;
  return (
    <Page title={t("reports-title")} testid="reports" wide>
      <Choose
        wanted={wanted.value}
        report={told}
        choose={(asked) => {
          wanted.value = asked;
        }}
      />
      {fault.value !== "" && (
        <Notice tone="attention" testid="reports-fault">
          {t(fault.value)}
        </Notice>
      )}
      {told === null ? <Working label={t("loading-hint")} /> : <Table report={told} />}
      <p class="row">
        {(["csv", "json"] as const).map((format) => (
          <a
            key={format}
            class="button"
            href={reportPath(namespace, wanted.value, format)}
            download={`teleward-reports.${format}`}
            data-testid={`download-${format}`}
          >
            {t("reports-download", { format: format.toUpperCase() })}
          </a>
        ))}
      </p>
      {told !== null && <p class="hint">{t("reports-least", { least: told.least })}</p>}
      <Link to="/staff">{t("to-clinics")}</Link>
    </Page>
  );
}

/** What was asked for last, and what came of it; while the service does not answer it is asked again. */
function useReport(namespace: string) {
  const wanted = useSignal(NOTHING);
  const report = useSignal<Report | null>(null);
  const fault = useSignal("");
  const asked = wanted.value;
  useEffect(() => {
    let isOver = false; // something else was chosen, or the page was left
    const take = (answer: Report | ApiError, attempt: number) => {
      fault.value = answer instanceof ApiError ? faultOf(answer) : "";
      if (!(answer instanceof ApiError)) report.value = answer;
      else if (answer.status === 401)
        location.assign(signInPath(location.pathname, location.search));
      else if (answer.isTemporary)
        setTimeout(() => isOver || void load(attempt + 1), delayMs(attempt + 1, Math.random()));
    };
    const load = async (attempt: number): Promise<void> => {
      const path = reportPath(namespace, asked, "json");
      const answer = await request<Report>("GET", path).catch(refused);
      if (!isOver) take(answer, attempt);
    };
    void load(0);
    return () => {
      isOver = true;
    };
  }, [namespace, asked, report, fault]);
  return { wanted, report, fault };
}

function refused(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  throw error;
}

function faultOf(error: ApiError): string {
  if (error.status === 404) return "not-found-hint";
  return error.status === 422 ? "reports-range" : "one-moment-hint";
}

interface ChooseProps {
  readonly wanted: Wanted;
  readonly report: Report | null;
  readonly choose: (wanted: Wanted) => void;
}

function Choose({ wanted, report, choose }: ChooseProps) {
  const change = (name: keyof Wanted) => (event: Event) =>
    choose({
      ...wanted,
      from: wanted.from || (report?.from ?? ""),
      to: wanted.to || (report?.to ?? ""),
      [name]: (event.currentTarget as HTMLInputElement).value,
    });
  return (
    <form class="report-choice" onSubmit={(event) => event.preventDefault()}>
      {(["from", "to"] as const).map((name) => (
        <label key={name}>
          {t(`reports-${name}`)}
          <input
            type="date"
            value={wanted[name] || report?.[name] || ""}
            onChange={change(name)}
            data-testid={`reports-${name}`}
          />
        </label>
      ))}
      <label>
        {t("reports-clinic")}
        <select value={wanted.clinic} onChange={change("clinic")} data-testid="reports-clinic">
          <option value="">{t("reports-every-clinic")}</option>
          {(wanted.clinic === "" ? (report?.clinics ?? []) : [wanted.clinic]).map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("reports-by")}
        <select value={wanted.by} onChange={change("by")} data-testid="reports-by">
          {WAYS.map((by) => (
            <option key={by} value={by}>
              {t(`reports-by-${by}`)}
            </option>
          ))}
        </select>
      </label>
    </form>
  );
}

function Table({ report }: { readonly report: Report }) {
  if (report.rows.length === 0)
    return (
      <p class="empty" data-testid="reports-empty">
        {t("reports-empty")}
      </p>
    );
  return (
    <div class="report-scroll">
      <table class="report" data-testid="reports-table">
        <caption class="visually-hidden">{t("reports-title")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("reports-day")}</th>
            <th scope="col">{t("reports-clinic")}</th>
            {COUNTS.map((name) => (
              <th key={name} scope="col">
                {t(`reports-${name}`)}
              </th>
            ))}
            <th scope="col">{t("reports-waited")}</th>
            <th scope="col">{t("reports-consultation")}</th>
          </tr>
        </thead>
        <tbody>
          {report.rows.map((row) => (
            <tr key={`${row.from} ${row.clinic}`} data-testid="reports-row">
              <th scope="row">{row.from === row.to ? row.from : `${row.from} – ${row.to}`}</th>
              <td>
                <bdi>{row.clinic}</bdi>
              </td>
              {COUNTS.map((name) => (
                <td key={name} data-testid={`count-${name}`}>
                  {row[name]}
                </td>
              ))}
              <td data-testid="waited">{spreadText(row, "waited", report.bounds_s)}</td>
              <td data-testid="consultation">
                {spreadText(row, "consultation", report.bounds_s)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Within how long half of them lie, and nine in ten. */
function spreadText(row: ReportRow, spread: string, bounds: readonly number[]): string {
  if (isWithheld(row, spread, bounds)) return t("reports-withheld");
  const [half, most] = [0.5, 0.9].map((share) => within(row, spread, share, bounds));
  if (half === null || half === undefined || most === null || most === undefined) return "–";
  const last = (bounds.at(-1) ?? 0) / 60;
  const word = (minutes: number) => (Number.isFinite(minutes) ? `${minutes}` : `>${last}`);
  return t("reports-spread", { half: word(half), most: word(most) });
}
