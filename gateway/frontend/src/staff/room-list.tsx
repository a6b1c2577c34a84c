/** The clinic's rooms: who is in each, and who knocks. */

import { t } from "../shared/i18n";
import { Guests } from "./guests";
import type { Queue } from "./queue";
import { Link } from "./router";
import { dashboardPath } from "./routes";
import type { Occupancy, Room, StaffClinic } from "./types";

interface Props {
  readonly clinic: StaffClinic;
  readonly queue: Queue | null;
}

export function RoomList({ clinic, queue }: Props) {
  const rooms = clinic.rooms.filter((room) => room.kind === "meeting" || room.mine);
  if (rooms.length === 0) return null;
  return (
    <section aria-labelledby="rooms-heading">
      <h2 id="rooms-heading">{t("rooms-title")}</h2>
      <ul class="cards">
        {rooms.map((room) => (
          <li
            key={`${room.kind}/${room.name}`}
            class="card"
            data-testid="room"
            data-room={room.name}
          >
            <h3>
              <bdi>{room.display_name}</bdi>
            </h3>
            <p class="hint">
              {t(`room-${room.kind}`)} ·{" "}
              <span data-testid="room-occupancy">
                {t("room-occupancy", {
                  count: inside(queue, room)?.participants ?? 0,
                  max: room.max_participants,
                })}
              </span>
              {room.locked && <span class="badge">{t("room-locked")}</span>}
            </p>
            <Names names={inside(queue, room)?.names ?? []} />
            <Link
              to={`${dashboardPath(clinic.namespace, clinic.name)}/${room.kind}/${room.name}`}
              class="button quiet"
              testid="enter-room"
            >
              {t("room-enter")}
            </Link>
            <Guests
              clinic={clinic}
              guests={queue?.guests ?? []}
              place={room.kind}
              name={room.name}
              placeId={room.uid}
              mine={room.mine}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

function inside(queue: Queue | null, room: Room): Occupancy | undefined {
  return queue?.rooms.get(room.uid);
}

function Names({ names }: { readonly names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <ul class="names" aria-label={t("room-names")} data-testid="room-names">
      {names.map((name, number) => (
        <li key={`${number}/${name}`}>
          <bdi>{name}</bdi>
        </li>
      ))}
    </ul>
  );
}
