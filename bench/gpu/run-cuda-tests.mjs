#!/usr/bin/env node
// The tests that need CUDA, on a machine that has the bundle and no vitest.
//   node bench/gpu/run-cuda-tests.mjs --build            in the checkout: transpiles them to bundle-out/cuda-tests
//   node bench/gpu/run-cuda-tests.mjs --tests folder     there: runs them against the packages' dist [--output file.json]
// Each file runs in a process of its own. Prints PASS/FAIL/SKIP lines, exit status 1 when one fails.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { explain } from '../lib/apps-gpu-compare.mjs';
import { flag, option, root } from '../lib/report.mjs';

const ROOT = '@@root@@';
const MARK = '@@test ';
const folder = resolve(option('tests', join(root, 'bundle-out/cuda-tests')));
const self = fileURLToPath(import.meta.url);

/** Where an import of a source file is in the bundle: the compiled file of the same place. */
function place(specifier, file) {
  if (specifier === 'vitest') return `${ROOT}/bench/lib/tiny-vitest.mjs`;
  if (specifier === '@easynlp/torch') return `${ROOT}/packages/torch/dist/index.js`;
  if (!specifier.startsWith('.')) return specifier;
  const path = relative(root, resolve(dirname(file), specifier)).replace(
    /^(packages\/[^/]+)\/src\//,
    '$1/dist/',
  );
  return `${ROOT}/${path}`;
}

const sources = () =>
  ['torch', 'easynlp'].flatMap((name) => {
    const folder = join(root, 'packages', name, 'src');
    const files = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.test.ts'));
    return files.sort().map((file) => join(folder, file));
  });

async function build() {
  const { default: ts } = await import('typescript');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
  };
  for (const file of sources()) {
    const source = readFileSync(file, 'utf8');
    if (!/\b(skipIf|runIf)\(.*cuda\.isAvailable\(\)/.test(source)) continue;
    const { outputText } = ts.transpileModule(source, { fileName: file, compilerOptions });
    const text = outputText.replace(
      /(^import .*?|\bfrom )'([^']+)'/gm,
      (_, before, name) => `${before}'${place(name, file)}'`,
    );
    const name = relative(join(root, 'packages'), file).replace('/src/', '/').replaceAll('/', '.');
    writeFileSync(join(folder, name.replace(/\.ts$/, '.mjs')), text);
    console.log(relative(root, file));
  }
}

async function child(name) {
  const { runTests } = await import('../lib/tiny-vitest.mjs');
  // The bundle's place is only known here.
  const copy = join(mkdtempSync(join(tmpdir(), 'easynlp-cuda-tests-')), name);
  const here = pathToFileURL(root).href;
  writeFileSync(copy, readFileSync(join(folder, name), 'utf8').replaceAll(ROOT, here));
  try {
    await import(pathToFileURL(copy).href);
    await runTests(name.replace(/\.test\.mjs$/, ''), (r) => console.log(`${MARK}${JSON.stringify(r)}`));
    console.log(`${MARK}end`);
  } catch (error) {
    console.error(explain(error));
    process.exitCode = 3;
  }
  rmSync(dirname(copy), { recursive: true, force: true });
}

function main() {
  const results = [];
  const report = (result) => {
    results.push(result);
    const { name, ok, skipped, ms, note } = result;
    console.log(
      `${skipped ? 'SKIP' : ok ? 'PASS' : 'FAIL'} ${name} (${Math.round(ms)} ms)${note ? `: ${note}` : ''}`,
    );
  };
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.test.mjs'))) {
    const { stdout, stderr, status, signal } = spawnSync(
      process.execPath,
      [self, '--tests', folder, '--file', name],
      { encoding: 'utf8', timeout: Number(option('timeout', 100)) * 1000, killSignal: 'SIGKILL' },
    );
    const lines = stdout.split('\n').filter((line) => line.startsWith(MARK));
    const ended = lines.at(-1) === `${MARK}end`;
    for (const line of ended ? lines.slice(0, -1) : lines) report(JSON.parse(line.slice(MARK.length)));
    if (!ended || status !== 0)
      report({
        name: `${name}: its process`,
        ok: false,
        skipped: false,
        ms: 0,
        note: `ended with ${signal ?? status}\n${stderr.slice(-6000)}`,
      });
  }
  const count = (holds) => results.filter(holds).length;
  const [failed, skipped] = [count((r) => !r.ok), count((r) => r.skipped)];
  const output = option('output', null);
  if (output) writeFileSync(output, `${JSON.stringify({ results }, null, 2)}\n`);
  console.log(
    `cuda-tests: ${results.length - failed - skipped} passed, ${failed} failed, ${skipped} skipped`,
  );
  process.exitCode = failed || results.length === 0 ? 1 : 0;
}

if (flag('build')) await build();
else if (option('file', null)) await child(option('file', null));
else main();
