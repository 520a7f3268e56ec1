// What is wrong with a page that must be read from afar: [] when nothing is.
// `least`: the smallest letters, in lines of a screen of 1080; `capital`: of what lies in `figure`;
// `frames`, `cells`: what no text may leave.
({ least, capital, figure, frames, cells }) => {
  const scale = window.innerHeight / 1080;
  const faults = [];
  const pen = document.createElement("canvas").getContext("2d");
  const board = document.getElementById("board").getBoundingClientRect();
  const root = document.scrollingElement;
  if (root.scrollHeight > window.innerHeight || root.scrollWidth > window.innerWidth) faults.push("the page scrolls");
  if (board.bottom > window.innerHeight + 1) faults.push("the board ends below the screen");

  const visible = (node) => node.checkVisibility({ visibilityProperty: true });
  const short = (text) => JSON.stringify(text.trim().slice(0, 30));
  const mayEnd = (style) => style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none";
  const texts = [];
  const walker = document.createTreeWalker(document.getElementById("board"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const holder = node.parentElement;
    if (!node.data.trim() || !visible(holder) || holder.closest("noscript")) continue;
    const style = getComputedStyle(holder);
    // A drawing's own units are not the screen's.
    const drawn = holder.ownerSVGElement ? holder.getScreenCTM().a : 1;
    const size = parseFloat(style.fontSize) * drawn;
    if (size < least * scale - 0.01) faults.push(`${short(node.data)} has letters of ${size} px`);
    if (holder.closest(figure)) {
      pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
      const high = pen.measureText("H").actualBoundingBoxAscent * drawn;
      if (high < capital * scale - 0.5) faults.push(`${short(node.data)} has capitals of ${high} px`);
    }
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      // What ends in "…" is cut on purpose: its box counts, not its text.
      // The box of a line is higher than its letters: digits stand on the line and have no marks.
      const [above, below] = holder.closest(figure) ? [0.26, 0.26] : [0.1, 0.1];
      let box = { left: rect.left, top: rect.top + above * size, right: rect.right, bottom: rect.bottom - below * size };
      let cut = false;
      for (let up = holder; up && up.id !== "board"; up = up.parentElement) {
        const over = getComputedStyle(up);
        if (over.overflowX === "visible" && over.overflowY === "visible") continue;
        const frame = up.getBoundingClientRect();
        if (mayEnd(over)) {
          box = { left: Math.max(box.left, frame.left), top: Math.max(box.top, frame.top), right: Math.min(box.right, frame.right), bottom: Math.min(box.bottom, frame.bottom) };
          cut = box.right <= box.left || box.bottom <= box.top;
          if (cut) break;
        } else if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) {
          faults.push(`${short(node.data)} is cut by .${up.className}`);
        }
      }
      if (!cut) texts.push({ ...box, node, text: node.data, size, holder });
    }
  }
  for (const one of texts) {
    const tile = one.holder.closest(frames).getBoundingClientRect();
    if (one.left < tile.left - 1 || one.right > tile.right + 1 || one.top < tile.top - 1 || one.bottom > tile.bottom + 1) faults.push(`${short(one.text)} leaves its tile`);
    const cell = one.holder.closest(cells)?.getBoundingClientRect();
    if (cell && (one.right > cell.right + 1 || one.left < cell.left - 1)) faults.push(`${short(one.text)} leaves its cell`);
  }
  for (let i = 0; i < texts.length; i += 1) {
    for (let j = i + 1; j < texts.length; j += 1) {
      const [a, b] = [texts[i], texts[j]];
      if (a.node === b.node) continue;
      const slack = Math.min(a.size, b.size) * 0.1;
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 1 && high > slack) faults.push(`${short(a.text)} lies over ${short(b.text)}`);
    }
  }
  return faults;
}
