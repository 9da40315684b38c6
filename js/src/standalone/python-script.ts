/** The Python lines that lead to a page's present state, as `kanwidget/session/script.py` writes them. Pure. */
import type { Network } from "../model/network";
import { exponentOf, nearest, repr } from "../text/python-format";
import { changedTraits, type PlainState, plainState, type State } from "./history";

/** Where a page's history begins: the lines that lead there, and the state they leave. */
export interface Origin {
  readonly script: string;
  readonly state: State;
}

/** The shortest Python that leads from the original model to a state. */
export function pythonScript(net: Network, origin: Origin, state: State): string {
  const wanted = shortestThresholds(net, state);
  const names = changedTraits(net, origin.state, wanted);
  const values = plainState(net, wanted);
  const settings = names.filter((name) => name !== "_unnamed");
  const given = settings.map((name) => `${name}=${literal(values[name])}`).join(", ");
  return [
    origin.script,
    given && `session.set(${given})\n`,
    // Last: thresholds and means are of the network before, and a session keeps its mask and biases.
    ...values._unnamed.map((ids) => `session.unname(${ids.join(", ")})\n`),
    given && "session.commit()  # the model stays so when the session is gone\n",
  ].join("");
}

function literal(value: PlainState[keyof PlainState]): string {
  if (typeof value === "number") return repr(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  return `[${value.map((ids) => `(${ids.join(", ")})`).join(", ")}]`;
}

/** The state with the same mask and the shortest thresholds that lead to it, away from the scores. */
export function shortestThresholds(net: Network, { edits, ...others }: State): State {
  const nodes = net.nodeScores.subarray(net.width[0], net.nodeOffset[net.depth]);
  const nodeThreshold = between(edits.nodeThreshold, nodes);
  const edgeThreshold = between(edits.edgeThreshold, net.scores);
  return { ...others, edits: { ...edits, nodeThreshold, edgeThreshold } };
}

/** The shortest decimal that removes the same scores as a threshold, well between them. */
function between(threshold: number, scores: Float64Array): number {
  if (threshold === 0) return 0;
  let [low, high] = [0, Number.POSITIVE_INFINITY];
  for (const score of scores) {
    if (score <= threshold) low = Math.max(low, score * (1 + 1e-9));
    else if (score > threshold) high = Math.min(high, score * (1 - 1e-9));
  }
  for (let digits = 1; digits < 16; digits++) {
    const step = Number(`1e${exponentOf(threshold) - digits + 1}`);
    for (const candidate of [nearest(threshold, digits), nearest(threshold + step, digits)]) {
      if (low < candidate && candidate < high) return candidate;
    }
  }
  return threshold;
}
