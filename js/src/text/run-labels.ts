/** The words of the view of a sweep. */
import { formatCount, formatFigures, formatItems, formatShort } from "./format";

export const RUNS = {
  name: "Runs of a sweep",
  stop: "Stop",
  stopHelp: "Lets no more runs begin; those that have ended stay",
  colour: "Colour",
  noColour: "one colour",
  show: "Show",
  all: "all runs",
  front: "the front",
  good: "within 5% of the lowest loss",
  failed: "failed runs",
  anyValue: "any",
  mostEdges: "Edges at most",
  mostLoss: "Test loss at most",
  clear: "Clear filters",
  plot: "Test loss against edges left",
  plotHelp:
    "Left and right arrows go to fewer and more edges, up and down arrows to higher and lower losses, Home and End to the ends of the front. Enter opens the network.",
  plotHint: "Click a point, or press Enter on it, to open its network",
  edges: "edges left",
  loss: "test loss",
  frontName: "front",
  table: "Runs",
  tableHelp: "Up and down arrows go through the runs, Enter opens the network.",
  open: "Open",
  close: "Close",
  columns: {
    run: "run",
    test: "test loss",
    train: "train loss",
    edges: "edges",
    seconds: "seconds",
    note: "",
  },
  save: "Save",
  savePng: "Plot as PNG",
  saveSvg: "Plot as SVG",
  saveCsv: "Table as CSV",
  compare: "Compare the good runs",
  compareHelp: "Which inputs they keep, and which curves of the first layer they share",
  comparing: "Comparing …",
  agreement: "What the good runs agree on",
  agreementHelp:
    "Runs with at most 1.5 times the lowest loss, a hundred at most. Thin lines are runs, the thick line is their median; dotted lines are other curves.",
  loading: "Opening …",
  notHere: "This network is not in the page: only those of the front are.",
  cannotOpen: (run: number) => `This page cannot show the network here. In Python: runs.session(${run}).`,
  disconnected: "Kernel disconnected: these are the last runs. Run the notebook again",
  noRuns: "No run has ended yet",
  saved: (name: string) => `Saved as ${name}. If no file comes, this page forbids downloads.`,
};

export interface Progress {
  readonly ended: number;
  readonly total: number;
  readonly failed: number;
  readonly running: boolean;
  readonly lowest: number;
  readonly edges: number;
}

/** "37 of 100 runs, 2 failed · lowest test loss 0.0123 with 5 edges". */
export function progressWords({ ended, total, failed, lowest, edges }: Progress): string {
  const runs =
    ended === total ? formatItems(total, "run") : `${formatCount(ended)} of ${formatItems(total, "run")}`;
  const words = failed ? `${runs}, ${formatCount(failed)} failed` : runs;
  return Number.isFinite(lowest)
    ? `${words} · lowest test loss ${formatFigures(lowest)} with ${formatItems(edges, "edge")}`
    : words;
}

/** What is said when a sweep has come to its end. */
export const endedWords = ({ ended, total }: Progress): string =>
  ended === total
    ? `All ${formatItems(total, "run")} have ended`
    : `Stopped: ${formatCount(ended)} of ${formatItems(total, "run")} have ended`;

export const shownWords = (shown: number, ended: number): string =>
  shown === ended ? formatItems(ended, "run") : `${formatCount(shown)} of ${formatItems(ended, "run")}`;

/** "Run 12: 5 edges, test loss 0.0123". */
export const runWords = (number: number, edges: number, loss: number): string =>
  Number.isNaN(edges)
    ? `Run ${number}: failed`
    : `Run ${number}: ${formatItems(edges, "edge")}, test loss ${formatFigures(loss)}`;

export const onFrontWords = "on the front";

export const openWords = (number: number): string => `The network of run ${number} is open below`;

export const inputWords = (name: string, kept: number, runs: number, share: number): string =>
  `${name}: kept in ${kept} of ${runs} runs, ${Math.round(100 * share)}% of what varies`;

export const curveWords = (same: number, runs: number): string => `in ${same} of ${runs} runs`;

export const secondsWords = (seconds: number): string =>
  Number.isFinite(seconds) ? formatShort(seconds) : "";
