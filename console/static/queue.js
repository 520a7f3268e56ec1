// The queue by keyboard: J and K choose, Enter opens, S opens the most urgent. The list stays fresh.

import { typing } from "./web.js";

let chosen = -1;

function choose(step) {
  const rows = [...document.querySelectorAll(".queue tbody tr")];
  if (!rows.length) return;
  chosen = Math.min(rows.length - 1, Math.max(0, chosen + step));
  rows.forEach((row, at) => row.classList.toggle("chosen", at === chosen));
  rows[chosen].querySelector("a").focus();
}

document.addEventListener("keydown", (event) => {
  if (typing(event)) return;
  const key = event.key.toLowerCase();
  if (key === "j") choose(1);
  else if (key === "k") choose(-1);
  else if (key === "s") document.getElementById("start")?.click();
  else return;
  event.preventDefault();
});

setInterval(async () => {
  if (document.hidden || document.activeElement?.closest("form")) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [old, now] = [document, fresh].map((page) => page.querySelector(".counts"));
  old.replaceWith(now);
  const [list, next] = [document, fresh].map((page) => page.querySelector(".scroll, main > .card"));
  if (list && next && list.innerHTML !== next.innerHTML) {
    const number = document.activeElement?.closest("tr")?.querySelector("a")?.textContent;
    list.replaceWith(next);
    const again = [...document.querySelectorAll(".queue tbody tr")];
    chosen = again.findIndex((row) => row.querySelector("a").textContent === number);
    if (chosen >= 0) choose(0);
  }
}, 5000);
