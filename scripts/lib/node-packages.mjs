// npm's part of the set-up.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm, root, StepError } from './process.mjs';

/**
 * Why node_modules does not match the lock file, or null when it does. npm records what it installed in
 * node_modules/.package-lock.json; comparing contents, unlike times, survives a checkout that touches files.
 */
export function outdated(lock, installed) {
  if (!installed) return 'node_modules is missing';
  for (const [path, wanted] of Object.entries(lock.packages ?? {})) {
    if (!path.startsWith('node_modules/')) continue;
    const there = installed.packages?.[path];
    if (!there) {
      if (wanted.optional || wanted.devOptional || wanted.peer) continue; // another platform's binary, say
      return `${path} is missing`;
    }
    if (wanted.link !== there.link || (!wanted.link && wanted.version !== there.version)) {
      return `${path} is ${there.version}, the lock file says ${wanted.version}`;
    }
  }
  return null;
}

function readJson(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
}

export async function ensureNodePackages(report) {
  const lock = readJson(join(root, 'package-lock.json'));
  const installed = readJson(join(root, 'node_modules', '.package-lock.json'));
  const why = lock ? outdated(lock, installed) : installed ? null : 'node_modules is missing';
  if (why === null) return report.done('npm packages');
  const command = lock ? 'ci' : 'install';
  report.doing(`npm ${command} (${why})`);
  // Tests and the compiler are development dependencies, whatever NODE_ENV says.
  const status = await npm([command, '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
    quiet: true,
  });
  if (status !== 0) throw new StepError(`npm ${command} failed; its output is above`);
  report.worked('npm packages installed');
}
