/** Names of nodes on a canvas: measured, shortened and painted, with their subscripts. Reads no DOM. */
import type { Run } from "./labels";
import type { NodeShape } from "./scene";

export interface Name {
  readonly node: number;
  readonly runs: readonly Run[];
  readonly align: "left" | "right";
}

const SIZE = 14;
const SCRIPT = 0.72;
const GAP = 8;

export function paintName(ctx: CanvasRenderingContext2D, family: string, name: Name, node: NodeShape): void {
  let x =
    node.x + (name.align === "left" ? node.r + GAP : -node.r - GAP - measureName(ctx, family, name.runs));
  ctx.globalAlpha = node.look === "on" ? 1 : 0.45;
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "left";
  for (const { text, shift } of name.runs) {
    ctx.font = fontOf(family, shift !== "none");
    ctx.fillText(text, x, node.y + SIZE * 0.36 + (shift === "sub" ? 3 : shift === "sup" ? -6 : 0));
    x += ctx.measureText(text).width;
  }
}

function fontOf(family: string, script: boolean): string {
  return `${script ? SIZE * SCRIPT : SIZE}px ${family}`;
}

export function measureName(ctx: CanvasRenderingContext2D, family: string, runs: readonly Run[]): number {
  let width = 0;
  for (const { text, shift } of runs) {
    ctx.font = fontOf(family, shift !== "none");
    width += ctx.measureText(text).width;
  }
  return width;
}

/** Shortens a name to `room` with an ellipsis; the whole name is in the card beside the pointer. */
export function fitName(
  ctx: CanvasRenderingContext2D,
  family: string,
  runs: readonly Run[],
  room: number,
): readonly Run[] {
  if (measureName(ctx, family, runs) <= room) return runs;
  const characters = [...runs.map((run) => run.text).join("")];
  while (characters.length > 1) {
    characters.pop();
    const short: Run[] = [{ text: `${characters.join("")}…`, shift: "none" }];
    if (measureName(ctx, family, short) <= room) return short;
  }
  return [{ text: "…", shift: "none" }];
}
