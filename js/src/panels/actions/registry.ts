/** The main actions, from left to right as a person goes. A new one is a file here, its words in `text/labels.ts` and one line here. */
import type { Action, Commands } from "../context";
import { createNameCurves } from "./name-curves";
import { createPrune } from "./prune";
import { createRetrain } from "./retrain";

/** `say` tells a person what an action could not do. */
export type CreateAction = (commands: Commands, say: (words: string) => void) => Action;

export const ACTION_MAKERS: readonly CreateAction[] = [createPrune, createRetrain, createNameCurves];
