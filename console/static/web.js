// What all scripts share: requests with the page's token, messages, keys.

export const csrf = () => document.querySelector('meta[name="csrf"]')?.content ?? "";

export async function post(url, fields = {}) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "X-CSRF-Token": csrf(), Accept: "application/json" },
    body: new URLSearchParams(fields),
  });
  const told = await answer.json().catch(() => ({}));
  if (answer.status === 401) location.assign("/login?next=" + encodeURIComponent(location.pathname));
  if (!answer.ok) throw new Error(told.message || `${answer.status}`);
  return told;
}

let timer = 0;
export function say(text, fault = false) {
  const [shown, other] = ["told", "fault"].map((id) => document.getElementById(id));
  const [box, hide] = fault ? [other, shown] : [shown, other];
  hide.hidden = true;
  box.textContent = text;
  box.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => (box.hidden = true), fault ? 9000 : 2500);
}

export const typing = (event) =>
  event.ctrlKey || event.metaKey || event.altKey ||
  (event.target.matches?.("input:not([type=radio]):not([type=checkbox]), textarea, select") && !event.target.readOnly);
