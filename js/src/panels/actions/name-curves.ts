/** *Name curves*: looks for functions in the place of all curves, within the tolerance. */
import { ACTIONS } from "../../text/labels";
import type { Action, Commands } from "../context";

export function createNameCurves(commands: Commands): Action {
  return {
    id: "name",
    label: ACTIONS.name,
    isThere: ({ computes }) => computes === undefined,
    press: ({ reading: { tolerance } }) => commands.act({ do: "name_all", tolerance }),
    state: ({ reading: { naming, training, closed } }) => {
      if (closed) return "off";
      const busy = naming?.state === "running" || (training && training.state !== "ended");
      return busy ? "busy" : "ready";
    },
  };
}
