/** Whether a kernel is behind the model: no host says so in one way, and none of these throws any more. */
import type { Model } from "./traits";

/** Additional fields of Jupyter's hosts; other hosts have neither the event nor the manager. */
type Hosted = Model & { readonly widget_manager?: { readonly kernel?: Kernel | null } };

/** As Jupyter's hosts know a kernel; whatever it handles, it says before and after that it is busy or idle. */
interface Kernel {
  readonly status?: string;
  readonly statusChanged?: { connect(slot: () => void): unknown; disconnect(slot: () => void): unknown };
}

/** Milliseconds after which a kernel that has nothing to do should have answered: it was shut down behind the page. */
const ANSWER_MS = 10_000;

export interface KernelConnection {
  /** The model, whose messages may be lost, and then say so. */
  readonly model: Model;
  readonly lost: boolean;
}

/**
 * Whether the model has its line to a kernel; null where the host does not say.
 *
 * ipywidgets' models know it from the start, and hand themselves to whoever listens to a change. A kernel that is
 * busy has its line.
 */
export function isConnected(host: Model): boolean | null {
  if ((host as Hosted).widget_manager?.kernel === null) return false;
  let connected: boolean | null = null;
  const look = (...args: unknown[]) => {
    const live = (args[0] as { comm_live?: unknown } | undefined)?.comm_live;
    if (typeof live === "boolean") connected = live;
  };
  host.on("change:_written", look);
  // Not saved: it goes nowhere, and the next thing written replaces it.
  host.set("_written", { looked: Math.random() });
  host.off("change:_written", look);
  return connected;
}

/** Calls back when the kernel has gone: then the model stays as it was last, for good. */
export function watchKernelConnection(
  host: Model,
  onLost: () => void,
  signal: AbortSignal,
): KernelConnection {
  let gone = !host.standalone && isConnected(host) === false;
  const lose = () => {
    if (gone) return;
    gone = true;
    onLost();
  };
  // A restart: ipywidgets parts the models from their kernel, and they never come back to one.
  const parted = () => {
    if (isConnected(host) !== true) lose();
  };
  host.on("comm_live_update", parted);
  signal.addEventListener("abort", () => host.off("comm_live_update", parted));
  let timer: ReturnType<typeof setTimeout> | undefined;
  let heard: Kernel | null | undefined;
  const answered = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  signal.addEventListener("abort", () => {
    answered();
    heard?.statusChanged?.disconnect(answered);
  });
  /** Waits for an answer to what was just sent. */
  const listen = () => {
    const kernel = (host as Hosted).widget_manager?.kernel;
    if (gone || signal.aborted || !kernel?.statusChanged) return;
    if (heard !== kernel) {
      heard?.statusChanged?.disconnect(answered);
      heard = kernel;
      kernel.statusChanged.connect(answered);
    }
    timer ??= setTimeout(() => {
      timer = undefined;
      // A busy one answers when it can, and a line that is broken may be mended.
      if (kernel.status === "idle") lose();
    }, ANSWER_MS);
  };
  /** A kernel that was shut down tells nobody. */
  const isShut = () => (host as Hosted).widget_manager?.kernel === null;
  const trying = (send: () => void) => {
    try {
      send();
    } catch {
      lose();
    }
    // Then traits are dropped without a word.
    if (isShut()) lose();
    listen();
  };
  return {
    model: {
      get: (name) => host.get(name),
      set: (name, value) => host.set(name, value),
      on: (event, callback) => host.on(event, callback),
      off: (event, callback) => host.off(event, callback),
      save_changes: () => trying(() => host.save_changes()),
      send: (act) => trying(() => host.send(act)),
      ...(host.standalone && { standalone: true }),
    },
    get lost() {
      if (isShut()) lose();
      return gone;
    },
  };
}
