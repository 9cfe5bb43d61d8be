#!/usr/bin/env node
// Compiles native/*.cc into build/Release/easynlp_torch.node, unless that is up to date.
//   node scripts/build-native.mjs [--force] [--check] [--plain] [--verbose]
//   --force    build again though nothing changed
//   --check    only say whether a build is needed (exit status 0: up to date, 1: needed)
//   --plain    one g++ command per source, without node-gyp (chosen by itself when make, Python or node-gyp is missing)
//   --verbose  show the compiler's commands
// EASYNLP_LIBTORCH, EASYNLP_PYTHON: which libtorch (see find-libtorch.mjs). EASYNLP_NODE_HEADERS: a folder with
// node_api.h. EASYNLP_BUILD_JOBS: compilers at a time. CXX: the compiler.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, totalmem } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSettings } from './build-settings.mjs';
import { findLibtorch } from './find-libtorch.mjs';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));
const nativeFolder = join(packageRoot, 'native');
const buildFolder = join(packageRoot, 'build');
const infoFile = join(buildFolder, 'build-info.json');
export const addonFile = join(buildFolder, 'Release', 'easynlp_torch.node');

function listSources(pattern) {
  return readdirSync(nativeFolder)
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join('native', name));
}

/** What a build is made of: when the hash is that of the last build, nothing is to be done. */
function hashInputs(libtorch, settings) {
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ settings, version: libtorch.version, lib: libtorch.lib, arch: process.arch }));
  for (const file of listSources(/\.(cc|h)$/)) {
    hash.update(`\0${file}\0`);
    hash.update(readFileSync(join(packageRoot, file)));
  }
  return hash.digest('hex');
}

function readInfo() {
  try {
    return JSON.parse(readFileSync(infoFile, 'utf8'));
  } catch {
    return null;
  }
}

/** Whether the addon has to be compiled, and with what. Fast: reads files, starts at most one Python. */
export function inspectBuild(env = process.env) {
  const libtorch = findLibtorch(env);
  const settings = buildSettings(libtorch);
  const hash = hashInputs(libtorch, settings);
  const info = readInfo();
  return { libtorch, settings, hash, info, upToDate: existsSync(addonFile) && info?.hash === hash };
}

/** Builds when needed. Returns the content of build-info.json and whether anything was compiled. */
export async function buildNative({
  force = false,
  plain = false,
  verbose = false,
  env = process.env,
  log = console.log,
} = {}) {
  const { libtorch, settings, hash, info, upToDate } = inspectBuild(env);
  const cuda = libtorch.cuda ? `, CUDA ${libtorch.cuda.version}` : '';
  if (upToDate && !force) return { built: false, info };

  for (const { where, why } of libtorch.rejected.filter((r) => r.why !== 'not set'))
    log(`  not taken: ${where}: ${why}`);
  log(`  libtorch ${libtorch.version}${cuda} (${libtorch.origin}, ${libtorch.lib})`);
  if (libtorch.cuda && !settings.cuda) {
    log(
      `  warning: this libtorch has CUDA ${libtorch.cuda.version}, but cuda_runtime_api.h was not found: CUDA streams, ` +
        'graphs and memory statistics are left out. Install the CUDA toolkit headers or set CUDA_HOME, then build again.',
    );
  }
  const sources = listSources(/\.cc$/);
  if (sources.length === 0) throw new Error(`no C++ sources in ${nativeFolder}`);
  const headers = findNodeHeaders(env);
  const gyp = plain ? null : findNodeGyp(headers, env);
  const started = performance.now();
  mkdirSync(buildFolder, { recursive: true });
  if (force) rmSync(join(buildFolder, 'Release'), { recursive: true, force: true });
  rmSync(infoFile, { force: true }); // a build that fails half-way must not look finished
  const jobs = countJobs(env);
  if (gyp) await buildWithNodeGyp({ gyp, headers, settings, jobs, verbose, env });
  else await buildPlainly({ sources, headers, settings, jobs, verbose, env, log });
  checkLoads(libtorch);

  const result = {
    torchVersion: libtorch.version,
    versionHeader: libtorch.versionHeader,
    origin: libtorch.origin,
    lib: libtorch.lib,
    cuda: settings.cuda ? libtorch.cuda.version : null,
    hash,
    builtAt: new Date().toISOString(),
    node: process.version,
  };
  writeFileSync(`${infoFile}.tmp`, `${JSON.stringify(result, null, 2)}\n`);
  renameSync(`${infoFile}.tmp`, infoFile);
  log(
    `  built in ${((performance.now() - started) / 1000).toFixed(1)} s (${gyp ? 'node-gyp' : 'g++'}, ${jobs} jobs)`,
  );
  return { built: true, info: result };
}

/** Four at most: one compiler over libtorch's headers takes up to 1.5 GB. */
function countJobs(env) {
  const wanted = Number(env.EASYNLP_BUILD_JOBS);
  if (Number.isInteger(wanted) && wanted > 0) return wanted;
  return Math.max(1, Math.min(4, availableParallelism(), Math.floor(totalmem() / 1.5e9)));
}

/**
 * The folder with node_api.h. Only the four Node-API headers are needed, so any Node's will do; `nodedir` is set when
 * the folder belongs to a complete set that node-gyp can use.
 */
function findNodeHeaders(env) {
  const prefixes = [
    env.npm_config_nodedir,
    dirname(dirname(realpathSync(process.execPath))),
    '/usr',
    '/usr/local',
  ];
  const folders = [
    ...(env.EASYNLP_NODE_HEADERS ? [resolve(env.EASYNLP_NODE_HEADERS)] : []),
    ...prefixes.filter(Boolean).map((prefix) => join(prefix, 'include', 'node')),
  ];
  for (const folder of folders) {
    if (!existsSync(join(folder, 'node_api.h'))) continue;
    const nodedir = existsSync(join(folder, 'common.gypi')) ? dirname(dirname(folder)) : null;
    return { folder, nodedir };
  }
  throw new Error(
    `Node's C headers (node_api.h) were not found in ${folders.join(', ')}. Install Node from nodejs.org or NodeSource, ` +
      'which bring them (Debian: libnode-dev), or set EASYNLP_NODE_HEADERS to a folder that holds them.',
  );
}

/** node-gyp's program, or null where it cannot work: it needs make, Python and a complete set of Node headers. */
function findNodeGyp(headers, env) {
  if (!headers.nodedir || !runs('make', env) || !runs('python3', env)) return null;
  try {
    return createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  } catch {
    return null;
  }
}

function runs(program, env) {
  return spawnSync(program, ['--version'], { env, stdio: 'ignore' }).status === 0;
}

async function buildWithNodeGyp({ gyp, headers, settings, jobs, verbose, env }) {
  const settingsFile = join(buildFolder, 'build-settings.json');
  writeFileSync(settingsFile, JSON.stringify(settings, null, 2));
  await execute(
    process.execPath,
    [gyp, 'configure', 'build', `--nodedir=${headers.nodedir}`, `--jobs=${jobs}`],
    {
      env: { ...env, EASYNLP_BUILD_SETTINGS: settingsFile },
      verbose,
    },
  );
}

async function buildPlainly({ sources, headers, settings, jobs, verbose, env, log }) {
  const [compiler, ...prefix] = (env.CXX || 'g++').trim().split(/\s+/); // CXX may be 'ccache g++'
  if (!runs(compiler, env)) {
    throw new Error(`the C++ compiler '${compiler}' cannot be run. Debian/Ubuntu: apt-get install g++`);
  }
  const objects = join(buildFolder, 'plain');
  mkdirSync(objects, { recursive: true });
  mkdirSync(dirname(addonFile), { recursive: true });
  const object = (source) => join(objects, basename(source).replace(/\.cc$/, '.o'));
  const queue = [...sources];
  const worker = async () => {
    for (let source = queue.shift(); source; source = queue.shift()) {
      const flags = [...settings.cflags, `-I${headers.folder}`, '-c', source, '-o', object(source)];
      await execute(compiler, [...prefix, ...flags], { env, verbose });
      log(`  compiled ${source}`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  const temporary = `${addonFile}.tmp`;
  const link = [
    '-shared',
    '-o',
    temporary,
    ...sources.map(object),
    ...settings.ldflags,
    ...settings.libraries,
  ];
  await execute(compiler, [...prefix, ...link], { env, verbose });
  renameSync(temporary, addonFile); // a process that has the old file mapped keeps it
}

/** Runs a program in the package's folder; its output is shown when asked for, or when it fails. */
function execute(program, args, { env, verbose }) {
  return new Promise((done, fail) => {
    if (verbose) console.log(`$ ${program} ${args.join(' ')}`);
    const child = spawn(program, args, { cwd: packageRoot, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
        if (verbose) process.stdout.write(text);
      });
    }
    child.on('error', fail);
    child.on('close', (code) => {
      if (code === 0) return done();
      if (!verbose) process.stderr.write(output);
      fail(
        new Error(`${basename(program)} ${args[0]} failed (exit status ${code}); the output above says why`),
      );
    });
  });
}

/** A missing shared library shows up here, with its name, and not in the user's program. */
function checkLoads(libtorch) {
  const run = spawnSync(process.execPath, ['-e', 'require(process.argv[1])', addonFile], {
    encoding: 'utf8',
  });
  if (run.status === 0) return;
  const reason = run.stderr.split('\n').find((line) => /Error:/.test(line)) ?? run.stderr.trim();
  throw new Error(
    `the addon was compiled but does not load: ${reason || `signal ${run.signal}`}\n` +
      `libtorch ${libtorch.version} is in ${libtorch.lib}; 'ldd ${addonFile}' shows what is missing.`,
  );
}

async function main(args) {
  if (args.includes('--list-sources')) return console.log(listSources(/\.cc$/).join(' '));
  if (args.includes('--check')) {
    const { upToDate, info } = inspectBuild();
    console.log(upToDate ? `up to date (libtorch ${info.torchVersion})` : 'a build is needed');
    process.exitCode = upToDate ? 0 : 1;
    return;
  }
  const options = {
    force: args.includes('--force'),
    plain: args.includes('--plain'),
    verbose: args.includes('--verbose'),
  };
  console.log('building the libtorch addon');
  const { built, info } = await buildNative(options);
  if (!built)
    console.log(`  up to date (libtorch ${info.torchVersion}, ${info.origin}); --force builds again`);
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    console.error(`build-native: ${error.message}`);
    process.exitCode = 1;
  }
}
