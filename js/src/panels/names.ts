/** Names of nodes and edges with their subscripts, as templates. */

import { html, type TemplateResult } from "lit-html";
import type { Network, Target } from "../model/network";
import { isolated, type NodeNames, nameOf, plainText, textRuns } from "../text/node-names";
import { cutToLength } from "../util/graphemes";

type Content = TemplateResult | string;

const SCRIPTS = {
  none: (text: string) => text,
  sub: (text: string) => html`<sub>${text}</sub>`,
  sup: (text: string) => html`<sup>${text}</sup>`,
};

export const nameContent = (name: string): Content[] =>
  textRuns(name).map(({ text, shift }) => SCRIPTS[shift](text));

/** Characters of a line of names; longer ones are cut so that both ends are seen. */
const LINE = 25;

/** Nodes' names, joined by an arrow. */
export function pathContent(names: readonly string[]): Content[] {
  const most = Math.floor(LINE / names.length);
  const written = (name: string): Content[] => {
    const [plain, short] = [plainText(name), cutToLength(plainText(name), most)];
    if (isolated(plain) !== plain) return [isolated(short)];
    return short === plain ? nameContent(name) : [short];
  };
  return names.flatMap((name, k) => [...(k > 0 ? [" → "] : []), ...written(name)]);
}

export function namesOf(net: Network, names: NodeNames, { kind, id }: Target): string[] {
  const nodes = kind === "edge" ? [net.source[id]!, net.target[id]!] : [id];
  return nodes.map((node) => nameOf(net, names, node));
}

export const plainPath = (names: readonly string[]): string =>
  names.map((name) => isolated(plainText(name))).join(" to ");
