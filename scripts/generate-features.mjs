#!/usr/bin/env node
// node scripts/generate-features.mjs [--results vitest.json,…] [--check]: writes docs/features.md and docs/features.zh.md
// from the tables in scripts/features, where every feature names the tests that prove it. A test that does not exist is
// an error. With --results (vitest's JSON reporter) a feature is done only if its tests passed in that run; --check writes
// nothing and fails when a page is not what it would write. With both, tests that were skipped (no GPU, no data here) are
// named and believed, since the pages are the same for all machines; `npm test` does this with its own results.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { APPS } from './features/apps.mjs';
import { CORE, FLAGS } from './features/core.mjs';
import { DEFECTS } from './features/defects.mjs';
import { BENCHMARKS, DISTILLATION, FEWSHOT, KNOWLEDGE } from './features/methods.mjs';
import { MODELS } from './features/models.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
export const SECTIONS = [APPS, MODELS, FEWSHOT, DISTILLATION, KNOWLEDGE, CORE, FLAGS, BENCHMARKS, DEFECTS];

const WORDS = {
  en: {
    file: 'docs/features.md',
    title: 'Features',
    other: '[中文](features.zh.md)',
    about: [
      'What EasyNLP has, and its state here. Every entry names the tests that prove it, and one without a test counts as',
      'not yet there; `node scripts/generate-features.mjs` refuses names of tests that do not exist. `npm test` compares',
      'this page with its results: a test named here that failed, or did not run, fails it; one that was skipped there (no',
      'GPU, no data) is named.',
    ],
    head: ['feature', 'state', 'tests'],
    states: { done: 'done', partly: 'partly', 'not yet': 'not yet' },
    count: (n) => `${n.done} done, ${n.partly} partly, ${n['not yet']} not yet.`,
    failed: (name) => `did not pass in this run: ${name}`,
    colon: ': ',
  },
  zh: {
    file: 'docs/features.zh.md',
    title: '功能',
    other: '[English](features.md)',
    about: [
      'EasyNLP 的各项功能在此的状态。每一项都列出证明它的测试，没有测试的一律算作尚无；',
      '`node scripts/generate-features.mjs` 不接受不存在的测试名。`npm test` 用其测试结果核对本页：',
      '此处所列的测试若失败或未运行，即报错；因缺少 GPU 或数据而跳过的会列出名称。',
    ],
    head: ['功能', '状态', '测试'],
    states: { done: '完成', partly: '部分', 'not yet': '尚无' },
    count: (n) => `完成 ${n.done} 项，部分 ${n.partly} 项，尚无 ${n['not yet']} 项。`,
    failed: (name) => `本次运行未通过：${name}`,
    colon: '：',
  },
};

/** "torch:a.test.ts > title" → the file in the repository, and the words of the title or null. */
export function proofOf(text) {
  const [path, words = null] = text.split(' > ');
  const [, engine, rest] = /^(torch:)?(.*)$/.exec(path);
  return { file: `packages/${engine ? 'torch' : 'easynlp'}/src/${rest}`, words };
}

const titles = new Map();

/** Titles of the tests written in a file; null when there is no such file. */
function titlesOf(file) {
  if (titles.has(file)) return titles.get(file);
  const path = join(root, file);
  const found = existsSync(path) ? readTitles(readFileSync(path, 'utf8')) : null;
  titles.set(file, found);
  return found;
}

/** First arguments of it(…), test(…) and their variants like it.each(…)(…). */
export function readTitles(source) {
  const found = [];
  const rootName = (node) => {
    if (ts.isIdentifier(node)) return node.text;
    return 'expression' in node ? rootName(node.expression) : '';
  };
  const visit = (node) => {
    if (ts.isCallExpression(node) && /^(it|test)$/.test(rootName(node.expression))) {
      const [title] = node.arguments;
      if (title && ts.isStringLiteralLike(title)) found.push(title.text);
      else if (title && ts.isTemplateExpression(title)) found.push(title.getText().slice(1, -1));
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('a.ts', source, ts.ScriptTarget.Latest, true));
  return found;
}

/** What is wrong with the tables: tests that do not exist, entries without tests or reason. */
export function problems(sections = SECTIONS) {
  const wrong = [];
  for (const { rows } of sections) {
    for (const [name, chinese, proofs, reason, grund] of rows) {
      if (!chinese) wrong.push(`${name}: no Chinese name`);
      if (proofs.length === 0 && !reason) wrong.push(`${name}: neither tests nor a reason`);
      if (Boolean(reason) !== Boolean(grund)) wrong.push(`${name}: a reason in one language only`);
      for (const { file, words } of proofs.map(proofOf)) {
        const known = titlesOf(file);
        if (known === null) wrong.push(`${name}: there is no file ${file}`);
        else if (words !== null && !known.some((title) => title.includes(words)))
          wrong.push(`${name}: no test of ${file} is called "${words}"`);
      }
    }
  }
  return wrong;
}

/** The tests of a run by file: `{ title, status }`; several reports (the slow tests have their own) make one run. */
export function readRun(...reports) {
  const run = new Map();
  for (const { name, assertionResults } of reports.flatMap((report) => report.testResults ?? [])) {
    const path = name.replaceAll('\\', '/');
    const at = path.search(/packages\/(easynlp|torch)\/src\//);
    if (at >= 0) run.set(path.slice(at), [...(run.get(path.slice(at)) ?? []), ...assertionResults]);
  }
  return run;
}

/** What a run says of a proof: passed (some of it, and nothing failed), failed, skipped, or absent. */
export function verdict(run, { file, words }) {
  const all = run.get(file) ?? [];
  const mine = words === null ? all : all.filter(({ title }) => title.includes(words));
  const any = (status) => mine.some((test) => test.status === status);
  return any('failed') ? 'failed' : any('passed') ? 'passed' : mine.length > 0 ? 'skipped' : 'absent';
}

/** Compares the pages with the results of a complete run. */
export function checkRun(run, { sections = SECTIONS, page = readPage } = {}) {
  const proofs = [...new Set(sections.flatMap(({ rows }) => rows.flatMap((row) => row[2])))];
  const of = (wanted) => proofs.filter((text) => verdict(run, proofOf(text)) === wanted);
  const wrong = [
    ...of('failed').map((text) => `${text}: failed`),
    ...of('absent').map((text) => `${text}: did not run`),
  ];
  for (const [language, { file }] of Object.entries(WORDS)) {
    if (page(file) !== render(language, { sections, run, believeSkipped: true }))
      wrong.push(`${file} is not what the tests say (node scripts/generate-features.mjs)`);
  }
  return { wrong, skipped: of('skipped') };
}

const readPage = (file) => readFileSync(join(root, file), 'utf8');

export function render(language, { sections = SECTIONS, run = null, believeSkipped = false } = {}) {
  const holds = (text) => {
    const found = verdict(run, proofOf(text));
    return found === 'passed' || (believeSkipped && found === 'skipped');
  };
  const words = WORDS[language];
  const zh = language === 'zh' ? 1 : 0;
  const counts = { done: 0, partly: 0, 'not yet': 0 };
  const body = [];
  const row = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  for (const { title, rows } of sections) {
    body.push('', `## ${title[zh]}`, '', row(words.head), row(words.head.map(() => '---')));
    for (const entry of rows) {
      const proofs = entry[2];
      const lost = run === null ? [] : proofs.filter((text) => !holds(text));
      const reasons = [entry[3 + zh], ...lost.map((text) => words.failed(`\`${text}\``))].filter(Boolean);
      const state = proofs.length === lost.length ? 'not yet' : reasons.length > 0 ? 'partly' : 'done';
      counts[state]++;
      const why = reasons.length > 0 ? `${words.colon}${reasons.join('; ')}` : '';
      body.push(row([entry[zh], `${words.states[state]}${why}`, links(proofs)]));
    }
  }
  return [
    '<!-- Written by scripts/generate-features.mjs from scripts/features; do not edit. -->',
    '',
    `# ${words.title}`,
    '',
    words.other,
    '',
    ...words.about,
    '',
    words.count(counts),
    ...body,
    '',
  ].join('\n');
}

function links(proofs) {
  const files = new Map();
  for (const { file, words } of proofs.map(proofOf)) {
    const list = files.get(file) ?? [];
    if (words !== null) list.push(`“${words}”`);
    files.set(file, list);
  }
  return [...files]
    .map(([file, list]) => {
      const name = file.split('/').at(-1).replace('.test.ts', '');
      const target = relative(join(root, 'docs'), join(root, file)).split(sep).join('/');
      return `[${name}](${target})${list.length > 0 ? ` ${list.join(', ')}` : ''}`;
    })
    .join('; ');
}

function main(args) {
  const wrong = problems();
  if (wrong.length > 0) {
    console.error(wrong.join('\n'));
    process.exitCode = 1;
    return;
  }
  const at = args.indexOf('--results');
  const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
  const run = at < 0 ? null : readRun(...args[at + 1].split(',').map(read));
  if (run !== null && args.includes('--check')) {
    const found = checkRun(run);
    for (const text of found.skipped) console.log(`skipped in this run: ${text}`);
    for (const text of found.wrong) console.error(text);
    process.exitCode = found.wrong.length === 0 ? 0 : 1;
    return;
  }
  for (const [language, { file }] of Object.entries(WORDS)) {
    const text = render(language, { run });
    if (!args.includes('--check')) writeFileSync(join(root, file), text);
    else if (readPage(file) !== text) {
      console.error(`${file} is not what the tables say: node scripts/generate-features.mjs`);
      process.exitCode = 1;
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
