"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];

  // ---- the theme: as the system, light or dark
  const system = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const names = { "": "as the system", light: "light", dark: "dark" };
  const kept = (value) => {
    try {
      if (value === undefined) return localStorage.getItem("mrpcheck-theme") || "";
      localStorage.setItem("mrpcheck-theme", value);
    } catch { /* a browser may keep nothing for files */ }
    return value || "";
  };
  const dress = (theme) => {
    if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
    button.querySelector("span").textContent = names[theme] || names[""];
  };
  const theme = () => {
    if (printing) return "light";
    return root.dataset.theme || (system.matches ? "dark" : "light");
  };
  let printing = false;
  dress(names[kept()] ? kept() : "");
  button.hidden = false;
  button.addEventListener("click", () => {
    const order = ["", "light", "dark"];
    dress(kept(order[(order.indexOf(root.dataset.theme || "") + 1) % 3]));
    redress();
  });
  system.addEventListener("change", () => redress());

  // ---- the filter of the overview
  const form = document.getElementById("filter");
  const rows = all("tr.claim");
  const sectionOf = (row) =>
    document.getElementById(row.querySelector("a").getAttribute("href").slice(1));
  const filter = () => {
    const words = (text) => text.toLowerCase().replaceAll("_", " ").trim();
    const wanted = words(form.elements.text.value);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !(
        (!form.elements.verdict.value || row.dataset.verdict === form.elements.verdict.value) &&
        (!form.elements.file.value || row.dataset.file === form.elements.file.value) &&
        words(row.textContent).includes(wanted)
      );
      sectionOf(row).hidden = row.hidden;
      shown += !row.hidden;
    }
    for (const body of all(".overview tbody"))
      body.hidden = all("tr.claim", body).every((row) => row.hidden);
    for (const group of all(".group"))
      group.hidden = all("tr.claim", group).every((row) => row.hidden);
    form.elements.count.value = `${shown} of ${rows.length} claims`;
    document.getElementById("none").hidden = shown > 0;
    document.querySelector(".legend-of-all").hidden = !shown;
    document.getElementById("claims").hidden = !shown;
    dispatchEvent(new Event("resize")); // charts that were hidden may be of another width
  };
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter(); // a browser may have kept what was typed

  // ---- charts, drawn when they come into sight
  const themes = document.getElementById("themes");
  const { templates, signs } = themes ? JSON.parse(themes.textContent) : {};
  const read = new Map();
  const data = (id) => {
    if (!read.has(id)) {
      const found = JSON.parse(document.getElementById(`${id}-data`).textContent);
      derive(found.columns, found.anchor);
      read.set(id, found);
    }
    return read.get(id);
  };
  const round = (value) => (typeof value === "number" ? +value.toPrecision(4) : value);
  const derive = (columns, anchor) => {
    columns.anchor = columns.name.map((_, i) => `${anchor}-${i}`);
    columns.color = columns.verdict.map((code) => signs[code][1].color);
    columns.symbol = columns.verdict.map((code) => signs[code][1].symbol);
    columns.above = columns.estimate.map((x, i) => (x === null ? null : columns.upper[i] - x));
    columns.below = columns.estimate.map((x, i) => (x === null ? null : x - columns.lower[i]));
    const drawn = Object.keys(columns).filter((name) => name.startsWith("h "));
    const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    columns.words = columns.name.map((name, i) => {
      const parts = drawn.map((name) => `${escaped(name.slice(2))} ${round(columns[name][i])}`);
      const lines = [];
      for (let k = 0; k < parts.length; k += 4) lines.push(parts.slice(k, k + 4).join(", "));
      const ends = `${round(columns.lower[i])} to ${round(columns.upper[i])}`;
      return [
        `<b>${name}: ${signs[columns.verdict[i]][0]}</b>`,
        `${round(columns.estimate[i])} (${ends}) from ${columns.trials[i]} trials`,
        ...lines,
      ].join("<br>");
    });
  };
  const put = (trace, path, value) => {
    const steps = path.split(".");
    let place = trace;
    for (const step of steps.slice(0, -1)) place = place[step] ??= {};
    place[steps.at(-1)] = value;
  };
  const filled = (chart, columns) =>
    chart.data.map((kept) => {
      const trace = structuredClone(kept);
      for (const [path, name] of Object.entries(trace.meta?.columns ?? {}))
        put(trace, path, columns[name]);
      delete trace.meta;
      return trace;
    });
  const layout = (chart, width) => {
    const made = structuredClone(chart.layout);
    const { cells, cell, height } = made.meta ?? {};
    if (cells) {
      const columns = Math.max(1, Math.min(cells, 6, Math.floor(width / cell)));
      const lines = Math.ceil(cells / columns);
      made.grid = { ...made.grid, columns, rows: lines };
      made.grid.ygap = lines > 1 ? 0.5 : 0;
      made.height = lines * height + 40;
    }
    made.template = templates[theme()];
    if (width < 500 && made.legend) {
      made.legend.font = { size: 10 };
      made.height += 16 * chart.data.length;
    }
    made.width = width;
    return made;
  };
  const settings = { displaylogo: false, displayModeBar: false, responsive: false };
  const drawn = new Set();
  const draw = (place) => {
    const { columns, charts } = data(place.dataset.of);
    const chart = charts[place.dataset.chart];
    const width = printing ? 700 : Math.floor(place.getBoundingClientRect().width);
    if (!width) return;
    const made = layout(chart, width);
    place.style.minHeight = `${made.height}px`;
    Plotly.react(place, filled(chart, columns), made, settings);
    if (!drawn.has(place)) place.on("plotly_click", (event) => open(event.points[0].customdata));
    drawn.add(place);
    place.dataset.width = width;
  };
  const charts = all(".chart");
  const ROOM = 400; // pixels beyond the window in which charts are drawn already
  const redress = () => drawn.forEach(draw);
  const watch = new IntersectionObserver(
    (entries) => {
      for (const entry of entries)
        if (entry.isIntersecting && !drawn.has(entry.target)) draw(entry.target);
    },
    { rootMargin: `${ROOM}px` },
  );
  charts.forEach((place) => watch.observe(place));
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      for (const place of drawn)
        if (Math.abs(place.getBoundingClientRect().width - place.dataset.width) > 2) draw(place);
    }, 150);
  });

  // ---- links lead to what is folded away, too
  const show = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (target.closest("section[hidden]")) {
      form.reset();
      filter();
    }
    for (let up = target; up; up = up.parentElement)
      if (up.tagName === "DETAILS") up.open = true;
    const top = (place) => place.getBoundingClientRect().top;
    for (const place of charts) // what is drawn above only on arrival would push the target away
      if (!drawn.has(place) && top(place) < top(target) && top(target) - top(place) < 2 * ROOM + innerHeight)
        draw(place);
    if (target.tagName === "TR") {
      target.scrollIntoView({ block: "center" });
      target.focus({ preventScroll: true });
    } else target.scrollIntoView();
  };
  const open = (anchor) => {
    if (typeof anchor !== "string") return;
    if (location.hash === `#${anchor}`) show();
    else location.hash = anchor;
  };
  addEventListener("hashchange", show);
  if (location.hash) show();

  // ---- copying
  for (const each of all(".copy")) {
    each.hidden = false;
    const label = each.innerHTML;
    each.addEventListener("click", async () => {
      const text = document.getElementById(each.dataset.copies);
      try {
        await navigator.clipboard.writeText(text.textContent);
        each.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(text);
        each.textContent = "Selected: copy it with the keyboard";
      }
      setTimeout(() => (each.innerHTML = label), 2500);
    });
  }

  // ---- print: every chart drawn; what is folded away stays so
  addEventListener("beforeprint", () => {
    printing = true;
    charts.forEach(draw);
  });
  addEventListener("afterprint", () => {
    printing = false;
    redress();
  });
})();
