/** The forward pass. */

/** Every edge function as cubics on cells; see `kanwidget/tables.py`. */
export interface Cells {
  /** Cells of each source node. */
  readonly count: number;
  /** Where they begin and end, (sources, count + 1). */
  readonly x: Float64Array;
  /** c0..c3 of ((c3 u + c2) u + c1) u + c0 with u from 0 to 1 in a cell, (E, count, 4). */
  readonly y: Float64Array;
  /** Constants of the baseline, (slots,) and, after the products, (N,). */
  readonly bias: Float64Array;
  readonly offset: Float64Array;
  /** Mean output of each edge, and what the bias holds of it already, (E,). */
  readonly means: Float64Array;
  readonly folded: Float64Array;
}
