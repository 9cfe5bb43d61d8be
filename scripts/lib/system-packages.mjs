// The system's part of the set-up: libtorch, a fast BLAS and a C++ compiler.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { findLibtorch } from '../../packages/torch/scripts/find-libtorch.mjs';
import { firstLine, has, run, StepError } from './process.mjs';

const LIBTORCH_PACKAGES = ['libtorch-dev', 'libopenblas0-openmp', 'libgloo-dev'];

/**
 * What is missing, as Debian package names. `found` answers questions about the machine, so that tests can ask
 * about machines that they are not on: libtorch's origin or null, whether a Debian package is installed, whether
 * a program runs.
 */
export function missingPackages({ origin, installed, runs }) {
  const missing = [];
  // A libtorch from Python or an archive brings its own BLAS; only the system's needs the system's packages.
  if (origin === null || origin === 'system') {
    const blas = ['libopenblas0-openmp', 'libopenblas0-pthread', 'libopenblas0-serial', 'libmkl-rt'];
    for (const name of LIBTORCH_PACKAGES) {
      const there = name === 'libopenblas0-openmp' ? blas.some(installed) : installed(name);
      if (!there) missing.push(name);
    }
  }
  if (!runs('g++')) missing.push('g++');
  if (!runs('make')) missing.push('make');
  return missing;
}

/** The commands that install Debian packages; `sudo` in front where it is needed. */
export function installCommands(packages, sudo) {
  const prefix = sudo ? ['sudo'] : [];
  return [
    [...prefix, 'apt-get', '-o', 'DPkg::Lock::Timeout=300', 'update'],
    [
      ...prefix,
      ...(sudo ? ['env', 'DEBIAN_FRONTEND=noninteractive'] : []),
      ...[
        'apt-get',
        '-o',
        'DPkg::Lock::Timeout=300',
        'install',
        '-y',
        '--no-install-recommends',
        ...packages,
      ],
    ],
  ];
}

export function isDebian(osRelease = readOsRelease()) {
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(osRelease);
}

function readOsRelease() {
  return existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
}

function installedOnDebian(name) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholder syntax
  return firstLine('dpkg-query', ['-W', '-f', '${db:Status-Status}', name]) === 'installed';
}

function tryFindLibtorch() {
  try {
    return { libtorch: findLibtorch(process.env), error: null };
  } catch (error) {
    return { libtorch: null, error };
  }
}

/** Makes sure of libtorch, BLAS and a compiler; installs them on Debian and its like, elsewhere says what to get. */
export async function ensureSystemPackages(report) {
  const before = tryFindLibtorch();
  if (before.error && process.env.EASYNLP_LIBTORCH) throw new StepError(before.error.message);
  if (!isDebian() || !has('apt-get')) {
    if (before.error) throw new StepError(before.error.message);
    const compiler = (process.env.CXX || 'g++').trim().split(/\s+/)[0];
    if (!has(compiler))
      throw new StepError(`a C++17 compiler is needed: install g++ ('${compiler}' cannot be run)`);
    report.done(describe(before.libtorch));
    return;
  }

  const missing = missingPackages({
    origin: before.libtorch?.origin ?? null,
    installed: installedOnDebian,
    runs: (name) => has(name === 'g++' ? (process.env.CXX || 'g++').trim().split(/\s+/)[0] : name),
  });
  if (missing.length === 0 && before.libtorch) return report.done(describe(before.libtorch));
  if (missing.length === 0) throw new StepError(before.error.message); // installed, but not usable: too old, say

  await install(missing, report);
  const after = tryFindLibtorch();
  if (after.error) throw new StepError(after.error.message);
  report.worked(`installed ${missing.join(' ')}`);
  report.done(describe(after.libtorch));
}

async function install(packages, report) {
  const isRoot = process.getuid?.() === 0;
  const commands = installCommands(packages, !isRoot);
  const shown = commands.map((command) => command.join(' ')).join(' && ');
  if (process.env.EASYNLP_NO_SYSTEM_INSTALL) {
    throw new StepError(
      `these system packages are missing (EASYNLP_NO_SYSTEM_INSTALL is set). Run:\n  ${shown}`,
    );
  }
  // Without a terminal sudo must not ask for a password: it would wait for ever.
  const sudoWorks =
    isRoot || (has('sudo') && (process.stdin.isTTY || firstLine('sudo', ['-n', 'true']) !== null));
  if (!sudoWorks) {
    const asRoot = installCommands(packages, false).map((command) => command.join(' '));
    throw new StepError(
      `these system packages are missing, and installing them needs root. Run as root:\n  ${asRoot.join(' && ')}`,
    );
  }
  report.doing(`installing system packages (about 130 MB to download, a minute): ${shown}`);
  const [update, add] = commands;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A failed update is not the end: the lists may be good enough. The installation decides.
  const updated = await run(update[0], update.slice(1), { env, quiet: true });
  const status = await run(add[0], add.slice(1), { env, quiet: true });
  if (status !== 0) {
    const why = updated === 0 ? '' : ' (the package lists could not be updated either: is there a network?)';
    throw new StepError(`apt-get failed${why}; its output is above. The command was:\n  ${shown}`);
  }
}

/** One line about what will be built against, with a warning where the BLAS is the slow reference one. */
function describe(libtorch) {
  const cuda = libtorch.cuda ? `, CUDA ${libtorch.cuda.version}` : '';
  const blas = libtorch.origin === 'system' ? systemBlas() : null;
  return `libtorch ${libtorch.version}${cuda} (${libtorch.origin})${blas ? `, ${blas}` : ''}`;
}

/** Which BLAS Debian's alternatives choose. The reference one is 40 times slower. */
function systemBlas() {
  const link = ['x86_64', 'aarch64']
    .map((a) => `/etc/alternatives/libblas.so.3-${a}-linux-gnu`)
    .find(existsSync);
  if (!link) return null;
  const file = realpathSync(link);
  const name = /openblas-\w+|mkl|blis|atlas/.exec(file)?.[0];
  if (name) return name.replace('openblas-', 'OpenBLAS, ');
  const group = link.slice('/etc/alternatives/'.length);
  return `the slow reference BLAS! Choose another with: update-alternatives --config ${group}`;
}
