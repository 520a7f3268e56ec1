// Plays a clip round the act: loop, picture by picture, slow motion; and fetches what is looked at.

const RATES = [0.1, 0.25, 0.5, 1, 2, 4];
const kept = new Map(); // address → promise of a blob's address

// Fetch a viewing copy once, waiting while the server makes it; put it into an element when given.
export function load(element, url, again = false) {
  if (again) kept.delete(url);
  if (!kept.has(url)) kept.set(url, fetchView(url));
  const promise = kept.get(url);
  if (element) {
    const box = element.parentElement?.querySelector(".waiting");
    const text = element.closest("#case").dataset;
    if (box) {
      box.textContent = text.waiting;
      box.hidden = false;
    }
    promise.then((address) => {
      element.src = address;
      if (box) box.hidden = true;
    }).catch(() => {
      kept.delete(url);
      if (box) box.textContent = text.failed;
      else element.alt = text.failed;
    });
  }
  return promise;
}

async function fetchView(url) {
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await fetch(url);
    if (answer.status === 200) return URL.createObjectURL(await answer.blob());
    if (answer.status !== 202 && answer.status !== 503) throw new Error(`${answer.status}`);
    const wait = Number(answer.headers.get("Retry-After") ?? 2);
    await new Promise((done) => setTimeout(done, 1000 * Math.min(Math.max(wait, 0.5), 10)));
  }
  throw new Error("late");
}

// Let go of what belongs to cases that are no longer shown; the newest few are kept for going back.
export function forget() {
  for (const url of [...kept.keys()].slice(0, -40)) {
    kept.get(url).then((address) => URL.revokeObjectURL(address)).catch(() => {});
    kept.delete(url);
  }
}

export class Clip {
  constructor(part, texts) {
    this.part = part;
    this.video = part.querySelector("video");
    this.bar = part.querySelector(".timeline");
    this.needle = part.querySelector(".needle");
    this.rate = 3;
    this.looping = true;
    if (!this.video) return;
    this.act = Number(this.video.dataset.act);
    this.picture = Number(this.video.dataset.step);
    this.texts = texts;
    this.video.addEventListener("loadedmetadata", () => this.begin(), { once: true });
    load(this.video, this.video.dataset.src);
    this.bar.onclick = (event) => {
      const box = this.bar.getBoundingClientRect();
      this.video.currentTime = ((event.clientX - box.left) / box.width) * this.video.duration;
    };
  }

  begin() {
    this.video.currentTime = Math.max(0, this.act - 2);
    this.video.playbackRate = RATES[this.rate];
    this.video.play().catch(() => {});
    const draw = () => {
      if (!this.video.isConnected || this.stopped) return;
      const now = this.video.currentTime;
      const x = (now / (this.video.duration || 1)) * 1000;
      this.needle.setAttribute("x1", x);
      this.needle.setAttribute("x2", x);
      this.part.querySelector(".clip").classList.toggle("at-act", Math.abs(now - this.act) < Math.max(this.picture, 0.06));
      if (this.looping && !this.video.paused && (now > this.act + 2 || this.video.ended)) {
        this.video.currentTime = Math.max(0, this.act - 2);
        if (this.video.ended) this.video.play().catch(() => {});
      }
      requestAnimationFrame(draw);
    };
    draw();
  }

  stop() {
    this.stopped = true;
    this.video?.pause();
  }

  toggle() {
    if (!this.video) return;
    if (this.video.paused) this.video.play().catch(() => {});
    else this.video.pause();
  }

  step(count) {
    if (!this.video) return;
    this.video.pause();
    this.video.currentTime = Math.min(this.video.duration, Math.max(0, this.video.currentTime + count * this.picture));
  }

  faster(count) {
    if (!this.video) return;
    this.rate = Math.min(RATES.length - 1, Math.max(0, this.rate + count));
    this.video.playbackRate = RATES[this.rate];
    this.part.querySelector(".rate").textContent = `${RATES[this.rate].toLocaleString(document.documentElement.lang)}×`;
  }

  loop() {
    this.looping = !this.looping;
    this.part.querySelector('[data-do="loop"]').setAttribute("aria-pressed", this.looping);
  }

  home() {
    if (!this.video) return;
    this.video.pause();
    this.video.currentTime = this.act;
  }
}
