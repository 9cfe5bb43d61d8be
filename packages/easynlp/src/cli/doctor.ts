import { join } from 'node:path';
import { EXIT } from '../errors/index.js';
import { formatBytes } from '../util/format.js';
import { type AddonProbe, type DoctorProbes, machineProbes } from './doctor-probes.js';
import type { CliIo } from './io.js';

export type CheckStatus = 'ok' | 'warning' | 'missing';

/** One line of the report. */
export interface Check {
  readonly name: string;
  readonly status: CheckStatus;
  readonly value: string;
  /** The command (or the step) that mends it. */
  readonly fix?: string;
}

export interface DoctorReport {
  readonly healthy: boolean;
  readonly checks: readonly Check[];
}

/** Prints the report; exit code 0 when nothing that is needed is missing, otherwise 1. */
export async function doctor(io: CliIo, { json = false } = {}, probes = machineProbes()): Promise<number> {
  const report = await examine(probes);
  io.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : render(report));
  return report.healthy ? EXIT.ok : EXIT.unexpected;
}

function render({ checks, healthy }: DoctorReport): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const marks: Record<CheckStatus, string> = { ok: 'ok', warning: 'warning', missing: 'MISSING' };
  const lines = checks.map(
    ({ name, status, value }) => `${marks[status].padEnd(8)} ${name.padEnd(width)}  ${value}`,
  );
  const fixes = checks.filter(({ fix }) => fix !== undefined);
  if (fixes.length > 0) {
    lines.push('', healthy ? 'Everything needed is there. It would be better with:' : 'To mend it:');
    for (const { name, fix } of fixes) lines.push(`  ${name}: ${fix}`);
  } else lines.push('', 'Everything needed is there.');
  return `${lines.join('\n')}\n`;
}

export type Blas = 'openblas' | 'mkl' | 'blis' | 'atlas' | 'accelerate' | 'reference' | 'unknown';

/** Which BLAS a process uses, from the real paths of its libraries and what libtorch says of its own build. */
export function detectBlas(libraries: readonly string[], config = ''): { kind: Blas; path?: string } {
  const named = (pattern: RegExp) => libraries.find((path) => pattern.test(path));
  const kinds: readonly (readonly [Blas, RegExp])[] = [
    ['mkl', /libmkl_/],
    ['openblas', /openblas/],
    ['blis', /\/blis[^/]*\/|libblis/],
    ['atlas', /atlas/],
    ['accelerate', /Accelerate\.framework|vecLib/],
    // Debian keeps the reference implementation in …/blas/libblas.so.3.x.
    ['reference', /\/libblas\.so/],
  ];
  for (const [kind, pattern] of kinds) {
    const path = named(pattern);
    if (path !== undefined) return { kind, path };
  }
  // The wheels of pytorch.org carry MKL or OpenBLAS inside libtorch_cpu.
  const built =
    /BLAS_INFO=(\w+)/.exec(config)?.[1]?.toLowerCase() ?? (/Math Kernel Library/.test(config) ? 'mkl' : '');
  if (built === 'mkl') return { kind: 'mkl' };
  if (built.startsWith('open')) return { kind: 'openblas' };
  if (built === 'accelerate') return { kind: 'accelerate' };
  return { kind: 'unknown' };
}

/** Asks the machine everything; nothing here needs libtorch, the addon or any package to be there. */
export async function examine(probes: DoctorProbes): Promise<DoctorReport> {
  const checks: Check[] = [];
  const add = (name: string, status: CheckStatus, value: string, fix?: string) =>
    checks.push({ name, status, value, ...(fix === undefined || status === 'ok' ? {} : { fix }) });

  const isDebian = /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(probes.osRelease());
  const install = (packages: string, otherwise: string) =>
    isDebian ? `${probes.isRoot() ? '' : 'sudo '}apt-get install -y ${packages}` : otherwise;

  const major = Number(/^v(\d+)/.exec(probes.node)?.[1]);
  add(
    'Node',
    major >= 20 ? 'ok' : 'missing',
    `${probes.node} (${probes.platform} ${probes.arch})${major >= 20 ? '' : '; 20 or later is needed'}`,
    'install Node 20 or later from https://nodejs.org',
  );

  const { model, cores, flags } = probes.cpu();
  const features = ['avx2', 'fma', 'avx512f', 'avx512_bf16', 'amx_bf16', 'asimd', 'bf16', 'sve'].filter(
    (flag) => flags.includes(flag),
  );
  add('CPU', 'ok', `${model}, ${cores} threads${features.length > 0 ? `, ${features.join(' ')}` : ''}`);
  if (probes.platform === 'linux' && probes.arch === 'x64' && flags.length > 0 && !flags.includes('avx2')) {
    add('CPU features', 'warning', 'no AVX2: training will be slow');
  }
  const { total, free } = probes.memory();
  add(
    'Memory',
    total >= 2 * 2 ** 30 ? 'ok' : 'warning',
    `${formatBytes(free)} free of ${formatBytes(total)}`,
  );
  const disk = probes.diskFree('.');
  if (disk !== undefined) {
    add('Disk', disk >= 2 ** 30 ? 'ok' : 'warning', `${formatBytes(disk)} free in the working directory`);
  }

  const addon = await examineTorch(probes, add, install);
  examineGpu(probes, addon, add);

  for (const [name, purpose] of [
    ['tokenizers', 'tokenization'],
    ['@node-rs/jieba', 'word segmentation'],
  ] as const) {
    const version = probes.packageVersion(name);
    if (typeof version === 'string') add(name, 'ok', version);
    else
      add(
        name,
        'missing',
        `${purpose}: ${version.error}`,
        'npm install (in the project; the package is a dependency)',
      );
  }
  examineHub(probes, add);
  return { healthy: checks.every(({ status }) => status !== 'missing'), checks };
}

type Add = (name: string, status: CheckStatus, value: string, fix?: string) => void;
type Install = (packages: string, otherwise: string) => string;

async function examineTorch(
  probes: DoctorProbes,
  add: Add,
  install: Install,
): Promise<AddonProbe | undefined> {
  const folder = probes.torchPackage();
  if (folder === undefined) {
    add('@easynlp/torch', 'missing', 'the package is not installed', 'npm install');
    return undefined;
  }
  const libtorch = await probes.libtorch(folder);
  if ('found' in libtorch) {
    const { version, lib, origin, cuda } = libtorch.found;
    add('libtorch', 'ok', `${version}, ${cuda ? `CUDA ${cuda.version}` : 'CPU only'}, in ${lib} (${origin})`);
  } else {
    const places = libtorch.rejected.map(({ where, why }) => `${where}: ${why}`).join('; ');
    add(
      'libtorch',
      'missing',
      places === '' ? libtorch.missing : `not found (${places})`,
      install(
        'libtorch-dev libopenblas0-openmp g++ make',
        'pip install torch, or unpack the libtorch archive of https://pytorch.org and set EASYNLP_LIBTORCH to its folder',
      ),
    );
  }

  const addon = probes.addon(folder);
  const build = 'npx easynlp-torch (compiles it, about half a minute)';
  if (addon === undefined) {
    const compiler = probes.program('g++', ['--version']) ?? probes.program('c++', ['--version']);
    if (compiler === undefined) {
      add('C++ compiler', 'missing', 'no g++', install('g++ make', 'install a C++17 compiler and make'));
    } else add('C++ compiler', 'ok', compiler);
    add('Native addon', 'missing', 'not compiled yet', build);
  } else if (addon.error !== undefined) {
    add(
      'Native addon',
      'missing',
      `does not load: ${addon.error}`,
      `${build.replace('torch', 'torch --force')}`,
    );
  } else {
    const info = probes.buildInfo(folder);
    const built = addon.torchVersion ?? info?.torchVersion ?? 'unknown';
    const found = 'found' in libtorch ? libtorch.found.version : undefined;
    const minor = (version: string) => version.split('.').slice(0, 2).join('.');
    const differs = found !== undefined && built !== 'unknown' && minor(found) !== minor(built);
    add(
      'Native addon',
      differs ? 'warning' : 'ok',
      `compiled against libtorch ${built}${differs ? `, but ${found} is found now` : ''}`,
      build,
    );
    if (addon.threads !== undefined) add('Threads', 'ok', `${addon.threads} for the tensor engine`);
  }

  const libraries =
    addon !== undefined && addon.libraries.length > 0
      ? addon.libraries
      : 'found' in libtorch
        ? probes.linked(join(libtorch.found.lib, 'libtorch_cpu.so'))
        : [];
  if (libraries.length > 0 || addon?.config !== undefined) {
    const { kind, path } = detectBlas(libraries, addon?.config);
    const where = path === undefined ? '' : ` (${path})`;
    if (kind === 'reference') {
      add(
        'BLAS',
        'warning',
        `the reference implementation${where}: about 40 times slower than OpenBLAS`,
        install('libopenblas0-openmp', 'install OpenBLAS and make it the system BLAS'),
      );
    } else if (kind === 'unknown') add('BLAS', 'ok', 'inside libtorch, kind unknown');
    else add('BLAS', 'ok', `${kind}${where}`);
  }
  return addon;
}

function examineGpu(probes: DoctorProbes, addon: AddonProbe | undefined, add: Add): void {
  const gpu = probes.program('nvidia-smi', ['--query-gpu=name,memory.total', '--format=csv,noheader']);
  if (gpu === undefined || gpu.trim() === '') {
    add('GPU', 'ok', 'none found; training runs on the CPU');
  } else if (addon === undefined || addon.error !== undefined) {
    add('GPU', 'ok', gpu);
  } else if (addon.cuda && (addon.cudaDevices ?? 0) > 0) {
    add('GPU', 'ok', `${gpu}; usable with --device cuda`);
  } else {
    add(
      'GPU',
      'warning',
      `${gpu}, but this libtorch ${addon.cuda ? 'cannot use it (driver?)' : 'has no CUDA'}`,
      addon.cuda
        ? 'compare the driver (nvidia-smi) with the CUDA version of libtorch'
        : 'pip install torch (with CUDA), then EASYNLP_PYTHON=python3 npx easynlp-torch --force',
    );
  }
}

const isTrue = (text: string | undefined): boolean => /^(1|true|yes|on)$/i.test(text ?? '');

/** Cache folder and settings of the model hub, as the hub client reads them. */
function examineHub({ env, homedir, folders }: DoctorProbes, add: Add): void {
  const home = env.HF_HOME ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface');
  const cache = env.HF_HUB_CACHE ?? join(home, 'hub');
  const models = folders(cache)?.filter((name) => name.startsWith('models--')).length;
  add('Model cache', 'ok', `${cache} (${models === undefined ? 'not there yet' : `${models} models`})`);
  const offline = isTrue(env.HF_HUB_OFFLINE) || isTrue(env.TRANSFORMERS_OFFLINE);
  const endpoint = env.HF_ENDPOINT ?? 'https://huggingface.co';
  add(
    'Model hub',
    'ok',
    offline ? 'offline (HF_HUB_OFFLINE)' : `${endpoint}${env.HF_ENDPOINT ? ' (HF_ENDPOINT)' : ''}`,
  );
}
