/**
 * Numbers what a page writes and asks for, so that Python knows the order in whatever order it arrives.
 *
 * Hosts send messages at once and hold the traits back while Python is busy: an undo would overtake the drag before
 * it. So each command brings the decisions that may still wait, of all widgets of the page since several may share a
 * model; `kanwidget/widget/message_order.py` takes each once, and drops what comes too late.
 */
import type { Model, WritableTraits } from "./traits";

/** What all modules on a page share: hosts load the script once for each widget. */
interface Page {
  readonly name: string;
  count: number;
  readonly widgets: Map<string, Sent>;
}

interface Sent {
  readonly numbers: Map<string, number>;
  readonly values: Map<string, unknown>;
  /** The last command of this widget: it has brought all before it. */
  command: number;
  /** Views of it that are on the page. */
  views: number;
}

const KEY = Symbol.for("kanwidget.outbox.1");

function pageOf(): Page {
  const shared = globalThis as { [KEY]?: Page };
  // Not `crypto.randomUUID`, which pages without TLS lack.
  shared[KEY] ??= {
    name: `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`,
    count: 0,
    widgets: new Map(),
  };
  return shared[KEY];
}

/** The host's model, whose writes and messages are numbered until the signal. */
export function withMessageOrder(host: Model, signal: AbortSignal): Model {
  const page = pageOf();
  const mark = String(host.get("_picture") ?? "");
  const touched = new Set<keyof WritableTraits>();
  const sentOf = (): Sent => {
    const known = page.widgets.get(mark) ?? { numbers: new Map(), values: new Map(), command: 0, views: 0 };
    page.widgets.set(mark, known);
    return known;
  };
  sentOf().views += 1;
  signal.addEventListener("abort", () => {
    // A cell that runs again makes a new widget each time.
    const sent = sentOf();
    sent.views -= 1;
    if (sent.views <= 0) page.widgets.delete(mark);
  });
  return {
    ...host,
    get: (name) => host.get(name),
    on: (event, callback) => host.on(event, callback),
    off: (event, callback) => host.off(event, callback),
    set(name, value) {
      host.set(name, value);
      if (name !== "_written") touched.add(name);
    },
    save_changes() {
      const sent = sentOf();
      page.count += 1;
      for (const name of touched) {
        sent.numbers.set(name, page.count);
        sent.values.set(name, host.get(name));
      }
      touched.clear();
      // All of them: what waits is merged, and has but one of these.
      host.set("_written", { page: page.name, numbers: Object.fromEntries(sent.numbers) });
      host.save_changes();
    },
    send(act) {
      const own = sentOf();
      page.count += 1;
      const widgets: Record<string, Record<string, readonly [number, unknown]>> = {};
      for (const [of, { numbers, values, command }] of page.widgets) {
        for (const [name, number] of numbers) {
          if (number <= command) continue;
          // For this widget's own traits, the value on screen: Python may have changed it since.
          const value = of === mark ? host.get(name as keyof WritableTraits) : values.get(name);
          widgets[of] = { ...widgets[of], [name]: [number, value] };
        }
      }
      own.command = page.count;
      host.send({ ...act, pending: { page: page.name, number: page.count, widgets } });
    },
  };
}
