/** Every place where the way ends, each with one next step. */

import type { ComponentChildren } from "preact";
import { t } from "../shared/i18n";
import { Page, Phone, Working } from "../shared/ui";
import { destination } from "./destination";
import { FromTheClinic } from "./message";
import type { Props } from "./props";

export function OneMoment({ visit }: Props) {
  return (
    <Page title={t("one-moment")} testid="one-moment">
      <Working label={t("one-moment-hint")} />
      <Phone number={visit.clinic.value?.phone} />
    </Page>
  );
}

export function Unknown(_: Props) {
  return (
    <Page title={t("unknown-title")} testid="unknown-clinic">
      <p class="lead">{t("unknown-hint")}</p>
    </Page>
  );
}

export function Shut({ visit }: Props) {
  const clinic = visit.clinic.value;
  const state = clinic?.state ?? "closed";
  return (
    <Page title={<bdi>{clinic?.display_name}</bdi>} testid={`clinic-${state}`}>
      <p class="lead">{t(`clinic-${state}`)}</p>
      {clinic?.message && <p dir="auto">{clinic.message}</p>}
      <Phone number={clinic?.phone} />
      <Step label={t("look-again")} act={() => void visit.reload()} />
    </Page>
  );
}

export function SteppedOut({ visit }: Props) {
  return (
    <Page title={t("stepped-out-title")} testid="stepped-out">
      <p class="lead">{t("stepped-out-hint")}</p>
      <Step label={t("go-back")} act={() => visit.goBack()} />
      <p>
        <button
          type="button"
          class="quiet"
          onClick={() => void visit.leave()}
          data-testid="finish"
        >
          {t("finish")}
        </button>
      </p>
    </Page>
  );
}

export function Left({ visit }: Props) {
  return (
    <Ending visit={visit} title={t("left-title")} testid="left" hint={t("left-hint")}>
      <Step label={t("wait-again")} act={() => void visit.reload()} />
    </Ending>
  );
}

export function Expired({ visit }: Props) {
  return (
    <Ending visit={visit} title={t("expired-title")} testid="expired" hint={t("expired-hint")}>
      <Step label={t("wait-again")} act={() => void visit.reload()} />
    </Ending>
  );
}

export function End({ visit }: Props) {
  const closing = visit.latest.value?.closing;
  return (
    <Ending
      visit={visit}
      title={t("ended-title")}
      testid="ended"
      hint={closing?.message ? "" : t("ended-hint")}
    >
      {closing?.message && (
        <p class="lead" dir="auto" data-testid="closing-message">
          {closing.message}
        </p>
      )}
      {closing?.link && <WayOut link={closing.link} />}
    </Ending>
  );
}

/** The clinic's link, by the name of its host: nobody is sent anywhere unasked. */
function WayOut({ link }: { readonly link: string }) {
  const to = destination(link);
  if (to === null) return null;
  return (
    <p>
      <a class="button" href={to.href} rel="noopener noreferrer" data-testid="closing-link">
        {t("ended-go-on", { host: to.host })}
      </a>
    </p>
  );
}

export function Refused({ visit }: Props) {
  return (
    <Ending visit={visit} title={t("refused-title")} testid="refused" hint={t("refused-hint")}>
      <FromTheClinic message={visit.latest.value?.message} />
    </Ending>
  );
}

export function Replaced({ visit }: Props) {
  return (
    <Page title={t("replaced-title")} testid="replaced">
      <p class="lead">{t("replaced-hint")}</p>
      <Step label={t("use-here")} act={() => visit.takeOver()} />
    </Page>
  );
}

export function Trouble({ visit }: Props) {
  return (
    <Ending visit={visit} title={t("trouble-title")} testid="trouble" hint={t("trouble-hint")}>
      <Step label={t("try-again")} act={() => visit.goBack()} />
    </Ending>
  );
}

interface EndingProps {
  readonly visit: Props["visit"];
  readonly title: string;
  readonly testid: string;
  readonly hint: string;
  readonly children?: ComponentChildren;
}

function Ending({ visit, title, testid, hint, children }: EndingProps) {
  return (
    <Page title={title} testid={testid}>
      {hint !== "" && <p class="lead">{hint}</p>}
      {children}
      <Phone number={visit.latest.value?.clinic.phone || visit.clinic.value?.phone} />
    </Page>
  );
}

function Step({ label, act }: { readonly label: string; readonly act: () => void }) {
  return (
    <button type="button" onClick={act} data-testid="next-step">
      {label}
    </button>
  );
}
