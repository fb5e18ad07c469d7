(() => {
  "use strict";
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const places = [...document.querySelectorAll("[data-chart]")];
  const drawn = [];
  const draw = (place) => {
    const { data, layout } = charts[place.dataset.chart];
    drawn.push(place);
    Plotly.newPlot(place, data, layout, { displayModeBar: false, responsive: true });
  };
  places.forEach(draw);

  // Charts are drawn for the screen; on paper they would run off the page.
  const heights = new Map(places.map((place) => [place, charts[place.dataset.chart].layout.height]));
  window.addEventListener("beforeprint", () => {
    drawn.forEach((place) => Plotly.relayout(place, place.closest(".trio") ? { width: 225, height: 240 } : { width: 690 }));
    document.querySelectorAll(".story[open] .judgment").forEach((judgment) => { judgment.open = true; });
  });
  window.addEventListener("afterprint", () => {
    drawn.forEach((place) => Plotly.relayout(place, { width: null, height: heights.get(place), autosize: true }));
  });

  const hidden = new Set();
  document.querySelectorAll(".chips button").forEach((button) => {
    button.addEventListener("click", () => {
      const k = button.dataset.k;
      button.classList.toggle("off");
      if (!hidden.delete(k)) hidden.add(k);
      drawn.forEach((place) => {
        const visible = place.data.map((trace) => !hidden.has(trace.meta));
        Plotly.restyle(place, { visible });
      });
    });
  });

  const list = document.getElementById("list");
  const stories = [...list.children];
  const build = (story) => {
    const source = story.querySelector("script");
    if (!source) return;
    story.querySelector(".body").innerHTML = source.textContent;
    source.remove();
  };
  stories.forEach((story) => story.addEventListener("toggle", () => story.open && build(story)));
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button.to");
    if (!button) return;
    const turn = button.closest(".session").querySelector(`article[data-turn="${Number(button.dataset.turn)}"]`);
    if (!turn) return;
    turn.scrollIntoView({ behavior: "smooth", block: "center" });
    turn.classList.add("lit");
    setTimeout(() => turn.classList.remove("lit"), 1600);
  });

  const [find, who, only, sort, shown] = ["find", "who", "only", "sort", "shown"].map((id) => document.getElementById(id));
  const words = stories.map((story) => story.querySelector("summary").textContent.toLowerCase());
  const value = (story, key) => (story.dataset[key] === "" ? null : Number(story.dataset[key]));
  const arrange = () => {
    const wanted = find.value.trim().toLowerCase();
    let count = 0;
    stories.forEach((story, place) => {
      const fits = words[place].includes(wanted) && (!who.value || story.dataset.k === who.value)
        && (!only.value || story.dataset.marks.split(" ").includes(only.value));
      story.hidden = !fits;
      count += fits;
    });
    const key = sort.value.replace("-", "");
    const sign = sort.value.startsWith("-") ? -1 : 1;
    const order = [...stories].sort((a, b) => {
      const [x, y] = [value(a, key), value(b, key)];
      if (x === null || y === null) return (x === null) - (y === null) || a.dataset.n - b.dataset.n;
      return sign * (x - y) || a.dataset.n - b.dataset.n;
    });
    list.append(...order);
    shown.textContent = shown.dataset.text.replace("{n}", count).replace("{total}", stories.length);
  };
  [find, who, only, sort].forEach((field) => field.addEventListener("input", arrange));
  document.querySelector(".finder").addEventListener("submit", (event) => event.preventDefault());
  arrange();

  const visit = () => {
    const story = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!story || !story.classList.contains("story")) return;
    story.hidden = false;
    story.open = true;
    build(story);
    story.scrollIntoView();
  };
  window.addEventListener("hashchange", visit);
  visit();
})();
