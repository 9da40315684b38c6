/** Loss along one threshold. */

/** Each array has one entry for each threshold at which an edge goes, rising, and 0 before them. */
export interface TradeOff {
  readonly thresholds: Float64Array;
  readonly activeEdges: Float64Array;
  readonly lossZeroed: Float64Array;
  readonly lossKept: Float64Array;
}
