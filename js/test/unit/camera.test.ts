import { expect, test } from "vitest";
import { findFreeSpot } from "../../src/stage/free-spot";
import { centreOf } from "../../src/util/rect";
import { clamp, FIT, MAX_ZOOM, panBy, project, reveal, zoomAt } from "../../src/views/camera";
import { hit } from "../../src/views/network/hit";
import { layout } from "../../src/views/network/layout";
import { networkOf, randomNumbers } from "../fake";

const size = { width: 900, height: 600 };
const net = networkOf([2, 5, 1]);
const made = layout(net, new Uint8Array(15).fill(1), { width: 900, inNames: 20, outNames: 30 });

test("what is under the pointer stays there while it zooms", () => {
  const camera = zoomAt(FIT, 2, 300, 200, size);
  const again = zoomAt(camera, 1.7, 420, 333, size);
  const world = [(420 - camera.x) / camera.k, (333 - camera.y) / camera.k];
  expect(world[0]! * again.k + again.x).toBeCloseTo(420, 9);
  expect(world[1]! * again.k + again.y).toBeCloseTo(333, 9);
});

test("no hand can move the picture out of sight, or zoom out of bounds", () => {
  const random = randomNumbers(5);
  let camera = FIT;
  for (let k = 0; k < 500; k++) {
    camera =
      random() < 0.5
        ? zoomAt(camera, 0.3 + 3 * random(), 900 * random(), 600 * random(), size)
        : panBy(camera, 2000 * (random() - 0.5), 2000 * (random() - 0.5), size);
    expect(camera.k).toBeGreaterThanOrEqual(1);
    expect(camera.k).toBeLessThanOrEqual(MAX_ZOOM);
    expect(camera.x).toBeLessThanOrEqual(0);
    expect(camera.x + camera.k * size.width).toBeGreaterThanOrEqual(size.width - 1e-9);
    expect(camera.y + camera.k * size.height).toBeGreaterThanOrEqual(size.height - 1e-9);
  }
  expect(zoomAt(camera, 1e-9, 0, 0, size)).toEqual(FIT);
  expect(clamp({ k: 1.0005, x: 3, y: 4 }, size)).toEqual(FIT);
});

test("boxes grow with the zoom, and what is hit is what is seen", () => {
  const camera = zoomAt(FIT, 4, 450, 300, { width: made.width, height: made.height });
  const seen = project(made, camera);
  for (const { edge, box } of made.places.values()) {
    const shown = seen.places.get(edge)!.box!;
    expect(shown.side).toBeCloseTo(4 * box!.side, 9);
    expect(hit(seen, ...centreOf(shown))).toEqual({ kind: "edge", id: edge });
  }
  expect(hit(seen, seen.nodeX[3]!, seen.nodeY[3]!)).toEqual({ kind: "node", id: 3 });
  expect(Math.max(...seen.nodeR)).toBeLessThan(10);
});

test("a target out of sight is brought into sight, and nothing moves for one that is", () => {
  const camera = zoomAt(FIT, 4, 0, 0, size);
  const box = { x: 800, y: 500, side: 30 };
  const moved = reveal(camera, box, size);
  expect(moved.x + moved.k * 800).toBeGreaterThanOrEqual(0);
  expect(moved.x + moved.k * 830).toBeLessThanOrEqual(900);
  expect(moved.y + moved.k * 530).toBeLessThanOrEqual(600);
  expect(reveal(moved, box, size)).toBe(moved);
});

test("a card covers no other box where there is room beside its own, and stays inside", () => {
  const boxes = [0, 1, 2].map((k) => ({ x: 100, y: 100 + 70 * k, side: 60 }));
  const [x, y] = findFreeSpot({ width: 160, height: 50 }, boxes[1]!, [boxes[0]!, boxes[2]!], size);
  expect(x).toBeGreaterThan(160);
  expect(y).toBeGreaterThan(100);
  const [left] = findFreeSpot({ width: 160, height: 50 }, { x: 820, y: 300, side: 60 }, [], size);
  expect(left + 160).toBeLessThanOrEqual(820);
  const [tightX, tightY] = findFreeSpot({ width: 300, height: 200 }, { x: 100, y: 50, side: 60 }, [], {
    width: 320,
    height: 280,
  });
  expect([tightX >= 0, tightX + 300 <= 320, tightY >= 0, tightY + 200 <= 280]).toEqual([
    true,
    true,
    true,
    true,
  ]);
});
