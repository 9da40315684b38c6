// Runs before a page's own scripts: notes what the main thread does for each animation frame, when frames come,
// when a hand lets go, and when the kernel's answer to it has been drawn.
(() => {
  const frames = { costs: [], times: [], asked: 0, released: 0, answered: 0, confirmed: 0 };
  window.kanframes = frames;
  let work = 0;
  let drew = false;
  let depth = 0;
  const timed = (call) => {
    const start = performance.now();
    depth++;
    try {
      return call();
    } finally {
      if (--depth === 0) work += performance.now() - start;
    }
  };
  const request = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (callback) => {
    frames.asked++;
    return request((time) => {
      drew = true;
      timed(() => callback(time));
      if (frames.recording && !frames.loops) close();
      if (frames.answered > frames.released && !frames.confirmed) frames.confirmed = performance.now();
    });
  };
  // What comes between two frames counts for the later one: thresholds are worked out as the events come.
  const tick = (time) => {
    if (drew) frames.costs.push(work);
    frames.times.push(time);
    [work, drew] = [0, false];
    if (frames.recording) request(tick);
  };
  // Without the loop: as soon as the callbacks of this frame are done. A page that asks for all frames is busy with them.
  let closing = false;
  const close = () => {
    if (closing) return;
    closing = true;
    setTimeout(() => {
      frames.costs.push(work);
      [work, drew, closing] = [0, false, false];
    });
  };
  // `loops`: every frame is asked for, so that those that come late are seen.
  frames.start = (loops = true) => {
    Object.assign(frames, { costs: [], times: [], recording: true, loops });
    [work, drew] = [0, false]; // what came before is no part of it
    if (loops) request(tick);
  };
  const MEASURED = new Set(["input", "change", "keydown", "keyup", "pointermove", "pointerup", "pointerdown", "pointerover", "scroll"]);
  const wrappers = new WeakMap();
  const wrap = (listener) => {
    if (!wrappers.has(listener)) {
      wrappers.set(listener, function (event) {
        return timed(() => listener.call(this, event));
      });
    }
    return wrappers.get(listener);
  };
  const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype;
  const pick = (type, listener) => (MEASURED.has(type) && typeof listener === "function" ? wrap(listener) : listener);
  EventTarget.prototype.addEventListener = function (type, listener, ...rest) {
    return add.call(this, type, pick(type, listener), ...rest);
  };
  EventTarget.prototype.removeEventListener = function (type, listener, ...rest) {
    return remove.call(this, type, pick(type, listener), ...rest);
  };
  // What comes after the hand has let go is no drag any more.
  const letGo = () =>
    Object.assign(frames, { released: performance.now(), answered: 0, confirmed: 0, recording: false });
  for (const name of ["pointerup", "keyup"]) add.call(window, name, letGo, { capture: true });
  // The kernel's answer tells which edges are on.
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      add.call(this, "message", ({ data }) => {
        const text = typeof data === "string" ? data : new TextDecoder("latin1").decode(data);
        if (text.includes('"_mask"')) frames.answered = performance.now();
      });
    }
  };
})();
