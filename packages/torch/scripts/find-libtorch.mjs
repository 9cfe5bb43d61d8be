// Finds the libtorch to build against. Node built-ins only: this runs before anything is installed.
//
// Order: EASYNLP_LIBTORCH → a Python that has `torch` → the system's. Nothing is ever downloaded, and no Python
// imports torch here (that takes seconds): all that is needed can be read from the files beside it.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const API_INCLUDE = join('torch', 'csrc', 'api', 'include');

/** Thrown when no usable libtorch exists; `rejected` lists every place looked at and what was wrong there. */
export class LibtorchNotFoundError extends Error {
  constructor(rejected) {
    const places = rejected.map((r) => `  - ${r.where}: ${r.why}`).join('\n');
    super(
      `no usable libtorch was found. Looked at:\n${places}\n` +
        'What to do, one of:\n' +
        '  - Debian 12 or later, Ubuntu 24.04 or later: apt-get install libtorch-dev libopenblas0-openmp libgloo-dev g++ make\n' +
        '  - a Python with PyTorch from pip: set EASYNLP_PYTHON=/path/to/python3\n' +
        '  - the libtorch archive (cxx11 ABI) of https://pytorch.org, unpacked: set EASYNLP_LIBTORCH=/path/to/libtorch',
    );
    this.name = 'LibtorchNotFoundError';
    this.rejected = rejected;
  }
}

/** Finds libtorch, or throws {@link LibtorchNotFoundError}. See find-libtorch.d.mts for the result. */
export function findLibtorch(env = process.env) {
  const rejected = [];
  const accept = (found) => ({ ...found, rejected });

  if (env.EASYNLP_LIBTORCH) {
    const root = resolve(env.EASYNLP_LIBTORCH);
    const found = inspectRoot('EASYNLP_LIBTORCH', root, env);
    // An explicit wish that cannot be met is an error; quietly taking another libtorch would hide it.
    if (found.why) throw new LibtorchNotFoundError([{ where: `EASYNLP_LIBTORCH=${root}`, why: found.why }]);
    return accept(found);
  }
  rejected.push({ where: 'EASYNLP_LIBTORCH', why: 'not set' });

  const pythons = env.EASYNLP_PYTHON ? [env.EASYNLP_PYTHON] : ['python3', 'python'];
  const seen = new Set();
  for (const python of pythons) {
    const where = env.EASYNLP_PYTHON ? `EASYNLP_PYTHON=${python}` : `Python (${python})`;
    const answer = askPython(python, env);
    if (answer.root && seen.has(answer.root)) continue;
    if (answer.root) seen.add(answer.root);
    const found = answer.why ? answer : inspectRoot(`python: ${answer.executable}`, answer.root, env);
    if (!found.why) return accept(found);
    rejected.push({ where, why: found.why });
    if (env.EASYNLP_PYTHON && !found.isSystem) throw new LibtorchNotFoundError(rejected);
  }

  const system = inspectSystem(env);
  if (!system.why) return accept(system);
  rejected.push({ where: 'the system (/usr/include, /usr/lib)', why: system.why });
  throw new LibtorchNotFoundError(rejected);
}

/** Where a Python keeps its torch package, without importing it. */
function askPython(python, env) {
  const script =
    'import importlib.util as u, sys\n' +
    "s = u.find_spec('torch')\n" +
    "print(sys.executable); print(s.submodule_search_locations[0] if s and s.submodule_search_locations else '')";
  const run = spawnSync(python, ['-c', script], {
    encoding: 'utf8',
    env,
    timeout: 30_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (run.error?.code === 'ENOENT') return { why: 'not installed' };
  if (run.error) return { why: `could not be run (${run.error.message})` };
  if (run.status !== 0)
    return { why: `could not be asked (${lastLine(run.stderr) || `exit ${run.status}`})` };
  const [executable, root] = run.stdout.trim().split(/\r?\n/);
  return root ? { executable, root } : { why: `${executable} has no torch` };
}

/** A folder in the layout of a libtorch archive or of the pip package: include/, lib/. */
function inspectRoot(origin, root, env) {
  if (!existsSync(root)) return { why: 'no such folder' };
  const include = join(root, 'include');
  if (!existsSync(join(include, 'ATen', 'ATen.h'))) {
    return { why: `no C++ headers (${join(include, 'ATen', 'ATen.h')} is missing)` };
  }
  // Debian's python3-torch links its include folder to /usr/include: it is the system's libtorch, dealt with there.
  const real = realpathSync(join(include, 'ATen'));
  if (!real.startsWith(realpathSync(root) + sep)) {
    return {
      isSystem: true,
      why: `has no C++ headers of its own (they are the system's, in ${dirname(real)})`,
    };
  }
  return describe(
    origin,
    root,
    [include, join(include, API_INCLUDE)],
    [join(root, 'lib'), join(root, 'lib64')],
    env,
  );
}

function inspectSystem(env) {
  const prefixes = ['/usr', '/usr/local'];
  for (const prefix of prefixes) {
    const include = join(prefix, 'include');
    if (!existsSync(join(include, 'ATen', 'ATen.h'))) continue;
    if (!existsSync(join(include, API_INCLUDE, 'torch', 'version.h'))) continue;
    const libs = [...multiarchFolders(prefix), join(prefix, 'lib'), join(prefix, 'lib64')];
    return describe('system', prefix, [include, join(include, API_INCLUDE)], libs, env);
  }
  return { why: 'no headers (ATen/ATen.h with torch/version.h); on Debian they are in libtorch-dev' };
}

function multiarchFolders(prefix) {
  const names = { x64: ['x86_64-linux-gnu'], arm64: ['aarch64-linux-gnu'] }[process.arch] ?? [];
  return names.map((name) => join(prefix, 'lib', name));
}

function describe(origin, root, include, libFolders, env) {
  const lib = libFolders.find((folder) => existsSync(library(folder, 'torch_cpu')));
  if (!lib) return { why: `headers, but no ${library('', 'torch_cpu')} in ${libFolders.join(' or ')}` };
  if (!existsSync(library(lib, 'c10'))) return { why: `no ${library('', 'c10')} in ${lib}` };
  // From 2.9 on torch/version.h only includes the one in torch/headeronly.
  const versionFile = include
    .flatMap((i) => [join(i, 'torch', 'version.h'), join(i, 'torch', 'headeronly', 'version.h')])
    .find(versionIn);
  const version = versionFile && versionIn(versionFile);
  if (!version) return { why: 'torch/version.h has no TORCH_VERSION' };
  const [major, minor] = version.split('.').map(Number);
  if (major < 1 || (major === 1 && minor < 13)) return { why: `version ${version}; 1.13 or later is needed` };

  const withCuda = existsSync(library(lib, 'torch_cuda')) && existsSync(library(lib, 'c10_cuda'));
  const cuda = withCuda ? findCuda(root, lib, env) : null;
  const libs = ['torch', 'torch_cpu', 'c10'].filter((name) => existsSync(library(lib, name)));
  if (withCuda) libs.push('torch_cuda', 'c10_cuda');
  return {
    origin,
    root,
    include,
    lib,
    libs,
    version,
    versionHeader: versionFile,
    versionMajorMinor: `${major}.${minor}`,
    cuda,
    cxx11Abi: usesCxx11Abi(library(lib, 'c10')) ? 1 : 0,
  };
}

function versionIn(file) {
  if (!existsSync(file)) return null;
  return /#\s*define\s+TORCH_VERSION\s*\\?\s*"([^"]+)"/.exec(readFileSync(file, 'utf8'))?.[1] ?? null;
}

function library(folder, name) {
  return join(folder, process.platform === 'darwin' ? `lib${name}.dylib` : `lib${name}.so`);
}

/** Read off libc10's own symbols: c10 functions take std::string, whose mangled name tells the ABI. */
function usesCxx11Abi(file) {
  return /_ZN3c10\w*NSt7__cxx1112basic_string/.test(readFileSync(file, 'latin1'));
}

/** The CUDA run-time's headers and library for a libtorch that has CUDA; `include` is null when headers are missing. */
function findCuda(root, lib, env) {
  const site = dirname(root); // pip puts nvidia/ beside torch/
  const wheels = [join(site, 'nvidia'), ...pythonPathFolders(env).map((p) => join(p, 'nvidia'))];
  const includes = [];
  const libs = [lib];
  for (const home of [env.CUDA_HOME, env.CUDA_PATH].filter(Boolean)) {
    includes.push(join(home, 'include'), join(home, 'targets', 'x86_64-linux', 'include'));
    libs.push(join(home, 'lib64'), join(home, 'lib'));
  }
  // The wheel's own copies come before a machine-wide CUDA of perhaps another version.
  for (const folder of wheels) {
    for (const name of listFolder(folder)) {
      includes.push(join(folder, name, 'include'));
      libs.push(join(folder, name, 'lib'));
    }
  }
  for (const home of ['/usr/local/cuda', ...versionedCuda()]) {
    includes.push(join(home, 'include'));
    libs.push(join(home, 'lib64'), join(home, 'lib'));
  }
  includes.push('/usr/include');
  libs.push(...multiarchFolders('/usr'));

  const wanted = cudaVersion(root);
  const candidates = includes.filter((folder) => existsSync(join(folder, 'cuda_runtime_api.h')));
  const sameMajor = (folder) =>
    !wanted || !headerVersion(folder) || headerVersion(folder).split('.')[0] === wanted.split('.')[0];
  // The pip packages may bring a part of the headers only; a folder that has all that ATen's includes wins.
  const complete = (folder) =>
    ['crt/host_defines.h', 'cublas_v2.h', 'cublasLt.h', 'cusparse.h', 'cusolverDn.h'].every((name) =>
      existsSync(join(folder, name)),
    );
  const fitting = candidates.filter(sameMajor);
  const include = fitting.find(complete) ?? fitting[0] ?? null;
  const version = wanted ?? (include ? headerVersion(include) : null) ?? 'unknown';
  const runtime = findRuntime(libs, version);
  return { version, include, lib: runtime?.folder ?? null, runtime: runtime?.file ?? null };
}

function pythonPathFolders(env) {
  return (env.PYTHONPATH ?? '').split(delimiter).filter(Boolean);
}

function versionedCuda() {
  return listFolder('/usr/local')
    .filter((name) => /^cuda-\d/.test(name))
    .sort()
    .reverse()
    .map((name) => join('/usr/local', name));
}

function cudaVersion(root) {
  const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  const python = /^cuda\b[^=\n]*=\s*'([^']+)'/m.exec(read(join(root, 'version.py')))?.[1];
  if (python) return python;
  const digits = /\+cu(\d+)/.exec(read(join(root, 'build-version')))?.[1];
  return digits ? `${digits.slice(0, -1)}.${digits.slice(-1)}` : null;
}

function headerVersion(folder) {
  const number = Number(
    /#define\s+CUDART_VERSION\s+(\d+)/.exec(readFileSync(join(folder, 'cuda_runtime_api.h'), 'utf8'))?.[1],
  );
  return number ? `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}` : null;
}

function findRuntime(folders, version) {
  const major = version.split('.')[0];
  for (const folder of folders) {
    const names = listFolder(folder).filter((name) => /^libcudart(-[0-9a-f]+)?\.so(\.|$)/.test(name));
    const file =
      names.find((name) => name === `libcudart.so.${major}`) ??
      names.find((name) => name.includes(`.so.${major}`)) ??
      (major === 'unknown' ? names[0] : undefined);
    if (file) return { folder, file };
  }
  return null;
}

function listFolder(folder) {
  try {
    return statSync(folder).isDirectory() ? readdirSync(folder) : [];
  } catch {
    return [];
  }
}

function lastLine(text) {
  return text.trim().split(/\r?\n/).at(-1) ?? '';
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    console.log(JSON.stringify(findLibtorch(process.env), null, 2));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
