import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildSettings } from '../../packages/torch/scripts/build-settings.mjs';
import { findLibtorch } from '../../packages/torch/scripts/find-libtorch.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'find-libtorch-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, content = ''): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

const CXX11 = '_ZN3c105ErrorC1ENS_14SourceLocationENSt7__cxx1112basic_stringIcE';
const OLD_ABI = '_ZN3c105ErrorC1ENS_14SourceLocationESs';

/** A folder that looks like a libtorch; nothing in it can be run. */
function fakeTorch(root: string, { version = '2.11.0', cuda = false, symbols = CXX11 } = {}): string {
  write(join(root, 'include/ATen/ATen.h'));
  write(
    join(root, 'include/torch/csrc/api/include/torch/version.h'),
    `#define TORCH_VERSION \\\n  "${version}"\n`,
  );
  for (const name of ['torch', 'torch_cpu']) write(join(root, `lib/lib${name}.so`));
  write(join(root, 'lib/libc10.so'), symbols);
  if (cuda) {
    for (const name of ['torch_cuda', 'c10_cuda']) write(join(root, `lib/lib${name}.so`));
    write(join(root, 'version.py'), "__version__ = '2.11.0+cu130'\ncuda: Optional[str] = '13.0'\n");
  }
  return root;
}

/** A program that answers like a Python whose torch is at `root`. */
function fakePython(root: string): string {
  const python = join(folder, 'python3');
  write(python, `#!/bin/sh\necho ${python}\necho ${root}\n`);
  chmodSync(python, 0o755);
  return python;
}

const env = (more: Record<string, string>) => ({ PATH: process.env.PATH, ...more });

describe('findLibtorch', () => {
  it('takes the folder of EASYNLP_LIBTORCH', () => {
    const root = fakeTorch(join(folder, 'libtorch'));
    expect(findLibtorch(env({ EASYNLP_LIBTORCH: root }))).toEqual({
      origin: 'EASYNLP_LIBTORCH',
      root,
      include: [join(root, 'include'), join(root, 'include/torch/csrc/api/include')],
      lib: join(root, 'lib'),
      libs: ['torch', 'torch_cpu', 'c10'],
      version: '2.11.0',
      versionHeader: join(root, 'include/torch/csrc/api/include/torch/version.h'),
      versionMajorMinor: '2.11',
      cuda: null,
      cxx11Abi: 1,
      rejected: [],
    });
  });

  it('follows torch/version.h to torch/headeronly, where newer versions keep the number', () => {
    const root = fakeTorch(join(folder, 'libtorch'));
    write(
      join(root, 'include/torch/csrc/api/include/torch/version.h'),
      '#include <torch/headeronly/version.h>\n',
    );
    const header = join(root, 'include/torch/headeronly/version.h');
    write(header, '#define TORCH_VERSION \\\n  "2.13.1"\n');
    const found = findLibtorch(env({ EASYNLP_LIBTORCH: root }));
    expect(found).toMatchObject({ version: '2.13.1', versionMajorMinor: '2.13', versionHeader: header });
    expect(buildSettings(found).cflags).toContain('-std=c++20');
  });

  it('reads the ABI of std::string off the library', () => {
    const root = fakeTorch(join(folder, 'libtorch'), { symbols: OLD_ABI });
    const found = findLibtorch(env({ EASYNLP_LIBTORCH: root }));
    expect(found.cxx11Abi).toBe(0);
    expect(buildSettings(found).cflags).toContain('-D_GLIBCXX_USE_CXX11_ABI=0');
  });

  it.each([
    ['no such folder', () => join(folder, 'nowhere'), /no such folder/],
    ['no headers', () => folder, /no C\+\+ headers/],
    [
      'too old',
      () => fakeTorch(join(folder, 'old'), { version: '1.12.1' }),
      /version 1\.12\.1; 1\.13 or later/,
    ],
  ])('does not go past a bad EASYNLP_LIBTORCH: %s', (_, root, message) => {
    expect(() => findLibtorch(env({ EASYNLP_LIBTORCH: root() }))).toThrow(message);
  });

  it('asks Python where torch is, and finds the CUDA headers and run-time that pip puts beside it', () => {
    const site = join(folder, 'site-packages');
    const root = fakeTorch(join(site, 'torch'), { cuda: true });
    const nvidia = join(site, 'nvidia/cu13');
    write(join(nvidia, 'include/cuda_runtime_api.h'), '#define CUDART_VERSION  13000\n');
    write(join(nvidia, 'lib/libcudart.so.13'));
    const found = findLibtorch(env({ EASYNLP_PYTHON: fakePython(root) }));
    expect(found.origin).toBe(`python: ${join(folder, 'python3')}`);
    expect(found.libs).toEqual(['torch', 'torch_cpu', 'c10', 'torch_cuda', 'c10_cuda']);
    expect(found.cuda).toEqual({
      version: '13.0',
      include: join(nvidia, 'include'),
      lib: join(nvidia, 'lib'),
      runtime: 'libcudart.so.13',
    });
    const settings = buildSettings(found);
    expect(settings.cuda).toBe(true);
    expect(settings.cflags).toContain('-DEASYNLP_WITH_CUDA=1');
    expect(settings.cflags).toContain(`-isystem${nvidia}/include`);
    expect(settings.libraries).toContain('-l:libcudart.so.13');
    expect(settings.ldflags).toContain(`-Wl,-rpath,${nvidia}/lib`);
  });

  it('does not mix in CUDA headers of another major version', () => {
    const site = join(folder, 'site-packages');
    const root = fakeTorch(join(site, 'torch'), { cuda: true });
    write(join(site, 'nvidia/cuda_runtime/include/cuda_runtime_api.h'), '#define CUDART_VERSION 11080\n');
    const found = findLibtorch(env({ EASYNLP_PYTHON: fakePython(root) }));
    expect(found.cuda?.include ?? '').not.toContain(site);
    if (found.cuda?.include === null) {
      expect(buildSettings(found).cflags.join(' ')).not.toContain('EASYNLP_WITH_CUDA');
      expect(buildSettings(found).libraries.join(' ')).not.toContain('cuda');
    }
  });

  it('leaves a Python whose headers are links to the system’s, saying why', () => {
    const elsewhere = fakeTorch(join(folder, 'usr'));
    const root = join(folder, 'dist-packages/torch');
    mkdirSync(join(root, 'include'), { recursive: true });
    for (const name of ['ATen', 'torch'])
      symlinkSync(join(elsewhere, 'include', name), join(root, 'include', name));
    const why = rejections(env({ EASYNLP_PYTHON: fakePython(root) }));
    expect(why).toMatch(/has no C\+\+ headers of its own \(they are the system's/);
  });

  it('stops at an EASYNLP_PYTHON without torch, and names the places looked at', () => {
    expect(() => findLibtorch(env({ EASYNLP_PYTHON: fakePython('') }))).toThrow(
      /EASYNLP_PYTHON=.*has no torch/s,
    );
    expect(() => findLibtorch(env({ EASYNLP_PYTHON: '/nowhere/python3' }))).toThrow(/not installed/);
  });
});

/** Why places were not taken, whether or not the system has a libtorch to go on to. */
function rejections(environment: Record<string, string | undefined>): string {
  try {
    return findLibtorch(environment)
      .rejected.map(({ why }) => why)
      .join('\n');
  } catch (error) {
    return (error as Error).message;
  }
}
