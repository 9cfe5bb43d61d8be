import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Check, detectBlas, doctor, examine } from './doctor.js';
import { type AddonProbe, type DoctorProbes, machineProbes } from './doctor-probes.js';
import { FakeIo } from './fake-io.fixture.js';

const OPENBLAS = ['/usr/lib/x86_64-linux-gnu/openblas-openmp/libblas.so.3'];
const REFERENCE = [
  '/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0',
  '/usr/lib/x86_64-linux-gnu/libgomp.so.1',
];

/** A machine where everything is in order. */
function machine(changes: Partial<DoctorProbes> = {}): DoctorProbes {
  const addon: AddonProbe = {
    torchVersion: '1.13.1',
    cuda: false,
    cudaDevices: 0,
    threads: 4,
    libraries: OPENBLAS,
  };
  return {
    env: {},
    node: 'v20.11.0',
    platform: 'linux',
    arch: 'x64',
    torchPackage: () => '/p/torch',
    libtorch: async () => ({
      found: { origin: 'system', lib: '/usr/lib', version: '1.13.1', cuda: null, rejected: [] },
    }),
    buildInfo: () => ({ torchVersion: '1.13.1' }),
    addon: () => addon,
    linked: () => OPENBLAS,
    packageVersion: () => '1.2.3',
    program: () => undefined,
    cpu: () => ({ model: 'Some CPU', cores: 4, flags: ['avx2', 'fma', 'avx512_bf16'] }),
    memory: () => ({ total: 8 * 2 ** 30, free: 2 ** 30 }),
    diskFree: () => 2 ** 40,
    osRelease: () => 'ID=debian\nVERSION_ID="12"\n',
    isRoot: () => true,
    folders: () => ['models--bert', 'datasets--x'],
    homedir: () => '/home/u',
    ...changes,
  };
}

const find = (checks: readonly Check[], name: string) => checks.find((check) => check.name === name);

describe('doctor', () => {
  it('finds a good machine good', async () => {
    const { healthy, checks } = await examine(machine());
    expect(healthy).toBe(true);
    expect(checks.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(find(checks, 'CPU')?.value).toBe('Some CPU, 4 threads, avx2 fma avx512_bf16');
    expect(find(checks, 'BLAS')?.value).toMatch(/^openblas/);
    expect(find(checks, 'Threads')?.value).toMatch(/^4 /);
    expect(find(checks, 'Model cache')?.value).toBe('/home/u/.cache/huggingface/hub (1 models)');
    const io = new FakeIo();
    expect(await doctor(io, {}, machine())).toBe(0);
    expect(io.out).toContain('Everything needed is there.');
    expect(io.out).toMatch(/libtorch +1\.13\.1, CPU only, in \/usr\/lib \(system\)/);
  });

  it('works where nothing is installed, and says what to do in commands', async () => {
    const bare = machine({
      node: 'v18.0.0',
      torchPackage: () => '/p/torch',
      libtorch: async () => ({ missing: 'none', rejected: [{ where: 'the system', why: 'no headers' }] }),
      addon: () => undefined,
      linked: () => [],
      packageVersion: () => ({ error: 'Cannot find module' }),
      folders: () => undefined,
      isRoot: () => false,
    });
    const io = new FakeIo();
    expect(await doctor(io, { json: true }, bare)).toBe(1);
    const { healthy, checks } = JSON.parse(io.out) as { healthy: boolean; checks: Check[] };
    expect(healthy).toBe(false);
    expect(find(checks, 'Node')).toMatchObject({
      status: 'missing',
      fix: expect.stringContaining('nodejs.org'),
    });
    expect(find(checks, 'libtorch')).toMatchObject({
      status: 'missing',
      value: 'not found (the system: no headers)',
      fix: 'sudo apt-get install -y libtorch-dev libopenblas0-openmp g++ make',
    });
    expect(find(checks, 'C++ compiler')?.fix).toMatch(/apt-get install -y g\+\+ make/);
    expect(find(checks, 'Native addon')?.fix).toMatch(/npx easynlp-torch/);
    expect(find(checks, 'tokenizers')?.fix).toMatch(/npm install/);
    expect(find(checks, 'BLAS')).toBeUndefined();

    const elsewhere = await examine({ ...bare, osRelease: () => 'ID=fedora\n' });
    expect(find(elsewhere.checks, 'libtorch')?.fix).toMatch(/pip install torch/);
    const without = await examine({ ...bare, torchPackage: () => undefined });
    expect(find(without.checks, '@easynlp/torch')).toMatchObject({ status: 'missing', fix: 'npm install' });
  });

  it('warns about the reference BLAS, before and after the addon is built', async () => {
    for (const probes of [
      machine({ addon: () => ({ torchVersion: '1.13.1', libraries: REFERENCE }) }),
      machine({ addon: () => undefined, linked: () => REFERENCE }),
    ]) {
      const blas = find((await examine(probes)).checks, 'BLAS');
      expect(blas).toMatchObject({ status: 'warning', fix: 'apt-get install -y libopenblas0-openmp' });
      expect(blas?.value).toContain('/blas/libblas.so.3.11.0');
    }
  });

  it('tells an addon that does not load, and one built for another libtorch', async () => {
    const broken = await examine(
      machine({ addon: () => ({ error: 'libtorch.so: no such file', libraries: [] }) }),
    );
    expect(find(broken.checks, 'Native addon')).toMatchObject({
      status: 'missing',
      value: 'does not load: libtorch.so: no such file',
      fix: expect.stringContaining('npx easynlp-torch --force'),
    });
    expect(find(broken.checks, 'BLAS')?.status).toBe('ok'); // read off libtorch_cpu instead
    const other = await examine(machine({ addon: () => ({ torchVersion: '2.4.0', libraries: OPENBLAS }) }));
    expect(find(other.checks, 'Native addon')).toMatchObject({
      status: 'warning',
      value: 'compiled against libtorch 2.4.0, but 1.13.1 is found now',
    });
  });

  it('tells a GPU that libtorch cannot use from one that it can', async () => {
    const gpu = { program: (name: string) => (name === 'nvidia-smi' ? 'Some GPU, 80 GiB' : undefined) };
    expect(find((await examine(machine(gpu))).checks, 'GPU')).toMatchObject({
      status: 'warning',
      value: 'Some GPU, 80 GiB, but this libtorch has no CUDA',
    });
    const usable = { ...gpu, addon: () => ({ cuda: true, cudaDevices: 1, libraries: OPENBLAS }) };
    expect(find((await examine(machine(usable))).checks, 'GPU')).toMatchObject({
      status: 'ok',
      value: 'Some GPU, 80 GiB; usable with --device cuda',
    });
  });

  it('reads the settings of the model hub from the environment', async () => {
    const env = { HF_HOME: '/data/hf', HF_HUB_OFFLINE: '1', HF_ENDPOINT: 'https://mirror.example' };
    const offline = (await examine(machine({ env }))).checks;
    expect(find(offline, 'Model cache')?.value).toMatch(/^\/data\/hf\/hub /);
    expect(find(offline, 'Model hub')?.value).toMatch(/^offline/);
    const mirror = (await examine(machine({ env: { HF_ENDPOINT: 'https://mirror.example' } }))).checks;
    expect(find(mirror, 'Model hub')?.value).toBe('https://mirror.example (HF_ENDPOINT)');
  });

  it('answers on this machine, whatever its state', async () => {
    const { checks } = await examine(machineProbes());
    for (const name of [
      'Node',
      'CPU',
      'Memory',
      'libtorch',
      'Native addon',
      'GPU',
      'tokenizers',
      'Model cache',
    ]) {
      expect(find(checks, name), name).toBeDefined();
    }
    for (const check of checks.filter(({ status }) => status === 'missing')) expect(check.fix).toMatch(/\S/);
  });
});

describe('detectBlas', () => {
  it.each([
    [['/opt/intel/libmkl_rt.so.2'], '', 'mkl'],
    [['/usr/lib/openblas-pthread/libopenblasp-r0.3.21.so', '/usr/lib/x/blas/libblas.so.3'], '', 'openblas'],
    [['/usr/lib/x86_64-linux-gnu/blis-openmp/libblas.so.4'], '', 'blis'],
    [['/usr/lib/x86_64-linux-gnu/atlas/libblas.so.3'], '', 'atlas'],
    [REFERENCE, '', 'reference'],
    [['/x/libtorch_cpu.so'], 'Build settings: BLAS_INFO=mkl, BUILD_TYPE=Release', 'mkl'],
    [['/x/libtorch_cpu.so'], 'Build settings: BLAS_INFO=open, BUILD_TYPE=Release', 'openblas'],
    [[], '', 'unknown'],
  ] as const)('%j %j → %s', (libraries, config, kind) =>
    expect(detectBlas(libraries, config).kind).toBe(kind),
  );
});

describe('bin/easynlp.js', () => {
  it('says what to do where the program is not built', () => {
    const folder = mkdtempSync(join(tmpdir(), 'easynlp-bin-'));
    try {
      const bin = join(folder, 'bin', 'easynlp.mjs');
      cpSync(fileURLToPath(new URL('../../bin/easynlp.js', import.meta.url)), bin);
      const { status, stderr } = spawnSync(process.execPath, [bin, 'train'], { encoding: 'utf8' });
      expect(status).toBe(1);
      expect(stderr).toBe('error: easynlp is not built yet. Run "npm run setup" in the project folder.\n');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
