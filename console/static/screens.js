// A screen of the wall: keeps it new, lets its data grow old, and shows the next one in its turn.
"use strict";

(() => {
  const words = JSON.parse(document.getElementById("screens-words").textContent);
  const board = document.getElementById("board");
  const banner = document.getElementById("banner");
  const clock = document.getElementById("clock");
  const help = document.getElementById("help");
  const uids = board.dataset.uids.split(" ");
  const refreshMs = Number(board.dataset.refresh) * 1000;
  const playMs = Number(board.dataset.play ?? 0) * 1000;
  const PATIENCE_MS = 2.5 * refreshMs; // so long may news be missing before all of it counts as old
  const GIVE_UP_MS = 20_000;
  const drawn = new Map(); // what a tile was made from, so that one that did not change stays

  const say = (key, values = {}) => (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  const screen = () => document.getElementById("screen");

  // The console's clock minus our steady one, the largest of the last ten: the one that came
  // fastest. The machine's own clock may be wrong, or be set, without any age being wrong for it.
  const offsets = [];
  const now = () => Math.max(...offsets) + performance.now();

  function hear(at) {
    offsets.push(Date.parse(at) - performance.now());
    if (offsets.length > 10) offsets.shift();
  }

  // A span of time in words, as the server says it.
  function span(seconds) {
    const n = Math.max(0, Math.floor(seconds));
    if (n < 100) return say("wall_seconds", { n });
    if (n < 100 * 60) return say("wall_minutes", { n: Math.floor(n / 60) });
    if (n < 48 * 3600) return say("wall_hours", { n: Math.floor(n / 3600) });
    return say("wall_days", { n: Math.floor(n / 86400).toLocaleString(document.documentElement.lang === "en" ? "en-GB" : "vi-VN") });
  }

  // --- what comes ------------------------------------------------------------------------------

  let heardAt = performance.now();
  let trouble = "";
  let wanted = screen().dataset.uid;
  let asking = null;
  let askedAt = performance.now();

  const address = (uid, tail = "") => `/wall/s/${encodeURIComponent(uid)}${tail}${board.dataset.query}`;

  async function fetchScreen(uid, signal) {
    const answer = await fetch(address(uid, "/tiles"), { signal, headers: { accept: "text/html" }, redirect: "manual" });
    // The door sends whoever is not logged in to the page where one does, and back here after.
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 404 || answer.status === 422) return location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    const made = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("screen");
    if (!made) throw new Error("no screen");
    return made;
  }

  async function ask() {
    asking?.abort();
    askedAt = performance.now();
    const mine = (asking = new AbortController());
    const timer = setTimeout(() => mine.abort(), GIVE_UP_MS);
    try {
      const made = await fetchScreen(wanted, mine.signal);
      if (made && mine === asking) put(made);
    } catch (error) {
      if (mine === asking) trouble = /^503/.test(error.message) ? "wall_no_database" : "screens_lost";
    } finally {
      clearTimeout(timer);
      if (mine === asking) asking = null;
      tick();
    }
  }

  function put(made) {
    heardAt = performance.now();
    trouble = "";
    hear(made.dataset.clock);
    const before = screen();
    if (made.dataset.build !== before.dataset.build && sessionStorage.getItem("screens-build") !== made.dataset.build) {
      sessionStorage.setItem("screens-build", made.dataset.build);
      return location.reload();
    }
    const same = made.dataset.uid === before.dataset.uid;
    if (!same) {
      drawn.clear();
      document.title = document.title.replace(before.dataset.title, made.dataset.title);
    }
    const next = document.importNode(made, true);
    for (const tile of next.querySelectorAll("[data-tile]")) {
      const source = tile.outerHTML;
      const old = same ? before.querySelector(`[data-tile="${tile.dataset.tile}"]`) : null;
      if (old && drawn.get(tile.dataset.tile) === source) tile.replaceWith(old);
      drawn.set(tile.dataset.tile, source);
    }
    before.replaceWith(next);
    document.getElementById("number").textContent = say("screens_position", { n: next.dataset.number, total: uids.length });
    tick();
  }

  // --- one after another -----------------------------------------------------------------------

  let paused = false;
  let shownAt = performance.now();

  function go(uid) {
    if (!uids.includes(uid)) return;
    wanted = uid;
    shownAt = performance.now();
    const query = new URLSearchParams(location.search);
    history.replaceState(null, "", `/wall/s/${encodeURIComponent(uid)}${query.size ? "?" + query : ""}`);
    ask();
  }

  const step = (by) => go(uids[(uids.indexOf(wanted) + by + uids.length) % uids.length]);

  function pause() {
    if (!playMs) return;
    paused = !paused;
    shownAt = performance.now();
    document.getElementById("paused").hidden = !paused;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || help.open) return;
    if (event.key === "ArrowRight" || event.key === "PageDown") step(1);
    else if (event.key === "ArrowLeft" || event.key === "PageUp") step(-1);
    else if (event.key === " ") pause();
    else if (event.key === "?") explain();
    else if (/^[1-9]$/.test(event.key) && uids[event.key - 1]) go(uids[event.key - 1]);
    else return;
    event.preventDefault();
  });

  function explain() {
    const says = document.getElementById("says");
    says.replaceChildren();
    for (const title of screen().querySelectorAll("h2[title]")) {
      const term = document.createElement("dt");
      const told = document.createElement("dd");
      term.textContent = title.textContent;
      told.textContent = title.title;
      says.append(term, told);
    }
    help.showModal();
  }

  // --- what goes on by itself ------------------------------------------------------------------

  function tick() {
    const steady = performance.now();
    const at = now();
    const gone = steady - heardAt > PATIENCE_MS;
    for (const tile of screen().querySelectorAll("[data-tile]")) age(tile, at, gone);
    banner.hidden = !gone;
    if (gone) banner.textContent = `${say(trouble || "screens_lost")} · ${say("screens_lost_hint")}`;
    tellTime(at);
  }

  function age(tile, at, gone) {
    const fresh = tile.dataset.fresh === undefined ? Infinity : Number(tile.dataset.fresh);
    const asOf = tile.dataset.asOf === undefined ? null : at / 1000 - Number(tile.dataset.asOf);
    tile.classList.toggle("stale", gone || (asOf !== null && asOf > fresh));
    if (asOf !== null) {
      const word = span(asOf);
      tile.querySelector(".age-word").lastChild.data = word;
      tile.querySelector(".old-word").textContent = say("screens_old", { age: word });
    }
    for (const row of tile.querySelectorAll("table [data-as-of]")) {
      const old = at / 1000 - Number(row.dataset.asOf);
      const word = span(old);
      row.classList.toggle("aged", old > fresh);
      const said = row.querySelector(".row-old");
      if (said?.classList.contains("told")) said.textContent = say("screens_old", { age: word });
      const aged = row.querySelector(".row-age");
      if (aged) aged.textContent = word;
    }
  }

  const format = new Intl.DateTimeFormat("en-GB", { timeZone: "Asia/Ho_Chi_Minh", hour: "2-digit", minute: "2-digit", second: "2-digit" });

  // A cell each: this typeface has digits of different widths, and the clock would tremble.
  function tellTime(at) {
    const digits = format.format(new Date(at));
    if (clock.childElementCount !== digits.length) {
      clock.replaceChildren(...[...digits].map((sign) => Object.assign(document.createElement("span"), { className: sign === ":" ? "colon" : "digit" })));
    }
    [...digits].forEach((sign, index) => (clock.children[index].textContent = sign));
  }

  function turn() {
    tick();
    const steady = performance.now();
    if (playMs && !paused && !help.open && steady - shownAt >= playMs) step(1);
    else if (!asking && steady - askedAt >= refreshMs) ask();
  }

  hear(screen().dataset.clock);
  for (const tile of screen().querySelectorAll("[data-tile]")) drawn.set(tile.dataset.tile, tile.outerHTML);
  tick();
  setInterval(turn, 1000);
})();
