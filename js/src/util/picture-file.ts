/** Pictures as files of the browser. */

/** How long a browser may take to read a file that it was handed. */
const KEEP_MS = 60_000;

/** Hands a file to the browser; whether the page lets it through cannot be seen from here. */
export function saveFile(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEEP_MS);
}

export interface Sheet {
  readonly canvas: HTMLCanvasElement;
  readonly ctx: CanvasRenderingContext2D;
}

export function createSheet(width: number, height: number): Sheet {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(width), Math.round(height)];
  const ctx = canvas.getContext("2d");
  if (!ctx) throw new Error("this browser gives no more room for pictures");
  return { canvas, ctx };
}

/** Layers on a ground of one colour; painters clear what they paint on, so each has a sheet of its own. */
export function asPng(ground: string, layers: readonly Sheet[]): Promise<Blob> {
  const { width, height } = layers[0]!.canvas;
  const { canvas, ctx } = createSheet(width, height);
  ctx.fillStyle = ground;
  ctx.fillRect(0, 0, width, height);
  for (const layer of layers) ctx.drawImage(layer.canvas, 0, 0);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob) resolve(blob);
      else reject(new Error("the picture is too large for this browser"));
    }, "image/png");
  });
}
