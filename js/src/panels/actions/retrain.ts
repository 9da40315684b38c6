/** *Retrain*: trains what is left, as the last training was set. */
import { ACTIONS } from "../../text/labels";
import type { Action, Commands } from "../context";
import { settingsOf } from "../train/settings";

export function createRetrain(commands: Commands): Action {
  return {
    id: "retrain",
    label: ACTIONS.retrain,
    isThere: ({ computes }) => computes === undefined,
    press: ({ reading }) => commands.act({ do: "train", ...settingsOf(reading.training) }),
    state: ({ reading: { training, closed } }) => {
      if (closed) return "off";
      return training && training.state !== "ended" ? "busy" : "ready";
    },
  };
}
