#!/usr/bin/env node
// Packs an offline bundle: bundle-out/easynlp-<version>-linux-x64.tgz, at most 60 MB, for machines behind a firewall.
//   node scripts/bundle/make-bundle.mjs [--no-compile] [--no-models] [--output FOLDER]
// In it: this Node (compressed), the compiled JavaScript of both packages, their run-time dependencies for
// linux-x64-gnu only, the native sources, the four Node-API headers, the sample data, the benches and install.sh.
// See docs/offline.md.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const here = dirname(fileURLToPath(import.meta.url));
const LIMIT = 60e6;
const PLATFORM = { os: 'linux', cpu: 'x64', libc: 'glibc', tag: 'linux-x64-gnu' };
/** node-gyp is for development; on the target the addon is built by plain g++. */
const LEFT_OUT = new Set(['node-gyp']);
const HEADERS = ['node_api.h', 'node_api_types.h', 'js_native_api.h', 'js_native_api_types.h'];

const args = process.argv.slice(2);
const option = (name, fallback) => {
  const at = args.indexOf(name);
  return at < 0 ? fallback : args[at + 1];
};
const output = resolve(option('--output', join(root, 'bundle-out')));

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function fail(message) {
  console.error(`make-bundle: ${message}`);
  process.exit(1);
}

function run(program, argv, options = {}) {
  const done = spawnSync(program, argv, { stdio: 'inherit', ...options });
  if (done.error) fail(`${program} cannot be run: ${done.error.message}`);
  return done.status;
}

/** Copies the files of a folder that `wanted` takes, by their path inside it. */
function copyTree(from, to, wanted = () => true) {
  cpSync(from, to, {
    recursive: true,
    dereference: true,
    filter: (source) => statSync(source).isDirectory() || wanted(relative(from, source)),
  });
}

/** JavaScript of packages/*, without tests, maps and test data. */
function copyPackage(name, stage) {
  const from = join(root, 'packages', name);
  const to = join(stage, 'packages', name);
  const manifest = readJson(join(from, 'package.json'));
  mkdirSync(to, { recursive: true });
  for (const entry of ['package.json', ...manifest.files]) {
    const source = join(from, entry);
    if (!existsSync(source)) continue;
    if (!statSync(source).isDirectory()) copyFileSync(source, join(to, entry));
    else
      copyTree(
        source,
        join(to, entry),
        (path) => !/\.(test|fixture)\.|\.map$/.test(path) && !path.split(sep).includes('fixtures'),
      );
  }
  return manifest;
}

function fitsPlatform(manifest) {
  const fits = (list, value) =>
    !list || (list.some((v) => v[0] !== '!') ? list.includes(value) : !list.includes(`!${value}`));
  return (
    fits(manifest.os, PLATFORM.os) && fits(manifest.cpu, PLATFORM.cpu) && fits(manifest.libc, PLATFORM.libc)
  );
}

/** Where `name` is found from `folder`, as Node's resolution does it. */
function locate(name, folder) {
  for (let at = folder; at.startsWith(root); at = dirname(at)) {
    const candidate = join(at, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
  }
  return null;
}

/** Folders of all run-time dependencies of a package, in the layout that npm gave them. */
function dependencies(manifest, folder, found = new Set()) {
  const names = { ...manifest.dependencies, ...manifest.optionalDependencies };
  for (const name of Object.keys(names)) {
    if (name.startsWith('@easynlp/') || LEFT_OUT.has(name)) continue;
    const at = locate(name, folder);
    if (!at) {
      if (manifest.optionalDependencies?.[name]) continue;
      fail(`${name}, which ${manifest.name} needs, is not installed. Run "npm install".`);
    }
    if (found.has(at)) continue;
    const own = readJson(join(at, 'package.json'));
    if (!fitsPlatform(own)) continue;
    found.add(at);
    dependencies(own, realpathSync(at), found);
  }
  return found;
}

/** What a package needs to run: no types, no maps, no documentation, no binaries of other platforms. */
function neededAtRunTime(path) {
  if (path.split(sep).includes('node_modules')) return false; // nested packages are in the list on their own
  if (/\.(map|[cm]?ts|tsbuildinfo|flow)$/.test(path)) return false;
  if (/(^|\/)(readme|changelog|history)[^/]*$/i.test(path)) return false;
  if (path.endsWith('.node')) return path.includes(PLATFORM.tag);
  return true;
}

/** The running Node, stripped of nothing, compressed; kept between runs because xz takes a minute. */
function compressedNode() {
  const binary = realpathSync(process.execPath);
  const digest = createHash('sha256').update(readFileSync(binary)).digest('hex').slice(0, 16);
  const cached = join(output, 'cache', `node-${process.version}-${digest}.xz`);
  if (!existsSync(cached)) {
    console.log(`compressing Node ${process.version} (once)`);
    mkdirSync(dirname(cached), { recursive: true });
    const made = spawnSync('xz', ['-9', '-T2', '-c', binary], { maxBuffer: 2 ** 28 });
    if (made.error || made.status !== 0) {
      fail('xz failed or is missing. Debian/Ubuntu: apt-get install xz-utils');
    }
    writeFileSync(`${cached}.tmp`, made.stdout);
    renameSync(`${cached}.tmp`, cached);
  }
  return cached;
}

function nodeHeaders() {
  const folders = [
    process.env.EASYNLP_NODE_HEADERS,
    join(dirname(dirname(realpathSync(process.execPath))), 'include', 'node'),
    '/usr/include/node',
    '/usr/local/include/node',
  ].filter(Boolean);
  return (
    folders.find((folder) => HEADERS.every((name) => existsSync(join(folder, name)))) ??
    fail(
      `the Node-API headers were not found in ${folders.join(', ')}; set EASYNLP_NODE_HEADERS to their folder`,
    )
  );
}

if (process.platform !== 'linux' || process.arch !== 'x64') {
  fail(
    `the bundle takes this machine's Node, which must be for linux-x64; this is ${process.platform}-${process.arch}`,
  );
}
if (!args.includes('--no-compile')) {
  const status = run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b'], {
    cwd: root,
  });
  if (status !== 0) fail('tsc found errors; they are above (--no-compile packs dist/ as it is)');
}

const version = readJson(join(root, 'packages', 'easynlp', 'package.json')).version;
const name = `easynlp-${version}-linux-x64`;
const stage = join(output, 'stage', name);
rmSync(join(output, 'stage'), { recursive: true, force: true });
mkdirSync(stage, { recursive: true });

const folders = new Set();
for (const own of ['torch', 'easynlp']) {
  if (!existsSync(join(root, 'packages', own, 'dist', 'index.js'))) {
    fail(`packages/${own}/dist is missing: compile first (npm run build)`);
  }
  dependencies(copyPackage(own, stage), join(root, 'packages', own), folders);
}
for (const folder of folders) copyTree(folder, join(stage, relative(root, folder)), neededAtRunTime);
// The models are most of the weight; a machine that only measures speed can do without.
const own = args.includes('--no-models') ? ['torch'] : ['torch', 'models-zh'];
if (own.includes('models-zh')) copyPackage('models-zh', stage);
mkdirSync(join(stage, 'node_modules', '@easynlp'), { recursive: true });
for (const name of own) symlinkSync(`../../packages/${name}`, join(stage, 'node_modules', '@easynlp', name));
symlinkSync('../packages/easynlp', join(stage, 'node_modules', 'easynlp'));

for (const folder of ['bench', 'examples']) {
  if (existsSync(join(root, folder))) {
    copyTree(
      join(root, folder),
      join(stage, folder),
      (path) => !path.startsWith('results') && !path.includes('__pycache__'),
    );
  }
}
mkdirSync(join(stage, 'node', 'include', 'node'), { recursive: true });
copyFileSync(compressedNode(), join(stage, 'node', 'node.xz'));
const headers = nodeHeaders();
for (const header of HEADERS)
  copyFileSync(join(headers, header), join(stage, 'node', 'include', 'node', header));
mkdirSync(join(stage, 'bin'));
for (const [from, to] of [
  ['install.sh', 'install.sh'],
  ['easynlp.sh', 'bin/easynlp'],
]) {
  copyFileSync(join(here, from), join(stage, to));
  chmodSync(join(stage, to), 0o755);
}
for (const file of ['LICENSE', 'docs/offline.md']) {
  if (existsSync(join(root, file))) copyFileSync(join(root, file), join(stage, file.replace('docs/', '')));
}
const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' });
writeFileSync(
  join(stage, 'bundle.json'),
  `${JSON.stringify(
    {
      version,
      commit: commit.status === 0 ? commit.stdout.trim() : null,
      node: process.version,
      platform: PLATFORM.tag,
      packages: [...folders]
        .map((f) => {
          const own = readJson(join(f, 'package.json'));
          return `${own.name} ${own.version}`;
        })
        .sort(),
    },
    null,
    2,
  )}\n`,
);

const archive = join(output, `${name}.tgz`);
const status = run(
  'tar',
  ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '-czf', `${archive}.tmp`, name],
  { cwd: join(output, 'stage') },
);
if (status !== 0) fail('tar failed');
const { size } = statSync(`${archive}.tmp`);
if (size > LIMIT) fail(`the bundle has ${megabytes(size)}, more than ${megabytes(LIMIT)}`);
renameSync(`${archive}.tmp`, archive);
rmSync(join(output, 'stage'), { recursive: true, force: true });
const rel = relative(process.cwd(), archive);
console.log(`${rel}: ${megabytes(size)}, Node ${process.version}, ${folders.size} packages`);
console.log(`sha256 ${createHash('sha256').update(readFileSync(archive)).digest('hex')}`);
