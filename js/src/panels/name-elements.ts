/** Names with their subscripts, as elements. */

import type { Network, Target } from "../model/network";
import { isolated, type NodeNames, nameOf, plainText, textRuns } from "../text/node-names";
import { element } from "../util/dom";
import { cutToLength } from "../util/graphemes";

export function nameElements(name: string): (Node | string)[] {
  return textRuns(name).map(({ text, shift }) => (shift === "none" ? text : element(shift, {}, text)));
}

/** Characters of a line of names; longer ones are cut so that both ends are seen. */
const LINE = 25;

/** Nodes' names, joined by an arrow. */
export function pathElements(names: readonly string[]): (Node | string)[] {
  const most = Math.floor(LINE / names.length);
  const written = (name: string) => {
    const [plain, short] = [plainText(name), cutToLength(plainText(name), most)];
    if (isolated(plain) !== plain) return [isolated(short)];
    return short === plain ? nameElements(name) : [short];
  };
  return names.flatMap((name, k) => [...(k > 0 ? [" → "] : []), ...written(name)]);
}

export function namesOf(net: Network, names: NodeNames, { kind, id }: Target): string[] {
  const nodes = kind === "edge" ? [net.source[id]!, net.target[id]!] : [id];
  return nodes.map((node) => nameOf(net, names, node));
}

export const plainPath = (names: readonly string[]): string =>
  names.map((name) => isolated(plainText(name))).join(" to ");
