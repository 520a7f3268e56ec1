// The wall's line to the console, its clock, and the age of everything on it.
"use strict";

(() => {
  const { draw, say, span, locale, ZONE } = WallTiles;
  const board = document.getElementById("board");
  const banner = document.getElementById("banner");
  const line = document.getElementById("line");
  const QUIET_S = 25; // the console speaks at least every 10 s: after this the line is dead
  const GRACE_S = 5; // so long may a line be gone before what is shown counts as old
  const SLOWEST_S = 30;
  const tiles = new Map();
  for (const node of document.querySelectorAll("[data-tile]")) {
    tiles.set(node.dataset.tile, { node, body: node.querySelector(".body"), note: node.querySelector(".note"), age: node.querySelector(".age"), shown: null });
  }

  // --- the console's clock ---------------------------------------------------------------------
  // What it says minus our steady clock, the largest of the last ten: the one that came fastest.
  // The machine's own clock may be wrong, or be set, without any age being wrong for it.
  const offsets = [];
  const now = () => (offsets.length ? Math.max(...offsets) + performance.now() : null);

  function hear(at) {
    offsets.push(Date.parse(at) - performance.now());
    if (offsets.length > 10) offsets.shift();
  }

  // --- what comes ------------------------------------------------------------------------------

  let source = null;
  let heardAt = performance.now();
  let lostAt = performance.now();
  let awayAt = null;
  let tries = 0;
  let retryAt = null;
  let reason = "";

  function take(event) {
    const told = JSON.parse(event.data);
    heardAt = performance.now();
    lostAt = null;
    tries = 0;
    reason = "";
    hear(told.now);
    awayAt = told.database ? null : (awayAt ?? performance.now());
    if (told.over === "session") return logIn();
    if (told.over) return lose();
    if (told.build && told.build !== board.dataset.build && sessionStorage.getItem("wall-build") !== told.build) {
      sessionStorage.setItem("wall-build", told.build);
      return location.reload();
    }
    for (const [name, tile] of Object.entries(told.tiles ?? {})) show(name, tile);
    for (const [name, at] of Object.entries(told.ages ?? {})) {
      const shown = tiles.get(name)?.shown;
      if (shown) shown.as_of = at;
    }
    tick();
  }

  function show(name, tile) {
    const place = tiles.get(name);
    if (!place) return;
    place.shown = tile;
    draw[name](place.body, tile.data, place.note, tile);
    for (const row of place.body.querySelectorAll("[data-running]")) row.textContent = row.tell(now());
  }

  function connect() {
    retryAt = null;
    source = new EventSource("/wall/stream");
    for (const name of ["wall", "tiles", "beat", "end"]) source.addEventListener(name, take);
    source.onerror = () => {
      const refused = source.readyState === EventSource.CLOSED;
      lose();
      if (refused) ask();
    };
  }

  // Come back after 1, 2, 4 … 30 seconds, not all walls at the same moment.
  function lose() {
    source?.close();
    source = null;
    lostAt ??= performance.now();
    const wait = Math.min(SLOWEST_S, 2 ** Math.min(tries, 10)) * (0.75 + Math.random() / 2);
    tries += 1;
    retryAt = performance.now() + wait * 1000;
    tick();
  }

  // An EventSource does not say why it was refused.
  async function ask() {
    const stop = new AbortController();
    try {
      const answer = await fetch("/wall/stream", { signal: stop.signal, headers: { accept: "text/event-stream" } });
      if (answer.status === 401) return logIn();
      reason = answer.ok ? "" : ((await answer.json()).message ?? "");
    } catch {
      reason = "";
    } finally {
      stop.abort();
    }
    tick();
  }

  // The door sends whoever is not logged in to the page where one does, and back here after.
  function logIn() {
    source?.close();
    location.reload();
  }

  // --- what goes on by itself ------------------------------------------------------------------

  function tick() {
    const steady = performance.now();
    if (source && steady - heardAt > QUIET_S * 1000) {
      heardAt = steady;
      return lose();
    }
    if (!source && retryAt !== null && steady >= retryAt) {
      heardAt = steady;
      connect();
    }
    const at = now();
    const goneSince = lostAt ?? awayAt;
    const gone = goneSince !== null && steady - goneSince > GRACE_S * 1000;
    for (const tile of tiles.values()) age(tile, at, gone);
    for (const row of board.querySelectorAll("[data-running]")) row.textContent = row.tell(at);
    for (const row of board.querySelectorAll("[data-aging]")) row.classList.toggle("aged", at - row.asOf > row.limit * 1000);
    tellLine(steady);
    if (at !== null) tellTime(at);
  }

  function age({ node, age: place, shown }, at, gone) {
    const asOf = shown?.as_of ? Date.parse(shown.as_of) : null;
    const seconds = asOf === null ? null : (at - asOf) / 1000;
    const stale = shown !== null && (gone || (seconds !== null && seconds > shown.stale_after));
    node.classList.toggle("stale", stale);
    if (seconds === null) place.textContent = shown && !stale && shown.data.judged !== false ? say("none") : "";
    else place.textContent = stale ? span(seconds) : say("updated", { age: span(seconds) });
  }

  function tellLine(steady) {
    const lost = lostAt !== null && offsets.length > 0;
    const waiting = lostAt !== null && !lost;
    const state = lost || (waiting && retryAt !== null) ? "lost" : waiting ? "waiting" : awayAt !== null ? "away" : "live";
    line.className = "line " + state;
    document.getElementById("line-word").textContent = state === "live" ? say("live") : state === "waiting" ? say("connecting") : "";
    let text = "";
    if (state === "lost") {
      const n = retryAt === null ? 0 : Math.ceil((retryAt - steady) / 1000);
      text = say("lost") + " · " + (n > 0 ? say("retry", { n }) : say("retry_now")) + (reason ? " · " + reason : "");
    } else if (state === "away") {
      text = say("no_database") + " · " + say("no_database_hint");
    }
    banner.hidden = !text;
    if (banner.textContent !== text) banner.textContent = text;
    banner.classList.toggle("long", text.length > 60);
  }

  function tellTime(at) {
    const date = new Date(at);
    const clock = document.getElementById("clock");
    const digits = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(date);
    // A cell each: this typeface has digits of different widths, and the clock would tremble.
    if (clock.childElementCount !== digits.length) {
      clock.replaceChildren(...[...digits].map((sign) => Object.assign(document.createElement("span"), { className: sign === ":" ? "colon" : "digit" })));
    }
    [...digits].forEach((sign, index) => (clock.children[index].textContent = sign));
    document.getElementById("date").textContent = new Intl.DateTimeFormat(locale, { timeZone: ZONE, weekday: "long", day: "2-digit", month: "2-digit", year: "numeric" }).format(date);
  }

  let resized = 0;
  window.addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(() => { for (const [name, { shown }] of tiles) if (shown) show(name, shown); tick(); }, 150);
  });
  document.fonts.ready.then(() => { for (const [name, { shown }] of tiles) if (shown) show(name, shown); });
  setInterval(tick, 1000);
  connect();
})();
