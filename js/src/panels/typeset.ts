/** Names with their subscripts, as elements. */
import { element } from "../dom";
import { isolated, type Names, nameOf, plainText, runsOf } from "../labels";
import { cutTo } from "../letters";
import type { Network } from "../network";
import type { Target } from "../state";

export function typeset(name: string): (Node | string)[] {
  return runsOf(name).map(({ text, shift }) => (shift === "none" ? text : element(shift, {}, text)));
}

/** Characters of a line of names; longer ones are cut so that both ends are seen. */
const LINE = 25;

/** Nodes' names, joined by an arrow. */
export function typesetPath(names: readonly string[]): (Node | string)[] {
  const most = Math.floor(LINE / names.length);
  const written = (name: string) => {
    const [plain, short] = [plainText(name), cutTo(plainText(name), most)];
    if (isolated(plain) !== plain) return [isolated(short)];
    return short === plain ? typeset(name) : [short];
  };
  return names.flatMap((name, k) => [...(k > 0 ? [" → "] : []), ...written(name)]);
}

export function namesOf(net: Network, names: Names, { kind, id }: Target): string[] {
  const nodes = kind === "edge" ? [net.source[id]!, net.target[id]!] : [id];
  return nodes.map((node) => nameOf(net, names, node));
}

export const plainPath = (names: readonly string[]): string =>
  names.map((name) => isolated(plainText(name))).join(" to ");
