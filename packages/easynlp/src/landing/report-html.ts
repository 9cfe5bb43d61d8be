import {
  EASYNLP_EXAMPLE,
  type LandingReport,
  type LandingRow,
  millions,
  percent,
  summary,
} from './report.js';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c]!);

const WIDTH = 640;
const LABEL = 210;
const BAR = 26;
const GAP = 12;

interface Bar {
  readonly label: string;
  /** 0 to 1 of the width. */
  readonly share: number;
  readonly text: string;
  readonly strong: boolean;
  /** A second, pale mark: what somebody else measured. */
  readonly mark?: { readonly share: number; readonly text: string };
}

/** Horizontal bars as one SVG element; every bar says its value, so that colour alone means nothing. */
function chart(title: string, bars: readonly Bar[]): string {
  const plot = WIDTH - LABEL - 90;
  const height = bars.length * (BAR + GAP) + GAP;
  const rows = bars.map(({ label, share, text, strong, mark }, i) => {
    const y = GAP + i * (BAR + GAP);
    const width = Math.max(2, plot * share);
    const middle = y + BAR / 2 + 5;
    const other = mark
      ? `<line class="mark" x1="${LABEL + plot * mark.share}" x2="${LABEL + plot * mark.share}" y1="${y - 3}" y2="${y + BAR + 3}"><title>${escapeHtml(mark.text)}</title></line>`
      : '';
    return `<text x="${LABEL - 10}" y="${middle}" text-anchor="end">${escapeHtml(label)}</text><rect class="${strong ? 'strong' : 'plain'}" x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="3"/>${other}<text class="value" x="${WIDTH}" y="${middle}" text-anchor="end">${escapeHtml(text)}</text>`;
  });
  return `<figure><figcaption>${escapeHtml(title)}</figcaption><svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(title)}">${rows.join('')}</svg></figure>`;
}

const strong = (row: LandingRow): boolean => /fewshot|distilled/.test(row.stage);

function accuracyChart(rows: readonly LandingRow[]): string {
  const bars = rows.map((row): Bar => {
    const example = EASYNLP_EXAMPLE[row.stage]!;
    return {
      label: row.title,
      share: row.accuracy,
      text: percent(row.accuracy),
      strong: strong(row),
      mark: { share: example.accuracy, text: `EasyNLP's example: ${percent(example.accuracy)}` },
    };
  });
  return chart('Accuracy (the line: EasyNLP’s example)', bars);
}

function timeChart(rows: readonly LandingRow[]): string {
  const longest = Math.max(...rows.map((row) => row.millisecondsPerRow));
  const bars = rows.map(
    (row): Bar => ({
      label: row.title,
      share: row.millisecondsPerRow / longest,
      text: `${row.millisecondsPerRow.toFixed(2)} ms`,
      strong: strong(row),
    }),
  );
  return chart('Time a row, milliseconds', bars);
}

const cells = (tag: 'td' | 'th', values: readonly string[]): string =>
  `<tr>${values.map((value) => `<${tag}>${escapeHtml(value)}</${tag}>`).join('')}</tr>`;

/** The report as one HTML file that loads nothing. */
export function renderHtml(report: LandingReport): string {
  const { rows, data, machine, versions } = report;
  const header = [
    '',
    'model',
    'parameters',
    'accuracy',
    'ms a row',
    'rows a second',
    'steps',
    'trained',
    "EasyNLP's example",
  ];
  const body = rows.map((row) => {
    const example = EASYNLP_EXAMPLE[row.stage]!;
    return [
      row.title,
      row.model,
      millions(row.parameters),
      percent(row.accuracy),
      row.millisecondsPerRow.toFixed(2),
      Math.round(1000 / row.millisecondsPerRow).toLocaleString('en-US'),
      row.steps.toLocaleString('en-US'),
      `${row.trainingSeconds.toFixed(0)} s`,
      `${percent(example.accuracy)}, ${example.model}, ${millions(example.parameters)}`,
    ];
  });
  const facts: [string, string][] = [
    ['labelled rows', data.train],
    ['rows without labels', data.unlabelled.join(', ') || 'none: texts were made from the labelled rows'],
    ['chosen on', data.dev],
    ['measured on', data.measuredOn],
    ['machine', `${machine.cpu}, ${machine.threads} threads, ${machine.device}, ${machine.precision}`],
    [
      'versions',
      Object.entries(versions)
        .map((pair) => pair.join(' '))
        .join(', '),
    ],
    ['timed', `batches of ${rows[0]!.timing.batchSize}, ${rows[0]!.timing.rows} rows, medians`],
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Landing a large model</title>
<style>
:root { color-scheme: light dark; --ink: #1c2733; --paper: #fff; --line: #d6dde4; --plain: #9fb3c8; --strong: #1f6feb; --mark: #d9480f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #10161d; --line: #2c3743; --plain: #50657b; --strong: #58a6ff; --mark: #ff922b; } }
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", "PingFang SC", sans-serif; color: var(--ink); background: var(--paper); max-width: 960px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: right; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; white-space: nowrap; }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; }
svg { width: 100%; max-width: ${WIDTH}px; } svg text { fill: var(--ink); font-size: 13px; } .value { font-weight: 600; }
.plain { fill: var(--plain); } .strong { fill: var(--strong); } .mark { stroke: var(--mark); stroke-width: 2; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; } dt { opacity: .7; } dd { margin: 0; overflow-wrap: anywhere; }
details pre { overflow-x: auto; font-size: 12px; }
</style>
</head>
<body>
<h1>Landing a large model</h1>
<p>${escapeHtml(summary(report))}</p>
<table><thead>${cells('th', header)}</thead><tbody>${body.map((row) => cells('td', row)).join('')}</tbody></table>
${accuracyChart(rows)}
${timeChart(rows)}
<h2>How it was measured</h2>
<dl>${facts.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`).join('')}</dl>
<p>EasyNLP's example: its published figures, with its models on its own split of product reviews.</p>
<details><summary>Training options</summary><pre>${escapeHtml(JSON.stringify(report.settings, null, 2))}</pre></details>
</body>
</html>
`;
}
