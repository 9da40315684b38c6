import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createViewStore } from "../../src/state/view-store";
import { fakeModel } from "../fake";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function opened() {
  const model = fakeModel();
  const store = createViewStore(model);
  store.refreshIfStale();
  return { model, store };
}

test("a value in the hand is shown at once, written now and then, and at last when the hand lets go", () => {
  const { model, store } = opened();
  store.draft({ node_threshold: 0.01 });
  expect(model.traits.node_threshold).toBe(0.01);
  store.draft({ node_threshold: 0.05 });
  expect(store.state.value!.edits.nodeThreshold).toBe(0.05);
  expect(model.traits.node_threshold).toBe(0.01);
  vi.advanceTimersByTime(200);
  expect(model.traits.node_threshold).toBe(0.05);
  store.draft({ node_threshold: 0.06 });
  store.draft({ node_threshold: 0.07 });
  store.release();
  expect(model.traits.node_threshold).toBe(0.07);
  expect(store.state.value!.drag).toBeNull();
});

test("what Python says of the same value does not show before the hand lets go, and all else does", () => {
  const { model, store } = opened();
  store.draft({ tolerance: 0.2 });
  model.receive({ tolerance: 0.1, loss: 0.5 });
  store.markStale();
  store.refreshIfStale();
  expect(store.snapshot.value).toMatchObject({ tolerance: 0.2, loss: 0.5 });
  store.release();
  expect(model.traits.tolerance).toBe(0.2);
  model.receive({ tolerance: 0.1 });
  store.markStale();
  store.refreshIfStale();
  expect(store.snapshot.value).toMatchObject({ tolerance: 0.1 });
});

test("letting go of nothing writes nothing", () => {
  const { model, store } = opened();
  const { messages } = model;
  store.release();
  expect(model.messages).toBe(messages);
});

test("names and the followed sample are the same objects while nothing they follow from has changed", () => {
  const { model, store } = opened();
  const { value: names } = store.names;
  model.receive({ loss: 0.4 });
  store.markStale();
  store.refreshIfStale();
  expect(store.names.value).toBe(names);
  store.forgetWidths();
  expect(store.names.value).not.toBe(names);
});
