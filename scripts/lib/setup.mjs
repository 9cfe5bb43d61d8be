// From a fresh machine to a built project. Every step first looks whether it has been done.
import { buildNative } from '../../packages/torch/scripts/build-native.mjs';
import { ensureNodePackages } from './node-packages.mjs';
import { StepError, seconds } from './process.mjs';
import { ensureSystemPackages } from './system-packages.mjs';
import { ensureCompiled } from './typescript.mjs';

function checkNode(report) {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 20) {
    throw new StepError(
      `Node.js 20 or later is needed; this is ${process.version}. See https://nodejs.org or https://github.com/nodesource/distributions.`,
    );
  }
  if (process.platform !== 'linux') {
    report.done(`Node ${process.version} on ${process.platform}: tested on Linux only so far`);
  } else {
    report.done(`Node ${process.version}`);
  }
}

async function ensureNative(report) {
  const log = (line) => console.log(`  ${line}`);
  let announced = false;
  const { built, info } = await buildNative({
    log: (line) => {
      if (!announced) report.doing('building the native addon (under two minutes)');
      announced = true;
      log(line);
    },
  }).catch((error) => {
    throw new StepError(`the native addon could not be built: ${error.message}`);
  });
  const what = `native addon for libtorch ${info.torchVersion}${info.cuda ? ` with CUDA ${info.cuda}` : ''}`;
  return built ? report.worked(`${what} built`) : report.done(what);
}

/**
 * Sets the project up. `typescript: false` leaves the compiler to the caller.
 * Returns whether there was anything to do. Throws StepError with what to do about it.
 */
export async function setup({ typescript = true } = {}) {
  const started = performance.now();
  let changed = false;
  const report = {
    done: (text) => console.log(`  ✓ ${text}`),
    doing: (text) => console.log(`  … ${text}`),
    worked: (text) => {
      changed = true;
      console.log(`  ✓ ${text}`);
    },
  };
  console.log('Set-up');
  checkNode(report);
  await ensureSystemPackages(report);
  await ensureNodePackages(report);
  await ensureNative(report);
  if (typescript) await ensureCompiled(report);
  console.log(changed ? `  done in ${seconds(started)}\n` : '  nothing to do\n');
  return changed;
}
