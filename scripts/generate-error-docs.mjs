#!/usr/bin/env node
// node scripts/generate-error-docs.mjs [--check]: writes docs/errors.md from the error registry.
// With --check it writes nothing and fails when the page is not what the registry says.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
export const page = join(root, 'docs', 'errors.md');

/** Facts that messages treat as lists. */
const LISTS = new Set([
  ...[
    'known',
    'columns',
    'problems',
    'names',
    'wrong',
    'found',
    'missing',
    'cached',
    'examples',
    'otherWeights',
  ],
]);
/** Facts that only add to the wording in special cases. */
const ABSENT = new Set(['record', 'gated', 'hint', 'proxyIgnored', 'subfolders', 'bareName', 'suggestions']);

/** Stands for the facts of an error: every one is its own name in brackets. */
function facts(absent = ABSENT) {
  return new Proxy(
    {},
    {
      get(_, key) {
        const name = String(key);
        if (absent.has(name)) return undefined;
        if (name === 'special') return 3;
        return LISTS.has(name) ? [`‹${name}›`, '…'] : `‹${name}›`;
      },
    },
  );
}

/** The advice without a suggestion, which only some cases have. */
function advice(spec) {
  if (!spec.hint) return '';
  return clean(spec.hint(facts(new Set([...ABSENT, 'suggestion'])))) || '(depends on the case)';
}

const clean = (text) =>
  text
    .replaceAll(/"(‹\w+›|…)"/g, '$1')
    .replaceAll('‹missing›,…', '‹missing›')
    .replaceAll(/ 2 (problems|weights)/g, ' ‹n› $1')
    .replace(/^2 problems/, '‹n› problems')
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('<br>');

/** Names of the exit codes, in the order of their numbers. */
const EXITS = {
  ok: 'everything went well',
  unexpected: 'an error that the toolkit did not foresee; please report it',
  usage: 'a wrong flag, option or config file',
  data: 'the data',
  model: 'a model, its configuration or its weights',
  network: 'the model hub or the network',
  training: 'training failed, for example by a loss that is not finite',
  io: 'the disk is full, or a file or folder cannot be written',
  interrupted: 'interrupted; a training has written a checkpoint first',
};

const AREAS = [
  [/^(CONFIG|CLI|FEATURE|LIBRARY|INTERRUPTED)/, 'Configuration and command line'],
  [/^DATA_/, 'Data'],
  [/^MODEL_(?!CHOICE)/, 'Models and weights'],
  [/^HUB_/, 'Model hub'],
  [/^(TRAIN|RESUME|CHECKPOINT|MODEL_CHOICE|DEVICE|PRECISION)/, 'Training'],
  [/^(APP|PIPELINE|ARTEFACT)/, 'Tasks and trained models'],
];

/** The page as the registry says. */
export function renderErrorDocs(errors, exit) {
  const lines = [
    '<!-- Written by scripts/generate-error-docs.mjs from packages/easynlp/src/errors; do not edit. -->',
    '',
    '# Errors',
    '',
    'Everything that the toolkit refuses is an `EasyNlpError` with a stable `code`, a message that says what was wrong,',
    'where, and what was expected, a `hint` that says what to do, the facts as `details`, and the exit code of the',
    'command line. `httpStatus` is the answer of a server that meets the error.',
    '',
    'Errors of the tensor engine are [`TorchError`s](torch.md#errors).',
    '',
    '## Exit codes',
    '',
    '| exit code | meaning |',
    '|---|---|',
    ...Object.entries(exit)
      .sort(([, a], [, b]) => a - b)
      .map(([name, code]) => `| ${code} | ${EXITS[name] ?? name} |`),
    '',
    'In the tables below, ‹name› stands for a fact that the message gives.',
  ];
  const rest = new Map(Object.entries(errors));
  for (const [pattern, title] of [...AREAS, [/./, 'Others']]) {
    const rows = [...rest].filter(([code]) => pattern.test(code));
    if (rows.length === 0) continue;
    lines.push(
      '',
      `## ${title}`,
      '',
      '| code | exit | HTTP | message | what to do |',
      '|---|---|---|---|---|',
    );
    for (const [code, spec] of rows) {
      rest.delete(code);
      const message = clean(spec.message(facts()));
      const hint = advice(spec);
      lines.push(`| \`${code}\` | ${spec.exitCode} | ${spec.httpStatus} | ${message} | ${hint} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The registry from its sources: they import nothing but one another, so no build is needed and none can be stale. */
async function loadRegistry() {
  const source = join(root, 'packages', 'easynlp', 'src', 'errors');
  const folder = mkdtempSync(join(tmpdir(), 'easynlp-errors-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    for (const name of readdirSync(source).filter((file) => /^[a-z-]+\.ts$/.test(file))) {
      const { outputText } = ts.transpileModule(readFileSync(join(source, name), 'utf8'), {
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
      });
      writeFileSync(join(folder, name.replace(/ts$/, 'js')), outputText);
    }
    return await import(pathToFileURL(join(folder, 'index.js')).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(args) {
  const { ERRORS, EXIT } = await loadRegistry();
  const text = renderErrorDocs(ERRORS, EXIT);
  if (!args.includes('--check')) {
    writeFileSync(page, text);
    console.log('docs/errors.md written');
  } else if (readFileSync(page, 'utf8') !== text) {
    console.error('docs/errors.md is not what the registry says: node scripts/generate-error-docs.mjs');
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
