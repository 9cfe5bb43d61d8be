import { table } from '../util/index.js';
import type { BenchmarkReport } from './report.js';

interface Section {
  readonly title: string;
  readonly note: string;
  readonly rows: readonly (readonly string[])[];
}

const cell = (mean: number, std: number | null | undefined): string =>
  std === null || std === undefined ? mean.toFixed(1) : `${mean.toFixed(1)} (${std.toFixed(1)})`;

/** Our figures, and the published ones of the same tasks, in percent: mean (standard deviation). */
function sections({ methods, tasks, figures, published, model }: BenchmarkReport): Section[] {
  const all = tasks.length > 1;
  const ours = methods.map((method) => {
    const found = tasks.map((task) => figures.find((f) => f.method === method && f.task === task));
    const complete = found.every((f) => f !== undefined);
    const average = complete ? found.reduce((sum, f) => sum + 100 * f!.mean, 0) / found.length : null;
    return [
      method,
      ...(all ? [average === null ? '' : average.toFixed(1)] : []),
      ...found.map((f) => (f ? cell(100 * f.mean, f.std === null ? null : 100 * f.std) : '')),
    ];
  });
  const counts = [...new Set(figures.map((f) => f.runs.length))].sort((a, b) => a - b);
  const files = [
    ...new Set(figures.flatMap((f) => f.evaluatedOn.map((name) => name.replace(/_\d+(?=\.)/, '_i')))),
  ];
  const own: Section = {
    title: model,
    note: `measured on ${files.join(', ')}; mean (standard deviation) of ${counts.join(' or ')} run${counts.at(-1) === 1 ? '' : 's'}`,
    rows: ours,
  };
  if (!published) return [own];
  const others = published.rows.flatMap(({ method, figures: theirs }) => {
    const cells = tasks.map((task) => (theirs[task] ? cell(theirs[task].mean, theirs[task].std) : ''));
    if (cells.every((text) => text === '')) return [];
    const complete = tasks.every((task) => theirs[task]);
    const average = complete ? tasks.reduce((sum, task) => sum + theirs[task]!.mean, 0) / tasks.length : null;
    return [[method, ...(all ? [average === null ? '' : average.toFixed(1)] : []), ...cells]];
  });
  return [own, { title: published.title, note: published.source, rows: others }];
}

const head = ({ tasks }: BenchmarkReport): string[] => ['', ...(tasks.length > 1 ? ['mean'] : []), ...tasks];

/** Tables for a terminal. */
export function renderText(report: BenchmarkReport): string {
  const parts = sections(report);
  // One table, so that the columns of both parts stand under one another.
  const lines = table([head(report), ...parts.flatMap((p) => p.rows)], { header: true }).split('\n');
  const out: string[] = [`${report.title}, %`, ...lines.slice(0, 2)];
  let at = 2;
  for (const { title, note, rows } of parts) {
    out.push('', `${title} (${note})`, ...lines.slice(at, at + rows.length));
    at += rows.length;
  }
  return `${out.join('\n')}\n`;
}

/** The same as Markdown, with the settings of each method. */
export function renderMarkdown(report: BenchmarkReport): string {
  const quoted = (text: string) => text.replaceAll('|', '\\|');
  const line = (cells: readonly string[]) => `| ${cells.map(quoted).join(' | ')} |`;
  const out = [`## ${report.title}`, ''];
  for (const { title, note, rows } of sections(report)) {
    out.push(`**${title}**: ${note}`, '');
    out.push(line(head(report)), line(head(report).map((_, i) => (i === 0 ? '---' : '---:'))));
    out.push(...rows.map(line), '');
  }
  const { easynlp, node } = report.versions;
  out.push(`easynlp ${easynlp}, Node.js ${node}, ${report.date.slice(0, 10)}.`);
  return `${out.join('\n')}\n`;
}
