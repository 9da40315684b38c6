import { existsSync } from "node:fs";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import type { BrowserCommand } from "vitest/node";

type MouseStep =
  | ["move", x: number, y: number, steps?: number]
  | ["down", options?: { button?: "left" | "right"; clickCount?: number }]
  | ["up", options?: { button?: "left" | "right"; clickCount?: number }]
  | ["wheel", x: number, y: number]
  | ["press", key: string]
  | ["lift", key: string];

/** The real mouse, and keys held with it, at coordinates of the test's own page (a frame in the runner's). */
const mouse: BrowserCommand<[steps: MouseStep[]]> = async ({ page, iframe }, steps) => {
  const frame = await iframe.owner().boundingBox();
  for (const step of steps) {
    if (step[0] === "move") {
      await page.mouse.move((frame?.x ?? 0) + step[1], (frame?.y ?? 0) + step[2], { steps: step[3] ?? 1 });
    } else if (step[0] === "wheel") {
      await page.mouse.wheel(step[1], step[2]);
    } else if (step[0] === "press") {
      await page.keyboard.down(step[1]);
    } else if (step[0] === "lift") {
      await page.keyboard.up(step[1]);
    } else if (step[0] === "down") {
      await page.mouse.down(step[1]);
    } else {
      await page.mouse.up(step[1]);
    }
  }
};

type Fingers = [x: number, y: number][];

/** Real fingers: each step is where they all are, `[]` when they have gone, a number a wait in ms. */
const touch: BrowserCommand<[steps: (Fingers | number)[]]> = async ({ page, iframe }, steps) => {
  const frame = await iframe.owner().boundingBox();
  const devtools = await page.context().newCDPSession(page);
  let down = 0;
  let sent: Promise<unknown>[] = [];
  for (const [k, step] of steps.entries()) {
    if (typeof step === "number") {
      await page.waitForTimeout(step);
      continue;
    }
    const type = step.length > down ? "touchStart" : step.length < down ? "touchEnd" : "touchMove";
    const touchPoints = step.map(([x, y], id) => ({ x: (frame?.x ?? 0) + x, y: (frame?.y ?? 0) + y, id }));
    sent.push(devtools.send("Input.dispatchTouchEvent", { type, touchPoints }));
    down = step.length;
    // A finger that taps goes up at once, and a second tap follows at once: on a slow machine, too.
    const next = steps[k + 1];
    if (Array.isArray(next) && (next.length === 0 || down === 0)) continue;
    await Promise.all(sent);
    sent = [];
  }
  await devtools.detach();
};

declare module "vitest/browser" {
  interface BrowserCommands {
    touch: (steps: (Fingers | number)[]) => Promise<void>;
    mouse: (steps: MouseStep[]) => Promise<void>;
  }
}

// Another Chromium: CHROMIUM=/path/to/it npm test. Without one, playwright looks for its own.
const installed = "/usr/bin/chromium";
const executablePath = process.env.CHROMIUM ?? (existsSync(installed) ? installed : undefined);

export default defineConfig({
  test: {
    projects: [
      // Their limit is for what hangs: a machine may have other work, too.
      {
        test: { name: "unit", include: ["test/unit/**/*.test.ts"], environment: "node", testTimeout: 30_000 },
      },
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 60_000 } },
          browser: {
            enabled: true,
            headless: true,
            ui: false,
            screenshotFailures: false,
            viewport: { width: 1000, height: 1200 },
            instances: [{ browser: "chromium" }],
            provider: playwright({
              launchOptions: {
                ...(executablePath && { executablePath }),
                args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
              },
              contextOptions: { colorScheme: "light", viewport: { width: 1000, height: 1200 } },
            }),
            commands: { mouse, touch },
          },
        },
      },
    ],
  },
});
