// Starting other programs. Node built-ins only.
import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** A step that cannot go on; the message tells the reader what to do. No stack is shown for it. */
export class StepError extends Error {
  name = 'StepError';
}

/** Whether a program is there: started with --version it ends well. */
export function has(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** The first line that a program prints, or null when it fails or is not there. */
export function firstLine(program, args) {
  const run = spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return run.status === 0 ? (run.stdout.split('\n')[0]?.trim() ?? '') : null;
}

/** Runs a program with its output shown; resolves to the exit status (128 + number for a signal, as a shell says). */
export function run(program, args, { env = process.env, cwd = root, quiet = false } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      cwd,
      env,
      stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
    });
    let output = '';
    child.stdout?.on('data', (text) => {
      output += text;
    });
    child.stderr?.on('data', (text) => {
      output += text;
    });
    child.on('error', (error) => fail(new StepError(`${program} cannot be started: ${error.message}`)));
    child.on('close', (code, signal) => {
      const status = code ?? 128 + (constants.signals[signal] ?? 0);
      if (quiet && status !== 0) process.stderr.write(output);
      done(status);
    });
  });
}

/** Runs npm: the one that started this script, if one did. */
export function npm(args, options) {
  const own = process.env.npm_execpath;
  return own?.endsWith('.js') ? run(process.execPath, [own, ...args], options) : run('npm', args, options);
}

/** The program of an installed package, run by this Node: no search through PATH. */
export function binary(path) {
  return join(root, 'node_modules', path);
}

/** Runs `main`; a StepError becomes its message and exit status 1. */
export async function runMain(main) {
  try {
    process.exitCode = (await main(process.argv.slice(2))) ?? 0;
  } catch (error) {
    console.error(error instanceof StepError ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}

export const seconds = (started) => `${((performance.now() - started) / 1000).toFixed(1)} s`;
export const relative = (path) => (path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path);
