// One case by keyboard. The next one is fetched while this one is looked at, so that it opens at once.

import { Clip, load, forget } from "./clip.js";
import { csrf, post, say, typing } from "./web.js";

const stage = document.getElementById("stage");
const seen = []; // numbers of the cases before this one
let clip = null;
let opened = performance.now();
let ahead = null; // {number, html}: a promise of the next case
let busy = false;

const article = () => document.getElementById("case");
const number = () => Number(article().dataset.number);
const mine = () => article().dataset.mine === "1";

function show(html) {
  if (html !== undefined) {
    forget();
    stage.innerHTML = html;
  }
  opened = performance.now();
  document.title = document.title.replace(/^[^·]*/, `${article().dataset.title} `);
  exhibit(1);
  article().querySelectorAll("img[data-src]").forEach((image) => load(image, image.dataset.src));
  document.getElementById("main").focus({ preventScroll: true });
  if (mine()) fetchAhead();
}

function exhibit(wanted) {
  const all = [...article().querySelectorAll(".exhibit")];
  const at = ((wanted - 1 + all.length) % Math.max(all.length, 1)) + 1;
  article().querySelectorAll("[data-exhibit]").forEach((part) => (part.hidden = part.dataset.exhibit !== `${at}`));
  article().querySelectorAll("[data-act-of]").forEach((part) => part.classList.toggle("shown", part.dataset.actOf === `${at}`));
  clip?.stop();
  const part = all[at - 1];
  clip = part ? new Clip(part, article().dataset) : null;
  stage.dataset.exhibit = at;
}

function fetchAhead() {
  const after = number();
  ahead = post("/cases/take", { after }).then(async (told) => {
    if (told.number === null) return null;
    const answer = await fetch(`/cases/${told.number}/body?ahead=true`);
    if (!answer.ok) return null;
    const html = await answer.text();
    const draft = new DOMParser().parseFromString(html, "text/html");
    for (const part of draft.querySelectorAll("[data-src]")) load(null, part.dataset.src);
    return { number: told.number, html };
  }).catch(() => null);
}

async function next() {
  if (busy) return;
  busy = true;
  const before = performance.now();
  try {
    if (ahead === null) fetchAhead();
    const there = await ahead;
    if (there === null) {
      say(article().dataset.empty);
      location.assign("/queue");
      return;
    }
    const left = number();
    seen.push(left);
    ahead = null;
    show(there.html);
    history.pushState({}, "", `/cases/${there.number}`);
    performance.measure("next-case", { start: before, end: performance.now() });
    post(`/cases/${there.number}/view`).catch((error) => say(error.message, true));
    post("/cases/release", { number: left }).catch(() => {});
  } finally {
    busy = false;
  }
}

async function go(to, push = true) {
  const answer = await fetch(`/cases/${to}/body`);
  if (!answer.ok) return say((await answer.json().catch(() => ({}))).message ?? `${answer.status}`, true);
  ahead = null;
  show(await answer.text());
  if (push) history.pushState({}, "", `/cases/${to}`);
}

function previous() {
  const to = seen.pop();
  if (to !== undefined) go(to);
}

const plate = () => document.getElementById("plate");

async function decide(fields) {
  if (!mine() || busy) return;
  busy = true;
  const at = number();
  let done = false;
  try {
    const seconds = ((performance.now() - opened) / 1000).toFixed(1);
    await post(`/cases/${at}/decision`, { plate: plate().value, seconds, ...fields });
    article().dataset.mine = "0";
    done = true;
  } catch (error) {
    say(error instanceof TypeError ? article().dataset.offline : error.message, true);
  } finally {
    busy = false;
  }
  if (done) await next();
}

function approve() {
  if (!mine()) return;
  if (article().dataset.plateNeeded === "1" && !plate().value.trim()) {
    say(article().dataset.plateText, true);
    plate().focus();
    return;
  }
  decide({ verdict: "confirm" });
}

function reject() {
  if (!mine()) return;
  const box = document.getElementById("reject");
  box.querySelector("form").reset();
  box.showModal();
  box.querySelector("input").focus();
}

document.getElementById("reject").addEventListener("close", (event) => {
  const box = event.target;
  if (box.returnValue !== "send") return;
  box.returnValue = "";
  const reason = box.querySelector("input:checked")?.value ?? "";
  if (!reason) return say(article().dataset.reasonText, true);
  decide({ verdict: "reject", reason, note: box.querySelector("textarea").value });
});

document.getElementById("reject").addEventListener("keydown", (event) => {
  const box = event.currentTarget;
  const at = Number(event.key);
  const radios = box.querySelectorAll("input");
  if (event.target.matches("textarea")) return;
  if (at >= 1 && at <= radios.length) {
    radios[at - 1].checked = true;
    radios[at - 1].focus();
    if (radios[at - 1].value === "other") box.querySelector("textarea").focus();
    event.preventDefault();
  } else if (event.key === "Enter" && box.querySelector("input:checked")) {
    event.preventDefault();
    box.close("send");
  }
});

let wordsFor = null;
function words(kind, then) {
  const box = document.getElementById("words");
  const title = document.getElementById("words-title");
  title.textContent = title.dataset[kind];
  box.querySelector("form").reset();
  wordsFor = then;
  box.showModal();
  box.querySelector("textarea").focus();
}

document.getElementById("words").addEventListener("close", (event) => {
  if (event.target.returnValue === "send") wordsFor?.(event.target.querySelector("textarea").value);
  event.target.returnValue = "";
});
document.getElementById("words").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.close("send");
});

async function tell(url, fields) {
  try {
    await post(url, fields);
    await go(number(), false);
  } catch (error) {
    say(error.message, true);
  }
}

function enlarge(at) {
  const box = document.getElementById("large");
  if (box.open) return box.close();
  const part = article().querySelector(".exhibit:not([hidden])");
  const crop = article().querySelector(".plate [data-exhibit]:not([hidden]) img");
  const image = at === 4 ? crop : part?.querySelector(`[data-still="${at}"] img`);
  if (!image?.src) return;
  const large = box.querySelector("img");
  large.src = image.src;
  large.alt = image.alt;
  box.showModal();
}
document.getElementById("large").addEventListener("click", (event) => event.currentTarget.close());

const deeds = {
  approve, reject, next, previous,
  more: () => mine() && words("more", (note) => decide({ verdict: "more", note })),
  note: () => words("note", (text) => tell(`/cases/${number()}/note`, { text })),
  reopen: () => words("reopen", (why) => tell(`/cases/${number()}/reopen`, { why })),
  help: () => document.getElementById("keys").showModal(),
  queue: () => location.assign("/queue"),
  plate: () => { plate().focus(); plate().select(); },
  act: () => clip?.home(),
  play: () => clip?.toggle(),
  back: () => clip?.step(-1),
  on: () => clip?.step(1),
  slower: () => clip?.faster(-1),
  faster: () => clip?.faster(1),
  loop: () => clip?.loop(),
  another: () => exhibit(Number(stage.dataset.exhibit) + 1),
  reload: () => article().querySelectorAll("[data-src]").forEach((part) => load(part, part.dataset.src, true)),
};
const keys = {
  a: "approve", r: "reject", m: "more", j: "next", k: "previous", n: "note", p: "plate", q: "queue", "?": "help",
  " ": "play", ",": "back", ".": "on", "[": "slower", "]": "faster", l: "loop", 0: "act", g: "another", u: "reload",
};

document.addEventListener("keydown", (event) => {
  const box = document.querySelector("dialog[open]");
  if (box) {
    if (box.id === "large" && /^[1-4]$/.test(event.key)) box.close();
    return;
  }
  if (event.key === "Escape" || (event.key === "Enter" && event.target.id === "plate")) {
    document.activeElement?.blur();
    document.getElementById("main").focus({ preventScroll: true });
    return;
  }
  if (typing(event)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (/^[1-4]$/.test(key)) enlarge(Number(key));
  else if (keys[key]) deeds[keys[key]]();
  else return;
  event.preventDefault();
});

stage.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button?.dataset.do === "still") enlarge(Number(button.dataset.still));
  else if (button?.dataset.do === "exhibit") exhibit(Number(button.dataset.exhibitTo));
  else if (button) deeds[button.dataset.do]?.();
  else if (event.target.matches(".platepicture")) enlarge(4);
});

addEventListener("popstate", () => go(location.pathname.split("/")[2], false));
addEventListener("pagehide", () => {
  // What is still reserved for us is free for others at once, not in ten minutes.
  navigator.sendBeacon("/cases/release", new URLSearchParams({ csrf: csrf() }));
});

setInterval(() => mine() && !document.hidden && post(`/cases/${number()}/keep`).catch(() => {}), 120_000);

show();
