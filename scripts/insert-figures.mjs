#!/usr/bin/env node
// node scripts/insert-figures.mjs [--check]: puts the figures of bench/results/*.json into the Markdown pages, between
//   <!-- figures:NAME [columns=a,b,…] [where=column:value] -->  and  <!-- /figures -->
// NAME is a result's file name without .json, or `all`. No figure is ever typed by hand; with --check nothing is
// written, and pages that are not current make it fail.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const BLOCK = /<!-- figures:([\w-]+)((?: \w+=[^\s>]+)*) -->[\s\S]*?<!-- \/figures -->/g;

/** Pages that may hold figures. */
export function pages() {
  const docs = join(root, 'docs');
  const inDocs = existsSync(docs) ? readdirSync(docs).filter((name) => name.endsWith('.md')) : [];
  return ['README.md', 'README.zh.md', ...inDocs.map((name) => `docs/${name}`)].filter((page) =>
    existsSync(join(root, page)),
  );
}

/** Results by name. */
export function readResults(folder = join(root, 'bench', 'results')) {
  if (!existsSync(folder)) return {};
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return Object.fromEntries(
    names.sort().map((name) => [name.slice(0, -5), JSON.parse(readFileSync(join(folder, name), 'utf8'))]),
  );
}

/** Three or more significant digits, never a rounded whole number. */
function cell(value) {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'number') return String(value).replaceAll('|', '\\|');
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

const UNITS = { Us: 'µs', Ms: 'ms', Seconds: 's', KiB: 'KiB', MiB: 'MiB', GiB: 'GiB' };

/** pythonPeakGiB → python peak (GiB) */
function heading(key) {
  const [first, ...inner] = key.split('.');
  if (inner.length > 0) return `${heading(first)}: ${inner.join('.')}`;
  const [, name, unit] = /^(.*?)(Us|Ms|Seconds|KiB|MiB|GiB|PerSecond)?$/.exec(key);
  const words = name.replace(/([a-z0-9])([A-Z])/g, (_, before, after) => `${before} ${after.toLowerCase()}`);
  if (!unit || !name) return words || key;
  return unit === 'PerSecond' ? `${words}/s` : `${words} (${UNITS[unit]})`;
}

/** `{ speed: { ours: 1 } }` → `{ 'speed.ours': 1 }`; anything deeper is detail that tables leave out. */
function flat(row) {
  const entries = Object.entries(row).flatMap(([key, value]) =>
    scalar(value) || Array.isArray(value) || !Object.values(value).every(scalar)
      ? [[key, value]]
      : Object.entries(value).map(([inner, item]) => [`${key}.${inner}`, item]),
  );
  return Object.fromEntries(entries);
}

const scalar = (value) => value === null || typeof value !== 'object';

function table(rows, columns) {
  const keys = columns ?? [
    ...new Set(rows.flatMap((row) => Object.keys(row).filter((key) => scalar(row[key])))),
  ];
  const numeric = (key) => rows.every((row) => typeof (row[key] ?? 0) === 'number');
  return [
    `| ${keys.map(heading).join(' | ')} |`,
    `|${keys.map((key) => (numeric(key) ? '---:' : '---')).join('|')}|`,
    ...rows.map((row) => `| ${keys.map((key) => cell(row[key])).join(' | ')} |`),
  ].join('\n');
}

/** Where, when and with what the figures were taken. */
function origin(name, machine = {}) {
  const facts = [
    machine.gpu,
    machine.cpu,
    machine.cores && `${machine.cores} cores`,
    machine.threads && `${machine.threads} threads`,
    machine.node && `Node ${String(machine.node).replace(/^v/, '')}`,
    machine.torch && `libtorch ${machine.torch}`,
    machine.pythonTorch && `Python's PyTorch ${machine.pythonTorch}`,
    machine.transformers && `transformers ${machine.transformers}`,
    machine.commit && `commit ${machine.commit}`,
    machine.date && String(machine.date).slice(0, 10),
  ].filter(Boolean);
  return `<sub>\`bench/results/${name}.json\`${facts.length ? `: ${facts.join(', ')}` : ''}</sub>`;
}

/** One result as Markdown: `rows` as a table, or the result's plain values. */
export function renderResult(name, result, { columns, where } = {}) {
  let rows = Array.isArray(result.rows) ? result.rows.map(flat) : null;
  if (rows && where) {
    const [key, value] = where.split(':');
    rows = rows.filter((row) => String(row[key]) === value);
  }
  const plain = Object.entries(result).filter(([key, value]) => scalar(value) && key !== 'title');
  const body = rows
    ? table(rows, columns?.split(','))
    : table(plain.map(([figure, value]) => ({ figure: heading(figure), value })));
  return `${body}\n\n${origin(name, result.machine)}`;
}

/** A page with its blocks filled. A result that does not exist is said to be missing. */
export function fill(markdown, results) {
  return markdown.replace(BLOCK, (_, name, given) => {
    const options = Object.fromEntries(
      given
        .trim()
        .split(' ')
        .filter(Boolean)
        .map((part) => part.split(/=(.*)/s).slice(0, 2)),
    );
    const wanted = name === 'all' ? Object.keys(results) : [name].filter((n) => n in results);
    const parts = wanted.map((n) => {
      const text = renderResult(n, results[n], options);
      return name === 'all' ? `### ${results[n].title ?? n}\n\n${text}` : text;
    });
    const body =
      parts.join('\n\n') ||
      `*Not recorded yet: there is no \`bench/results/${name === 'all' ? '*' : name}.json\`.*`;
    return `<!-- figures:${name}${given} -->\n${body}\n<!-- /figures -->`;
  });
}

function main(args) {
  const results = readResults();
  for (const page of pages()) {
    const before = readFileSync(join(root, page), 'utf8');
    const after = fill(before, results);
    if (after === before) continue;
    if (args.includes('--check')) {
      console.error(`${page} is not current: node scripts/insert-figures.mjs`);
      process.exitCode = 1;
    } else {
      writeFileSync(join(root, page), after);
      console.log(`${page} updated`);
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
