/** Packed arrays: bytes to typed arrays, checked; `kanwidget/widget/packed_array.py` writes the same. */
export type Bytes = ArrayBuffer | ArrayBufferView;

const DTYPES = { 1: Float32Array, 2: Float64Array, 3: Uint8Array } as const;
const DTYPE_NAMES = { float32: 1, float64: 2, uint8: 3 } as const;
export type Dtype = keyof typeof DTYPE_NAMES;
type ArrayOf<N extends Dtype> = InstanceType<(typeof DTYPES)[(typeof DTYPE_NAMES)[N]]>;

export interface Packed<A = Float32Array | Float64Array | Uint8Array> {
  readonly sequence: number;
  readonly shape: readonly number[];
  readonly data: A;
}

/**
 * Unpacks one array: magic, version, dtype, sequence, shape, padding to 8 bytes, data.
 * The data is copied: the host may hand out a view into a larger buffer at any offset, and reuse it later.
 */
export function decode<N extends Dtype>(bytes: Bytes, dtype: N, name = "packed array"): Packed<ArrayOf<N>> {
  const fail = (why: string): never => {
    throw new Error(`${name}: ${why}`);
  };
  const isBuffer = bytes instanceof ArrayBuffer;
  if (!isBuffer && !ArrayBuffer.isView(bytes)) fail("no bytes came");
  const view = isBuffer
    ? new DataView(bytes)
    : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 12) fail(`${view.byteLength} bytes are too few for a header`);
  if (view.getUint8(0) !== 0x4b || view.getUint8(1) !== 0x57) fail('it does not begin with "KW"');
  if (view.getUint8(2) !== 1) fail(`version ${view.getUint8(2)} is not understood, only 1`);
  const code = view.getUint8(3);
  if (code !== DTYPE_NAMES[dtype])
    fail(`dtype code ${code} came where ${dtype} (${DTYPE_NAMES[dtype]}) belongs`);
  const sequence = view.getUint32(4, true);
  const ndim = view.getUint32(8, true);
  if (ndim > 8 || view.byteLength < 12 + 4 * ndim) fail(`${ndim} dimensions do not fit its header`);
  const shape = Array.from({ length: ndim }, (_, d) => view.getUint32(12 + 4 * d, true));
  const start = Math.ceil((12 + 4 * ndim) / 8) * 8;
  const Typed = DTYPES[DTYPE_NAMES[dtype]];
  const expected = start + shape.reduce((product, n) => product * n, 1) * Typed.BYTES_PER_ELEMENT;
  if (view.byteLength !== expected) {
    fail(`${view.byteLength} bytes came, but shape [${shape}] needs ${expected}`);
  }
  for (let k = 12 + 4 * ndim; k < start; k++) if (view.getUint8(k) !== 0) fail("its padding is not zero");
  const copy = view.buffer.slice(view.byteOffset + start, view.byteOffset + expected) as ArrayBuffer;
  return { sequence, shape, data: new Typed(copy) as ArrayOf<N> };
}

/** As in `kanwidget/widget/packed_array.py`: magic, version, dtype, sequence, shape, padding to 8 bytes, data. */
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
