/** Which steps of a history share a row. */
import { expect, test } from "vitest";
import { rowsOf, stepsOf } from "../../src/panels/history/runs";
import type { HistoryStep, Message } from "../../src/wire/traits";
import { randomNumbers } from "../fake";

const CODES: Message[] = [
  ["edge_off", 0, 0, 1],
  ["hand_edits"],
  ["node_threshold", 0.1],
  ["edge_threshold", 0.2],
  ["commit"],
];

function randomHistory(seed: number): HistoryStep[] {
  const random = randomNumbers(seed);
  let last: Message = CODES[0]!;
  return Array.from({ length: 40 }, (_, id) => {
    if (random() < 0.4) last = CODES[Math.floor(random() * CODES.length)]!;
    return {
      id,
      parent: id === 0 ? null : random() < 0.1 ? Math.floor(random() * id) : id - 1,
      kind: id === 0 ? "start" : last[0] === "commit" ? "commit" : "set",
      what: id === 0 ? [] : [last],
      note: random() < 0.05 ? "a note" : "",
      ...{ loss_before: 0.1, loss_after: 0.1, active_edges: 10, edges_removed: 0 },
    };
  });
}

test("every step has one row, in the order of the history, whatever is folded", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const history = randomHistory(seed);
    const rows = rowsOf(history, (step) => step.id === 39, new Set());
    expect(rows.flatMap(stepsOf)).toEqual(history);
    expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
    for (const row of rows) {
      if (!("run" in row)) continue;
      expect(row.run.length).toBeGreaterThanOrEqual(3);
      for (const [k, step] of row.run.entries()) {
        expect([step.note, step.kind, step.id === 39]).toEqual(["", "set", false]);
        if (k > 0) expect(step.parent).toBe(row.run[k - 1]!.id);
        // A branch begins at a step that is seen.
        expect(history.filter(({ parent }) => parent === step.id).length).toBeLessThanOrEqual(1);
      }
    }
    const open = new Set(rows.flatMap((row) => ("run" in row ? [row.run[0]!.id] : [])));
    const unfolded = rowsOf(history, (step) => step.id === 39, open);
    expect(unfolded.flatMap((row) => ("run" in row ? [] : [row.step]))).toEqual(history);
  }
});
