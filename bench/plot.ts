// Plots as SVG text: bars with their intervals, and lines. Plain enough to be read in both light and dark pages.

import type { Plot } from "./bench.ts";

const width = 720;
const colours = ["#3b7dd8", "#d9822b", "#2f9e5b", "#a657c9", "#c0392b", "#7a7a7a"];
const text = 'font-family="system-ui, sans-serif" fill="#7a7f87"';

export function drawPlot(plot: Plot): string {
  return plot.kind === "bars" ? drawBars(plot) : drawLines(plot);
}

function drawBars({ title, unit, bars }: Extract<Plot, { kind: "bars" }>): string {
  const left = 110;
  const barHeight = 34;
  const height = 60 + bars.length * barHeight + 30;
  const most = Math.max(...bars.map(({ interval }) => interval.high), 1e-9);
  const scale = (value: number) => ((width - left - 100) * value) / most;
  const drawn = bars.map(({ label, interval }, index) => {
    const y = 50 + index * barHeight;
    const middle = y + 11;
    return `<text x="${left - 10}" y="${y + 16}" text-anchor="end" font-size="14" ${text}>${escapeXml(label)}</text>
<rect x="${left}" y="${y}" width="${round(scale(interval.value))}" height="22" fill="${colours[index % colours.length]}"/>
<path d="M${round(left + scale(interval.low))} ${middle}H${round(left + scale(interval.high))}" stroke="#7a7f87" stroke-width="2"/>
<text x="${round(left + scale(interval.high) + 8)}" y="${y + 16}" font-size="13" ${text}>${printNumber(interval.value)}</text>`;
  });
  const foot = `<text x="${left}" y="${height - 12}" font-size="12" ${text}>${escapeXml(unit)}; the line is the 95 percent interval</text>`;
  return frame(height, title, [...drawn, foot]);
}

function drawLines({ title, xTitle, yTitle, lines }: Extract<Plot, { kind: "lines" }>): string {
  const [left, top, bottom, height] = [70, 50, 300, 380];
  const points = lines.flatMap((line) => line.points);
  const [lowX, highX] = [Math.min(...points.map(({ x }) => x)), Math.max(...points.map(({ x }) => x))];
  const highY = Math.max(...points.map(({ y }) => y), 1e-9);
  const placeX = (x: number) => round(left + ((width - left - 30) * (x - lowX)) / (highX - lowX || 1));
  const placeY = (y: number) => round(bottom - ((bottom - top) * y) / highY);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = placeY(share * highY);
    return `<path d="M${left} ${y}H${width - 30}" stroke="#7a7f87" stroke-opacity="0.25"/>
<text x="${left - 8}" y="${y + 4}" text-anchor="end" font-size="12" ${text}>${printNumber(share * highY)}</text>`;
  });
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const marks = xs
    .filter((_, index) => xs.length <= 12 || index % Math.ceil(xs.length / 12) === 0)
    .map(
      (x) =>
        `<text x="${placeX(x)}" y="${bottom + 18}" text-anchor="middle" font-size="12" ${text}>${printNumber(x)}</text>`,
    );
  const drawn = lines.map(({ label, points: own }, index) => {
    const colour = colours[index % colours.length];
    const path = own.map(({ x, y }, at) => `${at === 0 ? "M" : "L"}${placeX(x)} ${placeY(y)}`).join("");
    const key = `<rect x="${left + index * 150}" y="${bottom + 46}" width="14" height="14" fill="${colour}"/>
<text x="${left + 20 + index * 150}" y="${bottom + 58}" font-size="13" ${text}>${escapeXml(label)}</text>`;
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2.5"/>\n${key}`;
  });
  const titles = `<text x="${width - 30}" y="${bottom + 36}" text-anchor="end" font-size="12" ${text}>${escapeXml(xTitle)}</text>
<text x="${left}" y="${top - 10}" font-size="12" ${text}>${escapeXml(yTitle)}</text>`;
  return frame(height, title, [...ticks, ...marks, ...drawn, titles]);
}

function frame(height: number, title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(title)}">
<text x="20" y="26" font-size="16" font-weight="600" ${text}>${escapeXml(title)}</text>
${parts.join("\n")}
</svg>
`;
}

function printNumber(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return Number(value.toPrecision(3)).toString();
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
