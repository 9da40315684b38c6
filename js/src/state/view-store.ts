/**
 * All that one view knows, as signals: what the model says, what lies on top of it, and what follows from both.
 *
 * The model is read once per frame (`refreshIfStale`), not once per change event.
 */
import { batch, computed, type ReadonlySignal, signal } from "@preact/signals-core";
import { toggleAll } from "../model/edits";
import { type Trace, trace } from "../model/forward";
import type { Target } from "../model/network";
import { createSnapshotReader, type Snapshot } from "../wire/snapshot";
import { type Command, handEdits, indexOf, type Model, type WritableTraits, write } from "../wire/traits";
import { createDrafts, type Draft } from "./drafts";
import { type Action, reduce, type ViewState } from "./view-state";

export type ViewStore = ReturnType<typeof createViewStore>;

export function createViewStore(model: Model) {
  const read = createSnapshotReader(model);
  const drafts = createDrafts(model);
  const kernel = signal<Snapshot | null>(null);
  const state = signal<ViewState | null>(null);
  /** Why the model cannot be read, "" if it can. */
  const problem = signal("");
  const measured = signal(0);
  let stale = true;

  const snapshot = computed<Snapshot | null>(() => {
    const { tolerance, probe, beta } = drafts.current.value;
    return (
      kernel.value && {
        ...kernel.value,
        ...(tolerance !== undefined && { tolerance }),
        ...(probe !== undefined && { probe }),
        ...(beta !== undefined && { beta }),
      }
    );
  });
  const part = <T>(of: (snapshot: Snapshot) => T): ReadonlySignal<T | null> =>
    computed(() => snapshot.value && of(snapshot.value));
  const [inVars, outVars] = [part(({ inVars }) => inVars), part(({ outVars }) => outVars)];
  const names = computed(() => {
    measured.value;
    return { inVars: inVars.value ?? [], outVars: outVars.value ?? [] };
  });

  const [net, mask] = [computed(() => state.value?.net), computed(() => state.value?.mask)];
  const [cells, probe, keepMean] = [
    part(({ cells }) => cells),
    part(({ probe }) => probe),
    part(({ keepMean }) => keepMean),
  ];
  /** The followed sample's values. */
  const followed = computed<Trace | null>(() =>
    net.value && mask.value && cells.value && probe.value
      ? trace(net.value, cells.value, mask.value, keepMean.value === true, probe.value)
      : null,
  );

  function dispatch(action: Action): void {
    state.value = reduce(state.peek(), action);
  }

  /** Reads the model. A late echo of an older value changes nothing on screen: drafts lie on top. */
  function refresh(): void {
    stale = false;
    try {
      const reading = read();
      batch(() => {
        kernel.value = reading;
        dispatch({ type: "synced", reading });
        problem.value = reading.problem && unreadable(reading.problem);
      });
    } catch (error) {
      problem.value = unreadable(error instanceof Error ? error.message : `${error}`);
    }
  }

  function change(decisions: Partial<WritableTraits>): void {
    write(model, decisions);
    refresh();
  }

  return {
    state,
    snapshot,
    problem,
    names,
    trace: followed,
    dispatch,
    /** The model has changed. */
    markStale: () => {
      stale = true;
    },
    refreshIfStale: () => {
      if (stale) refresh();
    },
    /** A new font may have come: names are a new object, so that their widths are measured again. */
    forgetWidths: () => {
      measured.value++;
    },
    write: change,
    /** Sends a command, after the drafts that were made before it. */
    send(command: Command): void {
      drafts.flush();
      model.send(command);
    },
    draft(values: Draft): void {
      batch(() => {
        for (const [axis, value] of [
          ["node", values.node_threshold],
          ["edge", values.edge_threshold],
        ] as const) {
          if (value !== undefined) dispatch({ type: "dragged", axis, value });
        }
        drafts.put(values);
      });
    },
    release(): void {
      if (Object.keys(drafts.current.peek()).length === 0) return;
      batch(() => {
        dispatch({ type: "released" });
        drafts.release();
        refresh();
      });
    },
    flushDrafts: drafts.flush,
    toggle(targets: readonly Target[]): void {
      refresh();
      const known = state.peek();
      if (known) change(handEdits(known.net, toggleAll(known.net, known.edits, targets)));
    },
    select(targets: readonly Target[]): void {
      const known = state.peek();
      if (known) change({ selected: targets.map((target) => indexOf(known.net, target)) });
    },
  };
}

const unreadable = (reason: string) => `The view cannot read the model: ${reason}`;
