/** What a page sends with a command, so that nothing decided before it is lost or comes after it. */
import { beforeEach, expect, test } from "vitest";
import { withMessageOrder } from "../../src/wire/outbox";
import { type FakeModel, fakeModel } from "../fake";

beforeEach(() => {
  Reflect.deleteProperty(globalThis, Symbol.for("kanwidget.outbox.1"));
});

function widget(mark: string) {
  const [host, controller] = [fakeModel(), new AbortController()];
  Object.assign(host.traits, { _picture: mark });
  return { host, model: withMessageOrder(host, controller.signal), close: () => controller.abort() };
}
const written = (host: FakeModel) =>
  host.traits._written as { page: string; numbers: Record<string, number> };

test("a command brings what was written before it, with the numbers under which it was written", () => {
  const { host, model } = widget("a");
  model.set("node_threshold", 0.004);
  model.save_changes();
  model.set("node_threshold", 0.04);
  model.set("keep_mean", false);
  model.save_changes();
  expect(written(host).numbers).toEqual({ node_threshold: 2, keep_mean: 2 });
  model.send({ do: "undo" });
  expect(host.acts).toEqual([{ do: "undo" }]);
  expect(host.pending[0]).toEqual({
    page: written(host).page,
    number: 3,
    widgets: { a: { node_threshold: [2, 0.04], keep_mean: [2, false] } },
  });
});

test("it is brought once, and what waits in the host keeps its old number", () => {
  const { host, model } = widget("a");
  model.set("node_threshold", 0.04);
  model.save_changes();
  model.send({ do: "undo" });
  model.set("edge_threshold", 0.1);
  model.save_changes();
  // The host may send both at once now: of the first it must be seen that it came before the undo.
  expect(written(host).numbers).toEqual({ node_threshold: 1, edge_threshold: 3 });
  model.send({ do: "commit" });
  expect(host.pending[1]!.widgets).toEqual({ a: { edge_threshold: [3, 0.1] } });
});

test("of what Python has changed since, the newer value is brought: it is on show", () => {
  const { host, model } = widget("a");
  model.set("node_threshold", 0.04);
  model.save_changes();
  host.receive({ node_threshold: 0.5 });
  model.send({ do: "commit" });
  expect(host.pending[0]!.widgets).toEqual({ a: { node_threshold: [1, 0.5] } });
});

test("two views of a widget, and two widgets of a page, share one order", () => {
  const { host, model } = widget("a");
  const second = withMessageOrder(host, new AbortController().signal);
  const other = widget("b");
  model.set("node_threshold", 0.04);
  model.save_changes();
  second.send({ do: "undo" });
  expect(host.pending[0]!.widgets).toEqual({ a: { node_threshold: [1, 0.04] } });
  other.model.set("keep_mean", false);
  other.model.save_changes();
  model.send({ do: "undo" });
  expect(host.pending[1]).toEqual({
    page: written(host).page,
    number: 4,
    widgets: { b: { keep_mean: [3, false] } },
  });
});

test("what a widget wrote is forgotten with its last view", () => {
  const [gone, other] = [widget("a"), widget("b")];
  gone.model.set("node_threshold", 0.04);
  gone.model.save_changes();
  gone.close();
  other.model.send({ do: "undo" });
  expect(other.host.pending[0]!.widgets).toEqual({});
});
