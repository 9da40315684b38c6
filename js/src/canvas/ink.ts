/** How an edge's importance shows: the width and the opacity of its ink. Pure; `figure/importance.py` has the same. */

/** Opacity at which ink still has a contrast of 3:1 on the background. */
const LEAST_ALPHA = 0.5;
const [THINNEST, THICKEST] = [0.75, 3];

/** Pixels, from an importance in 0..1. */
export const lineWidthOf = (importance: number): number => THINNEST + (THICKEST - THINNEST) * importance;

/** Opacity of ink: legible however small the importance. */
export const alphaOf = (importance: number): number => LEAST_ALPHA + (1 - LEAST_ALPHA) * importance;

/** So far along the matrix's scale goes the ground of a box in the network: its curve is the darkest thing in it. */
export const BOX_GROUND = 0.2;

/** Opacity of the lines of what is off. */
export const REMOVED_ALPHA = 0.06;
/** Of the dashes where an edge was until everything moves. */
export const GHOST_ALPHA = 0.35;
