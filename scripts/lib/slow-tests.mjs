// The slow tests, as many as there is time for. Node built-ins only.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { binary, relative, root, seconds } from './process.mjs';
import { summarize } from './summarize.mjs';

/**
 * Test files that do more under EASYNLP_SLOW_TESTS=1. Those of the tensor engine come first: the fuzz test takes longer
 * than all others together.
 */
export function slowTestFiles(folder = join(root, 'packages')) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => /^[^/]+\/src\/.*\.test\.ts$/.test(name))
    .map((name) => join(folder, name))
    .filter((path) => /EASYNLP_SLOW_TESTS|\bSLOW\b/.test(readFileSync(path, 'utf8')))
    .sort()
    .reverse();
}

/**
 * The JSON reports of vitest in a folder: that of all tests, and those of `runSlowTests`. One that was stopped while it was
 * written says nothing.
 */
export function reportsIn(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      try {
        return [JSON.parse(readFileSync(join(folder, name), 'utf8'))];
      } catch {
        return [];
      }
    });
}

/** Runs a program in a process group of its own, which is killed at `deadline` (of performance.now()). */
function runUntil(deadline, program, args, env) {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => {
        output += text;
      });
    }
    const kill = () => {
      try {
        process.kill(-child.pid, 'SIGKILL'); // the workers too
      } catch {
        // It has just ended by itself.
      }
    };
    let late = false;
    const timer = setTimeout(
      () => {
        late = true;
        kill();
      },
      Math.max(0, deadline - performance.now()),
    );
    const interrupted = () => {
      kill();
      process.exit(130);
    };
    process.once('exit', kill);
    process.once('SIGINT', interrupted);
    process.once('SIGTERM', interrupted);
    child.on('error', fail);
    child.on('close', (status) => {
      clearTimeout(timer);
      process.removeListener('exit', kill);
      process.removeListener('SIGINT', interrupted);
      process.removeListener('SIGTERM', interrupted);
      done({ status: late ? 'late' : status === 0 ? 'ok' : 'failed', output });
    });
  });
}

/**
 * Runs each file in a vitest of its own, `lanes` at a time, until `deadline` (of performance.now()). A file that does not
 * end in time is stopped: that is reported, and no failure.
 *
 * @returns the number of tests that passed, failed and were skipped, and the files that were not run to their end
 */
export async function runSlowTests(
  files,
  { deadline, lanes, folder, env, command = [binary('vitest/vitest.mjs'), 'run'] },
) {
  const counts = { passed: 0, failed: 0, skipped: 0, late: [] };
  const queue = [...files];
  const lane = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const name = relative(file);
      if (performance.now() >= deadline) {
        counts.late.push(name);
        continue;
      }
      const started = performance.now();
      const report = join(folder, `slow-${counts.passed}-${name.replaceAll('/', '-')}.json`);
      const args = [...command, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, file];
      const { status, output } = await runUntil(deadline, process.execPath, args, {
        ...env,
        EASYNLP_SLOW_TESTS: '1',
      });
      console.log(`  ${name}: ${status === 'late' ? 'stopped, no time left' : status}, ${seconds(started)}`);
      if (status === 'late') counts.late.push(name);
      else {
        const own = summarize(existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null);
        for (const key of ['passed', 'failed', 'skipped']) counts[key] += own[key];
        if (status === 'failed') {
          process.stderr.write(output);
          if (own.failed === 0) counts.failed++;
        }
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return counts;
}
