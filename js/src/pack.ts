/** The other end of `decode`: arrays to the bytes of the wire, where there is no Python to pack them. */

/** As in `kanwidget/wire.py`: magic, version, dtype, sequence, shape, padding to 8 bytes, data. */
export function encode(
  data: Float32Array | Float64Array | Uint8Array,
  shape: readonly number[] = [data.length],
  sequence = 0,
): DataView<ArrayBuffer> {
  const start = Math.ceil((12 + 4 * shape.length) / 8) * 8;
  const bytes = new Uint8Array(start + data.byteLength);
  const view = new DataView(bytes.buffer);
  bytes.set([0x4b, 0x57, 1, data instanceof Float32Array ? 1 : data instanceof Float64Array ? 2 : 3]);
  for (const [k, n] of [sequence, shape.length, ...shape].entries()) view.setUint32(4 + 4 * k, n, true);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return view;
}

/** Bytes from base64, in which a page holds them. */
export function fromBase64(text: string): DataView<ArrayBuffer> {
  return new DataView(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer);
}
