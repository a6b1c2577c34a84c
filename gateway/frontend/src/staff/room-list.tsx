/** The clinic's rooms and how many are in each. */

import { t } from "../shared/i18n";
import { Link } from "./router";
import { dashboardPath } from "./routes";
import type { Room, StaffClinic } from "./types";

interface Props {
  readonly clinic: StaffClinic;
  readonly occupancy: ReadonlyMap<string, number>;
}

export function RoomList({ clinic, occupancy }: Props) {
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
                  count: count(occupancy, clinic, room),
                  max: room.max_participants,
                })}
              </span>
            </p>
            <Link
              to={`${dashboardPath(clinic.namespace, clinic.name)}/${room.kind}/${room.name}`}
              class="button quiet"
              testid="enter-room"
            >
              {t("room-enter")}
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Rooms are counted by uid; a gateway that names them instead is understood too. */
function count(occupancy: Props["occupancy"], clinic: StaffClinic, room: Room): number {
  const names = [room.uid ?? "", `${clinic.namespace}/${room.name}`, room.name];
  const known = names.find((name) => occupancy.has(name));
  return known === undefined ? 0 : (occupancy.get(known) ?? 0);
}
