/** What a person does, and what they see of it. */
import { describe, expect, test } from "vitest";
import { commands, userEvent } from "vitest/browser";
import { createNetwork, edgeIndex } from "../../src/model/network";
import { createNormalizedCurves } from "../../src/views/network/scene";
import { fakeModel, networkOf, randomNumbers, SAMPLES, sampleCurves } from "../fake";
import { click, doubleClick, frames, grab, letGo, middle, mount, openMore, settled, thumb } from "./mounted";

describe.each([[[2, 5, 1]], [[1, 1]], [[3, 4, 2]]])("of [%s], each box", (width) => {
  test.each(["right", "up"] as const)(
    "shows its edge's function to a pixel and a half, %s",
    async (orientation) => {
      const model = fakeModel(width);
      model.traits.orientation = orientation;
      const { canvas, twin } = await mount(model);
      const net = networkOf(width);
      const curve = createNormalizedCurves(net, sampleCurves(net));
      const stage = canvas.getBoundingClientRect();
      for (let e = 0; e < net.edgeCount; e++) {
        const box = twin("edge", edgeIndex(net, e).join()).getBoundingClientRect();
        expect(box.width).toBe(box.height);
        expect(box.width).toBeGreaterThan(40);
        const inset = 0.12 * box.width;
        const points = Array.from({ length: SAMPLES }, (_, k): [number, number] => [
          inset + curve(e)[2 * k]! * (box.width - 2 * inset),
          box.height - inset - curve(e)[2 * k + 1]! * (box.height - 2 * inset),
        ]);
        const side = Math.floor(box.width);
        const [left, top] = [Math.round(box.x - stage.x), Math.round(box.y - stage.y)];
        const { data } = canvas.getContext("2d")!.getImageData(left, top, side, side);
        const red = (x: number, y: number) => data[4 * (y * side + x)]!;
        const reds = Array.from({ length: side }, (_, x) =>
          Array.from({ length: side }, (_, y) => red(x, y)),
        );
        const ground = commonest(reds.flat());
        const inked = (x: number, y: number) => Math.abs(red(x, y) - ground) > 45;
        // A large box says its range above and below the curve.
        const rim = side >= 90 ? Math.ceil(inset) : 3;
        const off: string[] = [];
        for (let x = 3; x < side - 3; x++) {
          for (let y = rim; y < side - rim; y++) {
            // Half the width of the stroke and half a pixel belong to the line.
            if (inked(x, y) && distance(points, x + 0.5, y + 0.5) > 1.5 + 2) off.push(`${x},${y}`);
          }
        }
        expect(off, `edge ${e}: ink away from its function`).toEqual([]);
        for (const [px, py] of points) {
          const near = [-1, 0, 1].some((dx) =>
            [-1, 0, 1].some((dy) => inked(Math.floor(px) + dx, Math.floor(py) + dy)),
          );
          expect(near, `edge ${e}: no ink on its function at ${px},${py}`).toBe(true);
        }
      }
    },
  );
});

function commonest(values: number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}

/** From a point to a chain of lines. */
function distance(points: [number, number][], x: number, y: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let k = 1; k < points.length; k++) {
    const [[ax, ay], [bx, by]] = [points[k - 1]!, points[k]!];
    const [dx, dy] = [bx - ax, by - ay];
    const t = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
    least = Math.min(least, Math.hypot(x - ax - t * dx, y - ay - t * dy));
  }
  return least;
}

test("a double click on a curve switches its edge off, on the line that is left it brings it back", async () => {
  const view = await mount();
  await doubleClick(view.twin("edge", "0,1,2"));
  expect(view.model.traits.removed_edges).toEqual([[0, 1, 2]]);
  expect(view.isOn("edge", "0,1,2")).toBe(false);
  expect(view.find("[data-role=status]").textContent).toContain("14 of 15 edges");
  await settled();
  await doubleClick(view.twin("edge", "0,1,2"));
  expect(view.model.traits.removed_edges).toEqual([]);
  expect(view.isOn("edge", "0,1,2")).toBe(true);
});

describe.each([[[2, 5, 1]], [[4, 9, 1]], [[3, 4, 4, 2]]])("in [%s]", (width) => {
  const ids = networkOf(width);
  const random = randomNumbers(width.length * width[1]!);
  const edges = Array.from({ length: 34 }, () => Math.floor(random() * ids.edgeCount));

  test("two double clicks at one point switch one edge off and on again, wherever its column would move", async () => {
    const view = await mount(fakeModel(width));
    const { traits } = view.model;
    const outside = () => commands.mouse([["move", 2, 2]]);
    for (const edge of edges) {
      const index = edgeIndex(ids, edge);
      await doubleClick(view.twin("edge", index.join()));
      view.model.python();
      expect(traits.removed_edges).toEqual([index]);
      await frames(5);
      await commands.mouse([["down"], ["up"], ["down", { clickCount: 2 }], ["up", { clickCount: 2 }]]);
      expect(traits.removed_edges, `the second double click at edge ${index}`).toEqual([]);
      view.model.python();
      await outside();
    }
  }, 60_000);
});

test("after a double click nothing moves until the pointer has left the stage, whoever changes what", async () => {
  const view = await mount();
  const places = () =>
    [...view.root.querySelectorAll(".twins button")].map((twin) => middle(twin).map(Math.round).join());
  const before = places();
  await doubleClick(view.twin("edge", "0,0,1"));
  await settled();
  expect(places()).toEqual(before);
  view.model.receive({ removed_edges: [[0, 1, 3]] });
  view.model.python();
  await settled();
  expect(places()).toEqual(before);
  await commands.mouse([["move", 2, 2]]);
  await settled();
  expect(places()).not.toEqual(before);
  await click(view.twin("edge", "0,0,4"));
  view.model.receive({ removed_edges: [] });
  view.model.python();
  await grab(view.slider("node"), 300);
  await letGo();
  await settled();
  expect(places(), "a slider is let go elsewhere").not.toEqual(before);
});

test("a double click on a cell of a matrix leaves the matrix under the pointer, though a network would do now", async () => {
  const view = await mount(fakeModel([23, 1]));
  const place = () => {
    const { left, top, width } = view.twin("edge", "0,5,0").getBoundingClientRect();
    return [left, top, width];
  };
  const before = place();
  await doubleClick(view.twin("edge", "0,5,0"));
  view.model.python();
  await settled();
  expect(view.model.traits.removed_edges).toEqual([[0, 5, 0]]);
  expect(place()).toEqual(before);
  await doubleClick(view.twin("edge", "0,5,0"));
  view.model.python();
  await settled();
  expect(view.model.traits.removed_edges).toEqual([]);
  await doubleClick(view.twin("edge", "0,5,0"));
  view.model.python();
  await commands.mouse([["move", 2, 2]]);
  await settled();
  expect(place()).not.toEqual(before);
});

test("a double click on a node switches it off with its edges, another brings them back", async () => {
  const view = await mount();
  await doubleClick(view.twin("node", "1,3"));
  expect(view.model.traits.removed_nodes).toEqual([[1, 3]]);
  for (const edge of ["0,0,3", "0,1,3", "1,3,0"]) expect(view.isOn("edge", edge)).toBe(false);
  expect(view.isOn("node", "1,3")).toBe(false);
  await settled();
  await doubleClick(view.twin("node", "1,3"));
  expect(view.model.traits.removed_nodes).toEqual([]);
  expect(view.find("[data-role=status]").textContent).toContain("15 of 15 edges");
});

test("a double click means what its first click was on, though the boxes move in between", async () => {
  const view = await mount();
  const [x, y] = middle(view.twin("edge", "0,0,2"));
  await commands.mouse([["move", x, y], ["down"], ["up"]]);
  view.model.receive({ node_threshold: 0.05 });
  await settled();
  const second = { clickCount: 2 };
  await commands.mouse([
    ["down", second],
    ["up", second],
  ]);
  expect(view.model.traits.kept_edges).toEqual([[0, 0, 2]]);
});

test("the whole job can be done by keyboard", async () => {
  const view = await mount();
  view.twin("edge", "0,0,4").focus();
  await frames(2);
  expect(view.find("[data-role=card]").textContent).toContain("x1 → h1,4");
  await userEvent.keyboard("{Enter}");
  await frames(2);
  expect(view.model.traits.selected).toEqual([[0, 0, 4]]);
  expect(view.model.traits.removed_edges).toEqual([]);
  await userEvent.keyboard(" ");
  await frames(2);
  expect(view.model.traits.removed_edges).toEqual([[0, 0, 4]]);
  expect(view.root.parentNode instanceof ShadowRoot && view.root.parentNode.activeElement).toBe(
    view.twin("edge", "0,0,4"),
  );
  view.slider("node").focus();
  await userEvent.keyboard("{End}");
  await frames(2);
  expect(view.model.traits.node_threshold).toBeCloseTo(
    1.1 * Math.max(...networkOf([2, 5, 1]).nodeScores.slice(2, 7)),
    9,
  );
});

test("a drag previews at once, moves nothing until it is let go, and ends with the last value in the model", async () => {
  const view = await mount();
  const before = [...view.root.querySelectorAll("button[data-edge]")].map((twin) =>
    twin.getAttribute("style"),
  );
  await grab(view.slider("node"), 500);
  expect(view.find("[data-role=status]").textContent).toContain("9 of 15 edges");
  expect(view.find(".slider").textContent).toContain("removes 2 nodes, 6 edges");
  expect(view.isOn("edge", "0,0,1")).toBe(false);
  expect(view.isOn("edge", "0,0,2")).toBe(true);
  expect(
    [...view.root.querySelectorAll("button[data-edge]")].map((twin) => twin.getAttribute("style")),
  ).toEqual(before);
  await letGo();
  expect(view.model.traits.node_threshold).toBeGreaterThan(0);
  const { node_threshold } = view.model.traits;
  await settled();
  expect(view.model.traits.node_threshold).toBe(node_threshold);
  expect(view.twin("edge", "0,0,4").getBoundingClientRect().width).toBeGreaterThan(80);
  expect(view.twin("edge", "0,0,1").getBoundingClientRect().width).toBeLessThan(24);
});

test("a drag that ends where it began lets go too", async () => {
  const view = await mount();
  await grab(view.slider("node"), 700);
  await commands.mouse([["move", ...thumb(view.slider("node"), 0), 5], ["up"]]);
  await frames(2);
  expect(view.model.traits.node_threshold).toBe(0);
  view.model.receive({ node_threshold: 0.05 });
  await frames(2);
  expect(Number(view.slider("node").value)).toBeGreaterThan(300);
});

test("a thousand moves of the slider send at most ten messages a second, and the last value", async () => {
  const view = await mount();
  const slider = view.slider("edge");
  const start = performance.now();
  for (let k = 1; k <= 1000; k++) {
    slider.value = `${k}`;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    if (k % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 15));
  }
  const allowed = Math.floor((performance.now() - start) / 100) + 1;
  expect(view.model.messages).toBeLessThanOrEqual(allowed);
  expect(view.model.messages).toBeGreaterThan(3);
  slider.dispatchEvent(new Event("change", { bubbles: true }));
  expect(view.model.traits.edge_threshold).toBeCloseTo(1.1 * Math.max(...networkOf([2, 5, 1]).scores), 9);
});

test("an echo of an older value moves neither the thumb nor the picture under the hand", async () => {
  const view = await mount();
  await grab(view.slider("node"), 500);
  const pixels = view.canvas.toDataURL();
  const value = view.slider("node").value;
  view.model.receive({ node_threshold: 0.0001 });
  await frames(3);
  expect(view.slider("node").value).toBe(value);
  expect(view.canvas.toDataURL()).toBe(pixels);
  await letGo();
});

test("the loss is dimmed until Python has applied the mask on show", async () => {
  const view = await mount();
  const loss = view.find(".loss");
  expect(loss.classList.contains("pending")).toBe(false);
  await doubleClick(view.twin("edge", "0,0,0"));
  expect(loss.classList.contains("pending")).toBe(true);
  view.model.python();
  await frames(2);
  expect(loss.classList.contains("pending")).toBe(false);
  expect(view.find("[data-role=status]").textContent).toBe("14 of 15 edges · test RMSE 0.1400, +7.7%");
});

test("Reset asks for a reset, which is one step with that name", async () => {
  const view = await mount();
  const reset = view.find<HTMLButtonElement>("[data-role=reset]");
  expect(reset.disabled).toBe(true);
  view.model.receive({
    node_threshold: 0.05,
    edge_threshold: 0.01,
    removed_edges: [[0, 0, 0]],
    kept_edges: [[0, 1, 0]],
    removed_nodes: [[1, 1]],
    kept_nodes: [[1, 2]],
  });
  await frames(2);
  await openMore(view);
  await click(reset);
  // Python does it, and its history calls it so; a page without a kernel is asked in its own tests.
  expect(view.model.acts).toEqual([{ do: "reset" }]);
  // What it then is, is written too, in one message: marimo's cells follow nothing else.
  expect(view.model.messages).toBe(1);
  expect(view.model.get("node_threshold")).toBe(0);
  expect(view.model.get("removed_nodes")).toEqual([]);
});

test("letting go of one slider does not undo what Python has just done to the other", async () => {
  const view = await mount();
  await grab(view.slider("node"), 500);
  view.model.receive({ edge_threshold: 0.2 });
  const slider = view.slider("node");
  slider.dispatchEvent(new Event("change", { bubbles: true }));
  expect(view.model.traits.edge_threshold).toBe(0.2);
  await letGo();
});

test("a new name of the same width is written over the old one", async () => {
  const view = await mount();
  const before = view.canvas.toDataURL();
  view.model.receive({ in_vars: ["x_2", "x_1"] });
  await frames(2);
  expect(view.canvas.toDataURL()).not.toBe(before);
});

test("what Python changes shows without a touch", async () => {
  const view = await mount();
  view.model.receive({ removed_edges: [[1, 4, 0]] });
  await frames(2);
  expect(view.isOn("edge", "1,4,0")).toBe(false);
  expect(view.isOn("node", "1,4")).toBe(false);
});

test("the pointer is told what it is on", async () => {
  const view = await mount();
  await commands.mouse([["move", ...middle(view.twin("edge", "0,1,3"))]]);
  await frames(2);
  expect(view.find("[data-role=card]").hidden).toBe(false);
  expect(view.find("[data-role=card]").textContent).toContain("x2 → h1,3");
  expect(view.find("[data-role=card]").textContent).toContain("score 0.1130, on");
  expect(view.find("[data-role=card] sub").textContent).toBe("2");
  await commands.mouse([["move", 2, 2]]);
  await frames(2);
  expect(view.find("[data-role=card]").hidden).toBe(true);
});

test("a network of 50,816 edges can be used", async () => {
  const width = [784, 64, 10];
  const scores = Float64Array.from({ length: 50816 }, (_, e) => 1 / (1 + ((e * 7919) % 50816)));
  expect(createNetwork(width, scores, new Uint8Array(50816).fill(1)).edgeCount).toBe(50816);
  const view = await mount(fakeModel(width, scores));
  await frames(2);
  expect(view.root.querySelectorAll("button[data-edge]").length).toBe(600);
  await grab(view.slider("edge"), 600);
  expect(view.find("[data-role=status]").textContent).toMatch(/^[\d,]+ of 50,816 edges/);
  await letGo();
  expect(view.model.traits.edge_threshold).toBeGreaterThan(0);
});
