/**
 * A canvas that is written down: what the painters draw on it becomes SVG, its text text.
 *
 * It knows the part of a 2D context that painters of pictures use. Surfaces nest: one drawn on another becomes a
 * group in it. What holds pixels (a heat map's cells) goes in as an image.
 */
import type { Surfaces } from "./brush";

type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** What a painter leaves on a context between two calls. */
interface Look {
  fillStyle: unknown;
  strokeStyle: unknown;
  globalAlpha: number;
  lineWidth: number;
  lineCap: string;
  lineJoin: string;
  font: string;
  textAlign: string;
  textBaseline: string;
  imageSmoothingEnabled: boolean;
  dashes: readonly number[];
  matrix: Matrix;
}

const PLAIN: Look = {
  fillStyle: "#000000",
  strokeStyle: "#000000",
  globalAlpha: 1,
  lineWidth: 1,
  lineCap: "butt",
  lineJoin: "miter",
  font: "10px sans-serif",
  textAlign: "start",
  textBaseline: "alphabetic",
  imageSmoothingEnabled: true,
  dashes: [],
  matrix: [1, 0, 0, 1, 0, 0],
};
const ANCHORS: Record<string, string> = { center: "middle", right: "end", end: "end" };

/** Hundredths of a pixel, and never an exponent. */
function decimal(value: number): string {
  const text = (Math.round(value * 100) / 100).toFixed(2).replace(/\.?0+$/, "");
  return text === "-0" ? "0" : text;
}

/** As XML has it, without the characters that it cannot hold at all. */
function escaped(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/[&<>"]/g, (character) => entities[character]!);
}

const tag = (name: string, attributes: Record<string, string | null>, content?: string) => {
  const said = Object.entries(attributes)
    .map(([key, value]) => (value === null ? "" : ` ${key}="${escaped(value)}"`))
    .join("");
  return content === undefined ? `<${name}${said}/>` : `<${name}${said}>${content}</${name}>`;
};

/** A path in the words of SVG. */
class Line {
  d = "";
  moveTo(x: number, y: number): void {
    this.#add("M", x, y);
  }
  lineTo(x: number, y: number): void {
    this.#add(this.d ? "L" : "M", x, y);
  }
  bezierCurveTo(...points: number[]): void {
    this.#add("C", ...points);
  }
  closePath(): void {
    this.d += "Z";
  }
  rect(x: number, y: number, width: number, height: number): void {
    this.d += `M${decimal(x)} ${decimal(y)}h${decimal(width)}v${decimal(height)}h${decimal(-width)}Z`;
  }
  roundRect(x: number, y: number, width: number, height: number, r = 0): void {
    const k = Math.min(r, width / 2, height / 2);
    if (!(k > 0)) {
      this.rect(x, y, width, height);
      return;
    }
    const [right, bottom] = [x + width, y + height];
    const corner = (toX: number, toY: number) => this.#add(`A${decimal(k)} ${decimal(k)} 0 0 1 `, toX, toY);
    this.moveTo(x + k, y);
    this.lineTo(right - k, y);
    corner(right, y + k);
    this.lineTo(right, bottom - k);
    corner(right - k, bottom);
    this.lineTo(x + k, bottom);
    corner(x, bottom - k);
    this.lineTo(x, y + k);
    corner(x + k, y);
    this.closePath();
  }
  /** Only whole circles are drawn. */
  arc(x: number, y: number, r: number): void {
    const half = `a${decimal(r)} ${decimal(r)} 0 0 1`;
    this.d += `M${decimal(x - r)} ${decimal(y)}${half} ${decimal(2 * r)} 0${half} ${decimal(-2 * r)} 0Z`;
  }
  #add(command: string, ...numbers: number[]): void {
    this.d += command + numbers.map(decimal).join(" ");
  }
}

class Gradient {
  readonly stops: string[] = [];
  constructor(readonly ends: readonly [number, number, number, number]) {}
  addColorStop(offset: number, colour: string): void {
    this.stops.push(tag("stop", { offset: decimal(offset), "stop-color": solid(colour)[0] }));
  }
}

let probe: CanvasRenderingContext2D | null = null;
/** The browser's own context: measures text, and knows every colour that a style sheet can hold. */
function measuring(): CanvasRenderingContext2D {
  probe ??= document.createElement("canvas").getContext("2d")!;
  return probe;
}

/** A colour in the form that every SVG reader understands, and its opacity. */
function solid(colour: string): [hex: string, opacity: number] {
  const ctx = measuring();
  ctx.fillStyle = "#000000";
  ctx.fillStyle = colour;
  const said = ctx.fillStyle;
  const parts = /^rgba\((\d+), (\d+), (\d+), ([\d.]+)\)$/.exec(said);
  if (!parts) return [said, 1];
  const hex = parts.slice(1, 4).map((part) => Number(part).toString(16).padStart(2, "0"));
  return [`#${hex.join("")}`, Number(parts[4])];
}

export class Surface {
  readonly #parts: string[] = [];
  readonly #saved: Look[] = [];
  #look: Look = { ...PLAIN };
  #line = new Line();
  /** Painters remember by it what they have painted where. */
  readonly canvas = this;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    for (const name of Object.keys(PLAIN) as (keyof Look)[]) {
      if (name === "dashes" || name === "matrix") continue;
      Object.defineProperty(this, name, {
        get: () => this.#look[name],
        set: (value: never) => {
          this.#look[name] = value;
        },
      });
    }
  }

  getContext(): CanvasRenderingContext2D {
    return this as unknown as CanvasRenderingContext2D;
  }

  /** The whole as a document, on a ground. */
  document(title: string, background: string): string {
    const size = { width: decimal(this.width), height: decimal(this.height) };
    const [fill, opacity] = solid(background);
    const ground =
      opacity > 0 ? tag("rect", { ...size, fill, "fill-opacity": opacity === 1 ? null : `${opacity}` }) : "";
    const names = { xmlns: "http://www.w3.org/2000/svg", "xmlns:xlink": "http://www.w3.org/1999/xlink" };
    const content = [tag("title", {}, escaped(title)), ground, ...this.#parts].join("\n");
    const viewBox = `0 0 ${size.width} ${size.height}`;
    return `<?xml version="1.0" encoding="UTF-8"?>\n${tag("svg", { ...names, ...size, viewBox }, `\n${content}\n`)}\n`;
  }

  save(): void {
    this.#saved.push({ ...this.#look });
  }
  restore(): void {
    this.#look = this.#saved.pop() ?? this.#look;
  }
  setTransform(...matrix: Matrix): void {
    this.#look.matrix = matrix;
  }
  translate(x: number, y: number): void {
    this.#turn(1, 0, 0, 1, x, y);
  }
  scale(x: number, y: number): void {
    this.#turn(x, 0, 0, y, 0, 0);
  }
  rotate(angle: number): void {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    this.#turn(c, s, -s, c, 0, 0);
  }
  setLineDash(dashes: readonly number[]): void {
    this.#look.dashes = dashes;
  }
  /** Does nothing: each surface is painted once, from empty. */
  clearRect(): void {}

  beginPath(): void {
    this.#line = new Line();
  }
  moveTo(x: number, y: number): void {
    this.#line.moveTo(x, y);
  }
  lineTo(x: number, y: number): void {
    this.#line.lineTo(x, y);
  }
  bezierCurveTo(...points: number[]): void {
    this.#line.bezierCurveTo(...points);
  }
  closePath(): void {
    this.#line.closePath();
  }
  rect(x: number, y: number, width: number, height: number): void {
    this.#line.rect(x, y, width, height);
  }
  roundRect(x: number, y: number, width: number, height: number, r?: number): void {
    this.#line.roundRect(x, y, width, height, r);
  }
  arc(x: number, y: number, r: number): void {
    this.#line.arc(x, y, r);
  }

  stroke(line: Line = this.#line): void {
    if (line.d) this.#put("path", { d: line.d, fill: "none", ...this.#stroked() });
  }
  fill(line: Line = this.#line): void {
    if (line.d) this.#put("path", { d: line.d, ...this.#filled() });
  }
  fillRect(x: number, y: number, width: number, height: number): void {
    this.#rect(x, y, width, height, this.#filled());
  }
  strokeRect(x: number, y: number, width: number, height: number): void {
    this.#rect(x, y, width, height, { fill: "none", ...this.#stroked() });
  }
  fillText(text: string, x: number, y: number): void {
    this.#text(text, x, y, this.#filled());
  }
  /** The rim of a text, which is the same text: readers aloud need it once. */
  strokeText(text: string, x: number, y: number): void {
    this.#text(text, x, y, { fill: "none", ...this.#stroked(), "aria-hidden": "true" });
  }
  measureText(text: string): TextMetrics {
    const ctx = measuring();
    ctx.font = this.#look.font;
    return ctx.measureText(text);
  }
  createLinearGradient(...ends: [number, number, number, number]): Gradient {
    return new Gradient(ends);
  }
  drawImage(image: Surface | CanvasImageSource, x: number, y: number): void {
    if (image instanceof Surface) {
      if (image.#parts.length === 0) return;
      const transform = `translate(${decimal(x)} ${decimal(y)})`;
      this.#put("g", { transform, opacity: this.#opacity(1) }, image.#parts.join(""));
      return;
    }
    const { width, height } = image as OffscreenCanvas;
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [width, height];
    copy.getContext("2d")!.drawImage(image, 0, 0);
    const crisp = this.#look.imageSmoothingEnabled ? null : "image-rendering:pixelated";
    this.#rect(x, y, width, height, { "xlink:href": copy.toDataURL(), style: crisp }, "image");
  }

  #turn(a: number, b: number, c: number, d: number, e: number, f: number): void {
    const [A, B, C, D, E, F] = this.#look.matrix;
    this.#look.matrix = [
      A * a + C * b,
      B * a + D * b,
      A * c + C * d,
      B * c + D * d,
      A * e + C * f + E,
      B * e + D * f + F,
    ];
  }

  #put(name: string, attributes: Record<string, string | null>, content?: string): void {
    const { matrix } = this.#look;
    const still = matrix.every((value, k) => value === PLAIN.matrix[k]);
    const made = tag(name, attributes, content);
    this.#parts.push(
      still ? made : tag("g", { transform: `matrix(${matrix.map(decimal).join(" ")})` }, made),
    );
  }

  #rect(
    x: number,
    y: number,
    width: number,
    height: number,
    more: Record<string, string | null>,
    name = "rect",
  ): void {
    const size = { width: decimal(width), height: decimal(height) };
    this.#put(name, { x: decimal(x), y: decimal(y), ...size, ...more });
  }

  #text(text: string, x: number, y: number, ink: Record<string, string | null>): void {
    const { font, textAlign } = this.#look;
    const [, size, family] = /^([\d.]+)px (.+)$/s.exec(font) ?? ["", "10", font];
    const place = {
      x: decimal(x),
      y: decimal(y),
      "font-family": family!,
      "font-size": decimal(Number(size)),
    };
    const attributes = {
      ...place,
      "text-anchor": ANCHORS[textAlign] ?? null,
      "xml:space": "preserve",
      ...ink,
    };
    this.#put("text", attributes, escaped(text));
  }

  #opacity(own: number): string | null {
    const opacity = Math.min(1, Math.max(0, this.#look.globalAlpha)) * own;
    return opacity === 1 ? null : `${Math.round(opacity * 1000) / 1000}`;
  }

  #filled(): Record<string, string | null> {
    const { fillStyle } = this.#look;
    if (fillStyle instanceof Gradient) {
      const [x1, y1, x2, y2] = fillStyle.ends.map(decimal) as [string, string, string, string];
      const id = `shade${this.#parts.length}`;
      const ends = { id, gradientUnits: "userSpaceOnUse", x1, y1, x2, y2 };
      this.#parts.push(tag("linearGradient", ends, fillStyle.stops.join("")));
      return { fill: `url(#${id})`, "fill-opacity": this.#opacity(1) };
    }
    const [fill, own] = solid(String(fillStyle));
    return { fill, "fill-opacity": this.#opacity(own) };
  }

  #stroked(): Record<string, string | null> {
    const { strokeStyle, lineWidth, lineCap, lineJoin, dashes } = this.#look;
    const [stroke, own] = solid(String(strokeStyle));
    return {
      stroke,
      "stroke-opacity": this.#opacity(own),
      "stroke-width": decimal(lineWidth),
      "stroke-linecap": lineCap === "butt" ? null : lineCap,
      "stroke-linejoin": lineJoin === "miter" ? null : lineJoin,
      "stroke-dasharray": dashes.length > 0 ? dashes.map(decimal).join(" ") : null,
    };
  }
}

/** Surfaces and paths for painters that write SVG. */
export const written: Surfaces = {
  path: () => new Line() as unknown as Path2D,
  surface: (width, height) => new Surface(width, height) as unknown as OffscreenCanvas,
};
