// How each tile is drawn from its data. Text goes in as text, never as markup.
"use strict";

const WallTiles = (() => {
  const root = document.documentElement;
  const language = root.lang === "en" ? "en" : "vi";
  const words = JSON.parse(document.getElementById("wall-words").textContent);
  const ZONE = "Asia/Ho_Chi_Minh";
  const locale = language === "vi" ? "vi-VN" : "en-GB";
  const UNITS = { "ug/m3": "µg/m³", "dB[SPL]": "dB", "Cel": "°C" };
  const DIGITS = { water_level: 2, salinity: 2, rain: 1, temperature: 1, pm2_5: 0, noise: 0, humidity: 0 };
  const OURS = ["device_silent", "sequence_gap"]; // alerts about devices: amber, not red

  const say = (key, values = {}) => (words["wall_" + key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  const known = (key) => "wall_" + key in words;
  // A dash stays with the street before it.
  const named = (entry, field) => entry[field + "_" + language].replaceAll(" – ", "\u00a0– ");
  const number = (value, digits) => value.toLocaleString(locale, digits === undefined ? { maximumSignificantDigits: 4 } : { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const time = (at, more = {}) => new Intl.DateTimeFormat(locale, { timeZone: ZONE, hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...more }).format(new Date(at));
  const day = (at) => new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, day: "2-digit", month: "2-digit" }).format(new Date(at));

  function el(tag, classes, ...content) {
    const made = document.createElement(tag);
    if (classes) made.className = classes;
    made.append(...content.filter((part) => part !== null && part !== undefined && part !== ""));
    return made;
  }

  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", "#i-" + name);
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    svg.append(use);
    return svg;
  }

  // A span of time in words: 3 giây, 12 phút, 5 giờ, 3 ngày.
  function span(seconds) {
    const n = Math.max(0, Math.floor(seconds));
    if (n < 100) return say("seconds", { n });
    if (n < 100 * 60) return say("minutes", { n: Math.floor(n / 60) });
    if (n < 48 * 3600) return say("hours", { n: Math.floor(n / 3600) });
    return say("days", { n: Math.floor(n / 86400) });
  }

  // A text that goes on with the clock; wall.js asks ``word`` for it every second.
  function running(classes, at, word) {
    const made = el("span", classes);
    made.dataset.running = "";
    made.tell = (now) => word((now - Date.parse(at)) / 1000);
    return made;
  }

  // Something whose own data can be old while the rest of the tile is not.
  function aging(node, at, limit) {
    const age = running("row-age", at, (seconds) => span(seconds));
    node.append(el("span", "row-old", icon("old"), say("old"), age));
    node.dataset.aging = "";
    node.asOf = Date.parse(at);
    node.limit = limit;
    return node;
  }

  const empty = (text, sign) => el("p", "empty", sign ? icon(sign) : null, text);
  const figure = (text, more = "") => el("span", ("figure " + more).trim(), text);

  // Show as many as there is room for, and say below how many more there are.
  function fit(list, nodes, more, hidden = 0) {
    const over = () => list.scrollHeight > list.clientHeight + 1;
    list.replaceChildren(...nodes);
    if (!over() && !hidden) return;
    const tail = el("p", "more");
    list.after(tail);
    let shown = nodes.length;
    tail.textContent = more(shown, hidden);
    while (shown > 1 && over()) {
      shown -= 1;
      nodes[shown].remove();
      tail.textContent = more(shown, nodes.length - shown + hidden);
    }
  }

  // --- traffic ---------------------------------------------------------------------------------

  const grave = (level) => (level >= 4 ? "bad" : level === 3 ? "warn" : "");

  function badge(level) {
    const bars = el("span", "bars");
    for (let step = 1; step <= 5; step += 1) bars.append(el("i", step <= (level ?? 0) ? "on" : ""));
    return el("span", "badge " + grave(level), figure(level === null ? "–" : String(level)), bars);
  }

  function site(entry, limit) {
    const name = el("span", "name", named(entry, "name"));
    if (!entry.as_of) {
      return el("li", "site", el("span", "badge", icon("off")), el("span", "words", name, el("span", "state", say("flow_none"))));
    }
    const level = entry.level ?? null;
    const word = el("span", "state " + grave(level), grave(level) ? icon(grave(level)) : null, say(level === null ? "level_none" : "level_" + level));
    const lanes = entry.congested ? say("lanes", entry) : "";
    const state = el("span", "state-line", word, el("span", "quiet city", [named(entry, "city"), lanes].filter(Boolean).join(" · ")));
    const speed = el("span", "measure", figure(entry.speed_kmh === null ? "–" : number(entry.speed_kmh, 0)), el("small", "", say("speed_unit")));
    const vehicles = el("span", "measure", figure(entry.vehicles === null ? "–" : number(entry.vehicles, 0)), el("small", "", say("vehicles_unit")));
    const made = el("li", "site", badge(level), aging(el("span", "words", name, state), entry.as_of, limit), speed, vehicles);
    if (grave(level)) made.classList.add("abnormal");
    return made;
  }

  function flow(body, data, note) {
    const minutes = data.sites.map((entry) => entry.minute).filter(Boolean).sort();
    note.textContent = minutes.length ? say("flow_minute", { at: time(minutes.at(-1)) }) : "";
    if (!data.sites.length) return body.replaceChildren(empty(say("none")));
    const many = data.total > 8 ? "many" : data.total > 2 ? "some" : "few";
    const list = el("ul", "list sites " + many);
    body.replaceChildren(list);
    fit(list, data.sites.map((entry) => site(entry, data.stale_after)), (_, n) => say("flow_more", { n }), data.total - data.sites.length);
  }

  // --- alerts ----------------------------------------------------------------------------------

  function alert(entry) {
    const ours = OURS.includes(entry.kind);
    const kind = known("kind_" + entry.kind) ? say("kind_" + entry.kind) : entry.kind;
    const since = running("since", entry.raised_at, (seconds) => say("alerts_since", { at: time(entry.raised_at), age: span(seconds) }));
    return el("li", "alert " + (ours ? "warn" : "bad"), icon(ours ? "warn" : "bad"),
      el("span", "words", el("span", "kind-line", el("strong", "kind", kind), since), el("span", "message", named(entry, "message"))));
  }

  function alerts(body, data, note) {
    note.replaceChildren(data.total ? figure(number(data.total, 0), "bad") : "");
    const parts = data.judged ? [] : [el("p", "unjudged", icon("warn"), say("alerts_unjudged"))];
    if (!data.total) return body.replaceChildren(...(data.judged ? [empty(say("alerts_none"), "good")] : parts));
    const list = el("ul", "list alerts");
    body.replaceChildren(...parts, list);
    fit(list, data.alerts.map(alert), (_, n) => say("alerts_more", { n }), data.total - data.alerts.length);
  }

  // --- violations ------------------------------------------------------------------------------

  function violations(body, data, _note, tile) {
    if (!tile.as_of && !data.today && !data.hour) return body.replaceChildren(empty(say("none")));
    const total = el("p", "totals",
      el("span", "measure", figure(number(data.today, 0)), el("small", "", say("today"))),
      el("span", "measure", figure(number(data.hour, 0)), el("small", "", say("hour"))));
    const kinds = el("ul", "list kinds");
    for (const [rule, count] of Object.entries(data.kinds)) {
      const name = known("rule_" + rule) ? say("rule_" + rule) : rule;
      kinds.append(el("li", "kind" + (count.today || count.hour ? "" : " zero"), el("span", "name", name),
        figure(number(count.today, 0)), el("span", "hour", say("hour_short", { n: number(count.hour, 0) }))));
    }
    body.replaceChildren(total, kinds);
  }

  // --- environment -----------------------------------------------------------------------------

  // As many digits as there is room for: 0,38 but 12,4 and 125.
  function digits(entry) {
    const most = DIGITS[entry.quantity];
    const size = Math.abs(entry.value);
    return most === undefined ? undefined : Math.max(0, Math.min(most, size >= 100 ? 0 : size >= 10 ? 1 : 2));
  }

  function value(entry, limit, twice, single) {
    const unit = UNITS[entry.unit] ?? entry.unit;
    const label = known("quantity_" + entry.quantity) ? say("quantity_" + entry.quantity) : entry.quantity;
    const which = twice ? " " + (/\d+$/.exec(entry.device)?.[0] ?? entry.device) : "";
    const over = entry.threshold !== null;
    const measure = el("span", "measure", figure(number(entry.value, digits(entry))), el("small", "", unit));
    if (over) measure.append(el("strong", "limit", say("threshold", { limit: number(entry.threshold) + " " + unit })));
    const made = el("li", "value" + (over ? " bad" : ""), el("span", "name", over ? icon("bad") : null, label + which),
      single ? null : el("span", "place", named(entry, "name")), measure);
    return aging(made, entry.time, limit);
  }

  function values(body, data) {
    if (!data.values.length) return body.replaceChildren(empty(say("none")));
    const place = (entry) => entry.city + "/" + entry.site;
    const times = new Map();
    for (const entry of data.values) {
      const key = place(entry) + "/" + entry.quantity;
      times.set(key, (times.get(key) ?? 0) + 1);
    }
    const places = [...new Set(data.values.map(place))].sort();
    const draw = (entry) => value(entry, data.stale_after, times.get(place(entry) + "/" + entry.quantity) > 1, places.length <= 2);
    const beyond = (entries) => entries.filter((entry) => entry.threshold !== null).length;
    const hidden = data.total - data.values.length;
    const more = (entries, last) => (shown, n) => {
      const over = beyond(entries.slice(shown)) + (last ? data.over - beyond(data.values) : 0);
      return say(over ? "values_more_over" : "values_more", { n, over });
    };
    const lists = places.length > 2 ? [["", data.values]] : places.map((key) => {
      const of = data.values.filter((entry) => place(entry) === key);
      return [named(of[0], "city") + " · " + named(of[0], "name"), of];
    });
    const boxes = lists.map(([title, of]) => {
      const list = el("ul", "list cells");
      return { group: el("div", "group", title ? el("h3", "", title) : null, list), list, of };
    });
    body.replaceChildren(...boxes.map((box) => box.group));
    boxes.forEach(({ list, of }, index) => {
      const last = index === boxes.length - 1;
      fit(list, of.map(draw), more(of, last), last ? hidden : 0);
    });
  }

  // --- devices, review -------------------------------------------------------------------------

  function devices(body, data, note) {
    note.replaceChildren();
    if (!data.total) return body.replaceChildren(empty(say("none")));
    const all = data.heard === data.total;
    const total = el("p", "totals", el("span", "measure" + (all ? "" : " warn"), all ? null : icon("off"),
      figure(number(data.heard, 0) + "/" + number(data.total, 0)), el("small", "", say("devices_heard"))));
    const list = el("ul", "list places");
    body.replaceChildren(total, list);
    const nodes = data.sites.map((entry) => {
      const gone = entry.silent.map((one) => one.device);
      return el("li", gone.length ? "warn" : "", el("span", "name", named(entry, "name")), el("span", "count", entry.heard + "/" + entry.total),
        gone.length ? el("span", "gone", say("devices_silent", { names: gone.join(", ") })) : null);
    });
    fit(list, nodes, (_, n) => say("devices_more", { n }), data.places - data.sites.length);
  }

  function review(body, data) {
    const total = data.first + data.second + data.disputed;
    if (!total) return body.replaceChildren(empty(say("review_none"), "good"));
    const late = data.overdue > 0;
    const left = running("left", data.deadline, (seconds) => (seconds > 0 ? say("review_late", { age: span(seconds) }) : say("review_left", { age: span(-seconds) })));
    body.replaceChildren(
      el("p", "totals", el("span", "measure", figure(number(total, 0)), el("small", "", say("review_cases"))),
        late ? el("span", "measure overdue bad", icon("bad"), el("span", "", say("review_overdue", { n: number(data.overdue, 0) }))) : null),
      el("p", "deadline" + (late ? " bad" : ""), say("review_deadline", { at: time(data.deadline) + " " + day(data.deadline) }), " · ", left),
      el("p", "parts quiet", say("review_parts", { first: number(data.first, 0), second: number(data.second, 0), disputed: number(data.disputed, 0) })));
  }

  return { draw: { flow, alerts, violations, values, devices, review }, say, span, language, locale, ZONE };
})();
