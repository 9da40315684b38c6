/** A view on a page, and the ways a person touches it. */
import { onTestFinished } from "vitest";
import { commands } from "vitest/browser";
import widget from "../../src/index";
import { type FakeModel, fakeModel } from "../fake";

export interface Mounted {
  readonly model: FakeModel;
  readonly el: HTMLElement;
  readonly root: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly close: () => void;
  find<E extends HTMLElement = HTMLElement>(selector: string): E;
  twin(kind: "edge" | "node", index: string): HTMLButtonElement;
  isOn(kind: "edge" | "node", index: string): boolean;
  slider(axis: "node" | "edge"): HTMLInputElement;
  /** Opacity of a pixel of the picture, 0..255, at CSS coordinates of the stage. */
  ink(x: number, y: number): number;
}

/** `hints`: how many of the hints of the first time the person has seen; all of them, as a rule. */
export async function mount(model: FakeModel = fakeModel(), width = 900, hints = 3): Promise<Mounted> {
  localStorage.setItem("kanwidget.hints", `${hints}`);
  const el = document.body.appendChild(document.createElement("div"));
  el.style.width = `${width}px`;
  const close = widget().render({ model, el });
  onTestFinished(() => {
    close();
    el.remove();
  });
  const root = el.firstElementChild!.shadowRoot!.querySelector<HTMLElement>(".kanwidget")!;
  const find = <E extends HTMLElement>(selector: string): E => {
    const found = root.querySelector<E>(selector);
    if (!found) throw new Error(`The view has no ${selector}`);
    return found;
  };
  const canvas = find<HTMLCanvasElement>("canvas");
  const view: Mounted = {
    model,
    el,
    root,
    canvas,
    close,
    find,
    twin: (kind, index) => find(`button[data-${kind}="${index}"]`),
    isOn: (kind, index) => find(`button[data-${kind}="${index}"]`).getAttribute("aria-pressed") === "true",
    slider: (axis) => find(`input[data-threshold="${axis}"]`),
    ink(x, y) {
      const scale = canvas.width / canvas.getBoundingClientRect().width;
      return canvas.getContext("2d")!.getImageData(Math.floor(x * scale), Math.floor(y * scale), 1, 1)
        .data[3]!;
    },
  };
  await frames(3);
  return view;
}

export async function frames(n: number): Promise<void> {
  for (let k = 0; k < n; k++) await new Promise((resolve) => requestAnimationFrame(resolve));
}

/** Longer than the easing; what it ends with is drawn. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 300));
  await frames(2);
}

export function middle(element: Element): [x: number, y: number] {
  const { x, y, width, height } = element.getBoundingClientRect();
  return [x + width / 2, y + height / 2];
}

/** Where a person would point at it: what is out of sight is scrolled to. */
function reach(element: Element): [x: number, y: number] {
  const { top, bottom } = element.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) element.scrollIntoView({ block: "center" });
  return middle(element);
}

export async function click(element: Element): Promise<void> {
  const [x, y] = reach(element);
  await commands.mouse([["move", x, y], ["down"], ["up"]]);
  await frames(2);
}

/** Shows these tabs of the inspector, one after the other. */
export async function tabs(view: Mounted, names: readonly string[]): Promise<void> {
  for (const name of names) {
    view.find(`[data-panel=${name}]`).click();
    await frames(2);
  }
}

/** Opens the menu of the toolbar. */
export async function openMore(view: Mounted): Promise<void> {
  if (!view.find(".options").matches(":popover-open")) await click(view.find("[data-role=more]"));
}

/** Switches what is under the pointer off or on. */
export async function doubleClick(element: Element): Promise<void> {
  const [x, y] = reach(element);
  const second = { clickCount: 2 };
  await commands.mouse([["move", x, y], ["down"], ["up"], ["down", second], ["up", second]]);
  await frames(2);
}

/** Where the thumb stands at a position of 0..1000. */
export function thumb(slider: HTMLInputElement, position: number): [x: number, y: number] {
  const { x, y, width, height } = slider.getBoundingClientRect();
  return [x + 8 + (position / 1000) * (width - 16), y + height / 2];
}

export async function grab(slider: HTMLInputElement, to: number): Promise<void> {
  await commands.mouse([
    ["move", ...thumb(slider, Number(slider.value))],
    ["down"],
    ["move", ...thumb(slider, to), 10],
  ]);
  await frames(2);
}

export async function letGo(): Promise<void> {
  await commands.mouse([["up"]]);
  await frames(2);
}
