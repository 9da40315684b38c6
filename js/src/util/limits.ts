/** Limits that several rooms keep to. */

/** Edges and nodes that are selected at most, as the session takes them. */
export const MAX_SELECTED = 64;

/** Edges that the graph draws at most. */
export const MAX_DRAWN = 2000;
