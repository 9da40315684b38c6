import { existsSync } from "node:fs";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import type { BrowserCommand } from "vitest/node";

type MouseStep = ["move", x: number, y: number, steps?: number] | ["down"] | ["up"];

/** The real mouse, at coordinates of the test's own page (which is a frame in the runner's). */
const mouse: BrowserCommand<[steps: MouseStep[]]> = async ({ page, iframe }, steps) => {
  const frame = await iframe.owner().boundingBox();
  for (const step of steps) {
    if (step[0] === "move") {
      await page.mouse.move((frame?.x ?? 0) + step[1], (frame?.y ?? 0) + step[2], { steps: step[3] ?? 1 });
    } else {
      await page.mouse[step[0]]();
    }
  }
};

declare module "vitest/browser" {
  interface BrowserCommands {
    mouse: (steps: MouseStep[]) => Promise<void>;
  }
}

// Another Chromium: CHROMIUM=/path/to/it npm test. Without one, playwright looks for its own.
const installed = "/usr/bin/chromium";
const executablePath = process.env.CHROMIUM ?? (existsSync(installed) ? installed : undefined);

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/**/*.test.ts"], environment: "node" } },
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          browser: {
            enabled: true,
            headless: true,
            ui: false,
            screenshotFailures: false,
            viewport: { width: 1000, height: 900 },
            instances: [{ browser: "chromium" }],
            provider: playwright({
              launchOptions: {
                ...(executablePath && { executablePath }),
                args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
              },
              contextOptions: { colorScheme: "light", viewport: { width: 1000, height: 900 } },
            }),
            commands: { mouse },
          },
        },
      },
    ],
  },
});
