// Draws the figures in the colours of the page, and again when light turns to dark or the page turns narrow.
(() => {
  "use strict";
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 40rem)");

  const resolved = (value, style) => {
    if (typeof value === "string") {
      const found = /^var\((--[\w-]+)\)$/.exec(value);
      return found ? style.getPropertyValue(found[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((part) => resolved(part, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, resolved(part, style)]));
    }
    return value;
  };

  const dressed = (layout, style, height) => {
    const ink = style.getPropertyValue("--soft").trim();
    const grid = style.getPropertyValue("--grid").trim();
    const axis = (own) => ({
      gridcolor: grid, linecolor: grid, zeroline: false, automargin: true, fixedrange: true, ...own,
      ...(own.ticktext && { ticktext: own.ticktext.map((text) => (narrow.matches ? text.replace(" · ", "<br>") : text)) }),
      title: { standoff: 14, ...own.title },
    });
    return {
      showlegend: false,
      margin: { l: 16, r: narrow.matches ? 16 : 32, t: 24, b: 16 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: narrow.matches ? 11 : 13, color: ink },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      hoverlabel: { bgcolor: style.getPropertyValue("--panel").trim(), font: { color: style.getPropertyValue("--ink").trim() } },
      ...layout,
      height,
      ...Object.fromEntries(Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key)).map((key) => [key, axis(layout[key])])),
    };
  };

  const draw = () => {
    const style = getComputedStyle(document.documentElement);
    for (const place of document.querySelectorAll("[data-figure]")) {
      const figure = resolved(figures[place.dataset.figure], style);
      const square = figure.layout.yaxis.scaleanchor && place.clientWidth + 60;
      const height = Math.min(figure.layout.height, square || Infinity);
      place.style.height = `${height}px`;
      Plotly.react(place, figure.data, dressed(figure.layout, style, height), { displayModeBar: false, responsive: true });
    }
  };

  dark.addEventListener("change", draw);
  narrow.addEventListener("change", draw);
  draw();
})();
