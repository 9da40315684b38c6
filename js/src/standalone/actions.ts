/** What a view may ask for by message, on pages without a kernel: as `kanwidget/widget/messages.py` has it. */
import { type EdgeIndex, edgeId } from "../model/network";
import { sanitize } from "./sanitize";
import type { Session } from "./session";

type Message = Readonly<Record<string, unknown>>;

/** Characters that a note may have. */
const MAX_NOTE_CHARACTERS = 2000;

/** Does what a message asks for, or throws an error in words. */
export function runCommand(session: Session, message: Message): void {
  const found = COMMANDS.get(message.do);
  if (!found) throw new Error(`there is no act ${shortText(message.do)}; there are ${NAMES} and compare`);
  found(session, message);
}

/** The two commands that a view wants to see side by side; null for an empty list. */
export function comparedSteps(session: Session, ids: unknown): [number, number] | null {
  if (Array.isArray(ids) && ids.length === 0) return null;
  if (!Array.isArray(ids) || ids.length !== 2) {
    throw new Error(`compare takes the numbers of two commands, got ${shortText(ids)}`);
  }
  return [commandOf(session, ids[0]), commandOf(session, ids[1])];
}

const COMMANDS: ReadonlyMap<unknown, (session: Session, message: Message) => void> = new Map(
  Object.entries({
    undo(session: Session) {
      if (!session.undo()) throw new Error("there is nothing to undo");
    },
    redo(session: Session) {
      if (!session.redo()) throw new Error("there is nothing to redo");
    },
    commit() {
      throw new Error(
        "there is no Python behind this page, so nothing can be committed: run its script where the model is",
      );
    },
    reset: (session: Session) => session.reset(),
    new_step: (session: Session) => session.endDrag(),
    same_step: (session: Session) => session.continueStep(),
    jump: (session: Session, { id }: Message) => session.jump(commandOf(session, id)),
    note(session: Session, { id, text }: Message) {
      if (typeof text !== "string") throw new Error(`a note is a text, got ${shortText(text)}`);
      // Halves of characters cannot be written to a file or back.
      const whole = text.replace(/[\ud800-\udfff]/gu, "?");
      session.history.note(commandOf(session, id), Array.from(whole).slice(0, MAX_NOTE_CHARACTERS).join(""));
    },
    name(session: Session, { edge, function: name }: Message) {
      const id = edgeOf(session, edge);
      if (session.switchable.get(id)?.function !== name) {
        throw new Error(`there is no Python behind this page, so no edge can be named ${shortText(name)}`);
      }
      session.setNamed(id, true);
    },
    unname: (session: Session, { edge }: Message) => session.setNamed(edgeOf(session, edge), false),
    remove_dead_ends(session: Session) {
      if (!session.removeDeadEnds()) throw new Error("there are no dead ends to remove");
    },
  }),
);

const NAMES = [...COMMANDS.keys()].join(", ");

function commandOf(session: Session, id: unknown): number {
  if (!Number.isInteger(id)) throw new Error(`a command has a whole number, got ${shortText(id)}`);
  return session.history.get(id as number).id;
}

function edgeOf({ net }: Session, value: unknown): number {
  const ids = sanitize(net, "selected", [value]) as number[][] | undefined;
  if (ids?.[0]?.length !== 3) throw new Error(`there is no edge ${shortText(value)}`);
  return edgeId(net, ids[0] as EdgeIndex);
}

function shortText(value: unknown): string {
  let text = String(value);
  if (typeof value === "string") text = `'${value}'`;
  else if (typeof value === "object" && value !== null) text = Array.isArray(value) ? "a list" : "an object";
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
