// What is wrong with the page as it is shown now: a list of sentences.
(() => {
  const found = [];
  const wide = document.documentElement.scrollWidth - window.innerWidth;
  if (wide > 0) found.push(`the page is ${wide} pixels wider than the window`);
  const phone = window.visualViewport.width / document.documentElement.clientWidth;
  if (phone < 0.99) found.push("the page does not fit the telephone");

  const visible = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width > 0;

  // Figures: one drawing each, large enough, nothing cut off, no label on another.
  for (const f of document.querySelectorAll("figure.fig")) {
    if (!visible(f)) continue;
    const shown = [...f.querySelectorAll(".plot svg")].filter(visible);
    if (shown.length !== 1) {
      found.push(`figure ${f.id} shows ${shown.length} drawings`);
      continue;
    }
    const frame = shown[0].getBoundingClientRect();
    if (frame.width < 250 || frame.height < 150) found.push(`figure ${f.id} is ${frame.width} x ${frame.height}`);
    if (!shown[0].querySelector("title") || !shown[0].querySelector("desc")) found.push(`figure ${f.id} has no title or description`);
    const labels = [...shown[0].querySelectorAll("text")].map((t) => ({ t, r: t.getBoundingClientRect() }));
    labels.forEach(({ t, r }, i) => {
      if (r.left < frame.left - 1 || r.right > frame.right + 1 || r.top < frame.top - 1 || r.bottom > frame.bottom + 1) {
        found.push(`figure ${f.id}: "${t.textContent}" is cut off`);
      }
      for (const { t: u, r: s } of labels.slice(i + 1)) {
        const x = Math.min(r.right, s.right) - Math.max(r.left, s.left), y = Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top);
        if (x > 2 && y > 4) found.push(`figure ${f.id}: "${t.textContent}" and "${u.textContent}" overlap`);
      }
    });
  }

  // Contrast, by WCAG 2.2: 4.5 for text, 3 for large text and for what figures consist of.
  const parse = (c) => {
    const m = c.match(/^rgba?\(([^)]+)\)$/);
    if (!m) return null;
    const [r, g, b, a = 1] = m[1].split(/[ ,/]+/).map(Number);
    return { r, g, b, a };
  };
  const over = (top, under) => ({
    r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a), b: top.b * top.a + under.b * (1 - top.a), a: 1,
  });
  const behind = (e) => {
    const layers = [];
    for (let n = e; n; n = n.parentElement) {
      const c = parse(getComputedStyle(n).backgroundColor);
      if (c && c.a > 0) layers.push(c);
      if (c && c.a === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 });
  };
  const luminance = ({ r, g, b }) => {
    const f = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
  };
  const ratio = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const seen = new Set();
  const need = (e, property, least) => {
    const style = getComputedStyle(e), colour = parse(style[property]), ground = behind(e);
    if (!colour) return;
    colour.a *= Number(style.opacity);
    const is = ratio(over(colour, ground), ground), key = `${e.tagName}.${e.getAttribute("class")} ${property} ${style[property]}`;
    if (is < least && !seen.has(key)) {
      seen.add(key);
      found.push(`contrast of ${key} is ${is.toFixed(2)}, less than ${least}`);
    }
  };
  let words = 0;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || ["SCRIPT", "STYLE", "title", "desc"].includes(e.tagName) || !visible(e)) continue;
    words++;
    need(e, e instanceof SVGElement ? "fill" : "color", parseFloat(getComputedStyle(e).fontSize) >= 24 ? 3 : 4.5);
  }
  if (words < 50) found.push(`only ${words} texts on the page`);
  for (const e of document.querySelectorAll("svg .curve, svg .edge, svg .axis")) if (visible(e)) need(e, "stroke", 3);
  for (const e of document.querySelectorAll("svg .dot.front, svg .knot, svg .beats, svg .sideK, svg .sideV")) {
    if (visible(e) && e.tagName !== "line") need(e, "fill", 3);
  }
  return found;
})();
