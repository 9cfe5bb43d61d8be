// The compiler's part of the set-up.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { binary, root, run, StepError } from './process.mjs';

const PACKAGES = ['packages/torch', 'packages/easynlp'];
const stampFile = join(root, 'node_modules', '.cache', 'easynlp', 'typescript-build');

/** Path, size and time of every source: cheap, and changes whenever tsc would have something to do. */
function fingerprint() {
  const hash = createHash('sha256');
  const add = (path) => {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path}\0${size}\0${mtimeMs}\n`);
  };
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (/\.(ts|json)$/.test(entry.name) && !entry.name.endsWith('.test.ts')) add(path);
    }
  };
  for (const name of ['tsconfig.json', 'tsconfig.base.json', 'package-lock.json']) {
    if (existsSync(join(root, name))) add(join(root, name));
  }
  for (const name of PACKAGES) {
    add(join(root, name, 'tsconfig.json'));
    walk(join(root, name, 'src'));
  }
  return hash.digest('hex');
}

const compiled = () => PACKAGES.every((name) => existsSync(join(root, name, 'dist', 'index.js')));

/** Runs `tsc -b`; resolves to its exit status. */
export async function compile(options) {
  const before = fingerprint();
  // tsc trusts its .tsbuildinfo even when the output has been deleted.
  const force = compiled() ? [] : ['--force'];
  const status = await run(process.execPath, [binary('typescript/bin/tsc'), '-b', ...force], options);
  if (status === 0) {
    mkdirSync(dirname(stampFile), { recursive: true });
    writeFileSync(stampFile, before);
  }
  return status;
}

export async function ensureCompiled(report) {
  if (compiled() && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === fingerprint()) {
    return report.done('TypeScript compiled');
  }
  report.doing('compiling TypeScript (tsc -b)');
  if ((await compile()) !== 0) throw new StepError('tsc found errors; they are above');
  report.worked('TypeScript compiled');
}
