/** Draws the staff page that the address means. */

import { useEffect } from "preact/hooks";
import { t } from "../shared/i18n";
import { lazy } from "../shared/lazy";
import { Announcer, Page, Working } from "../shared/ui";
import { clinicOf, loadMe, me, signOut, unavailable } from "./account";
import { AlertBar, useAlerts } from "./alerts";
import { Clinics } from "./clinics";
import { Dashboard } from "./dashboard";
import { NotFound } from "./not-found";
import { Link, route } from "./router";
import type { Route } from "./routes";

const Home = lazy(async () => (await import("./home")).Home);
const SignInPage = lazy(async () => (await import("./sign-in")).SignInPage);
const ReportsPage = lazy(async () => (await import("./reports-page")).ReportsPage);
const RoomPage = lazy(async () => (await import("./rooms")).RoomPage);
const VisitPage = lazy(async () => (await import("./rooms")).VisitPage);

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
  useAlerts();
  if (me.value === null) {
    return (
      <Page title={t(unavailable.value ? "one-moment" : "loading")} testid="loading">
        <Working label={t(unavailable.value ? "one-moment-hint" : "loading-hint")} />
      </Page>
    );
  }
  if (here.page === "visit" || here.page === "room")
    return (
      <div class="in-call">
        <AlertBar inCall />
        <InCall here={here} />
      </div>
    );
  return (
    <>
      <AlertBar />
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
