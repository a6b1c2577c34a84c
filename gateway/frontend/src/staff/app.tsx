/** Draws the staff page that the address means. */

import { useEffect } from "preact/hooks";
import { t } from "../shared/i18n";
import { Announcer, Page, Working } from "../shared/ui";
import { clinicOf, loadMe, me, signOut, unavailable } from "./account";
import { Clinics } from "./clinics";
import { Dashboard } from "./dashboard";
import { Home } from "./home";
import { ReportsPage } from "./reports-page";
import { RoomPage, VisitPage } from "./rooms";
import { Link, route } from "./router";
import type { Route } from "./routes";
import { SignInPage } from "./sign-in";

export function App() {
  const here = route.value;
  return (
    <>
      {here.page === "home" ? (
        <Home />
      ) : here.page === "sign-in" ? (
        <SignInPage />
      ) : (
        <SignedIn here={here} />
      )}
      <Announcer />
    </>
  );
}

function SignedIn({ here }: { readonly here: Route }) {
  useEffect(() => {
    if (me.value === null) void loadMe();
  }, []);
  if (me.value === null) {
    return (
      <Page title={t(unavailable.value ? "one-moment" : "loading")} testid="loading">
        <Working label={t(unavailable.value ? "one-moment-hint" : "loading-hint")} />
      </Page>
    );
  }
  if (here.page === "visit" || here.page === "room") return <InCall here={here} />;
  return (
    <>
      <header class="bar">
        <Link to="/staff" class="brand">
          Teleward
        </Link>
        <span class="who">
          <bdi>{me.value.display_name}</bdi>
        </span>
        <button type="button" class="quiet" onClick={() => void signOut()} data-testid="sign-out">
          {t("sign-out")}
        </button>
      </header>
      <Signed here={here} />
    </>
  );
}

function Signed({ here }: { readonly here: Route }) {
  if (here.page === "clinics") return <Clinics />;
  if (here.page === "reports")
    return <ReportsPage key={here.namespace} namespace={here.namespace} />;
  if (here.page !== "dashboard") return <NotFound />;
  const clinic = clinicOf(here.namespace, here.clinic);
  if (clinic === null) return <NotFound />;
  return <Dashboard key={`${here.namespace}/${here.clinic}`} clinic={clinic} />;
}

function InCall({ here }: { readonly here: Extract<Route, { page: "visit" | "room" }> }) {
  const clinic = clinicOf(here.namespace, here.clinic);
  if (clinic === null) return <NotFound />;
  if (here.page === "visit")
    return <VisitPage key={here.visit} clinic={clinic} visit={here.visit} />;
  const room = clinic.rooms.find((one) => one.kind === here.kind && one.name === here.room);
  if (room === undefined) return <NotFound />;
  return <RoomPage key={here.room} clinic={clinic} room={room} />;
}

function NotFound() {
  return (
    <Page title={t("not-found-title")} testid="not-found">
      <p class="lead">{t("not-found-hint")}</p>
      <Link to="/staff" class="button">
        {t("to-clinics")}
      </Link>
    </Page>
  );
}
