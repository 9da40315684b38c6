/** The words in a loss plot stand beside each other and inside of it, whatever the curves are. */
import { expect, onTestFinished, test } from "vitest";
import type { LossCurve } from "../../src/model/loss-curve";
import { logAxisOf, thresholdAt } from "../../src/model/scales";
import type { Commands } from "../../src/panels/context";
import { createLossPlot } from "../../src/panels/threshold/loss-plot";
import { adopt } from "../../src/styles/styles";
import { element } from "../../src/util/dom";
import { randomNumbers } from "../fake";

/** A loss along a threshold that is flat, rises, falls or jumps, on any scale. */
function randomCurve(random: () => number): LossCurve {
  const points = 2 + Math.floor(random() * 30);
  const rising = Array.from({ length: points - 1 }, () => 10 ** (-4 * random())).sort((a, b) => a - b);
  const unit = 10 ** (8 * random() - 8);
  const [flat, steep, noise] = [Math.floor(random() * points), 10 ** (3 * random() - 2), random() ** 3];
  const losses = () =>
    Float64Array.from({ length: points }, (_, k) => {
      const worse = k > flat ? steep * (k - flat) : 0;
      return unit * Math.max(0, 1 + worse + noise * (random() - 0.5));
    });
  return {
    thresholds: Float64Array.from([0, ...rising]),
    activeEdges: Float64Array.from({ length: points }, (_, k) => points - k),
    lossKept: losses(),
    lossZeroed: losses(),
    higherIsBetter: random() < 0.2,
  };
}

test.each([220, 318, 420, 640])(
  "of 100 random curves in %d px none overlap, and none leaves the plot",
  (width) => {
    const host = document.body.appendChild(element("div"));
    const end = new AbortController();
    onTestFinished(() => {
      end.abort();
      host.remove();
    });
    const shadow = host.attachShadow({ mode: "open" });
    adopt(shadow);
    const commands = { draft() {}, releaseDraft() {} } as unknown as Commands;
    const plot = createLossPlot("Edge threshold", commands, end.signal);
    const slider = element("div", { class: "slider" }, plot.element);
    shadow.append(element("div", { class: "kanwidget" }, slider));
    // The numbers of the axis are beside the plot.
    slider.style.width = `${width + 56}px`;
    const random = randomNumbers(width);
    for (let k = 0; k < 100; k++) {
      const curve = randomCurve(random);
      const scale = logAxisOf(curve.thresholds)!;
      const [tolerance, keepMean] = [[0, 0.01, 0.05, 0.3, 2][k % 5]!, random() < 0.7];
      plot.update({
        curve,
        scale,
        keepMean,
        tolerance,
        higherIsBetter: curve.higherIsBetter!,
        lossName: ["test RMSE", "", "test cross_entropy (200 rows)"][k % 3]!,
        unknown: "",
      });
      for (const threshold of [
        0,
        ...[0.1, 0.3, 0.6, 0.9, 1].map((share) => thresholdAt(scale, 1000 * share)),
      ]) {
        plot.place(threshold);
        const frame = plot.element.getBoundingClientRect();
        const words = [...plot.element.querySelectorAll<HTMLElement>(".limit-label, .curve-names, .value")]
          .filter((one) => one.checkVisibility({ visibilityProperty: true }))
          .map(
            (one) =>
              ({ name: one.className, ...one.getBoundingClientRect().toJSON() }) as DOMRect & {
                name: string;
              },
          );
        expect(words.map(({ name }) => name)).toContain("value");
        words.forEach((one, n) => {
          const where = `${one.name} of curve ${k} at ${threshold}`;
          expect(one.left, where).toBeGreaterThan(frame.left - 1);
          expect(one.right, where).toBeLessThan(frame.right + 1);
          expect(one.top, where).toBeGreaterThan(frame.top - 1.5);
          expect(one.bottom, where).toBeLessThan(frame.bottom + 1.5);
          for (const other of words.slice(n + 1)) {
            const apart =
              one.right <= other.left + 0.2 ||
              other.right <= one.left + 0.2 ||
              one.bottom <= other.top + 0.2 ||
              other.bottom <= one.top + 0.2;
            expect(apart, `${where} and ${other.name}`).toBe(true);
          }
        });
      }
    }
  },
);
