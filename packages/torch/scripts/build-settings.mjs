// The one place where compiler and linker flags live. binding.gyp reads them by running this file
// (`node build-settings.mjs cflags`), the plain g++ build reads them by importing it.
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findLibtorch } from './find-libtorch.mjs';

/** Folders that the compiler searches anyway; naming them with -isystem breaks libstdc++'s #include_next. */
const DEFAULT_INCLUDES = new Set(['/usr/include', '/usr/local/include']);

/** Flags for a libtorch as {@link findLibtorch} returns it. */
export function buildSettings(libtorch) {
  const [major, minor] = libtorch.versionMajorMinor.split('.');
  const cudaUsable = Boolean(libtorch.cuda?.include);
  const includes = [...libtorch.include, ...(cudaUsable ? [libtorch.cuda.include] : [])];
  const folders = [libtorch.lib, ...(cudaUsable && libtorch.cuda.lib ? [libtorch.cuda.lib] : [])];
  const libs = libtorch.libs.filter((name) => cudaUsable || !name.includes('cuda'));
  const defines = [
    `EASYNLP_TORCH_VERSION_MAJOR=${major}`,
    `EASYNLP_TORCH_VERSION_MINOR=${minor}`,
    `_GLIBCXX_USE_CXX11_ABI=${libtorch.cxx11Abi}`,
    ...(cudaUsable ? ['EASYNLP_WITH_CUDA=1'] : []),
  ];
  return {
    cflags: [
      `-std=${process.env.EASYNLP_CXX_STANDARD || cxxStandard(Number(major), Number(minor))}`,
      '-O2',
      '-fPIC',
      '-fexceptions',
      '-frtti',
      '-pthread',
      '-Wall',
      '-Wno-sign-compare',
      ...defines.map((define) => `-D${define}`),
      ...includes.filter((folder) => !DEFAULT_INCLUDES.has(folder)).map((folder) => `-isystem${folder}`),
    ],
    ldflags: [
      '-pthread',
      ...folders.map((folder) => `-L${folder}`),
      ...folders.map((folder) => `-Wl,-rpath,${folder}`),
    ],
    // libtorch_cpu registers its operators in static initializers, so it must stay linked though nothing names it.
    libraries: [
      '-Wl,--no-as-needed',
      ...libs.map((name) => `-l${name}`),
      ...(cudaUsable && libtorch.cuda.runtime ? [`-l:${libtorch.cuda.runtime}`] : []),
      '-Wl,--as-needed',
    ],
    cuda: cudaUsable,
  };
}

/** From 2.12 or 2.13 on libtorch refuses C++17. */
function cxxStandard(major, minor) {
  return major > 2 || (major === 2 && minor >= 12) ? 'c++20' : 'c++17';
}

/** The settings that build-native has worked out already, or fresh ones when node-gyp was started by hand. */
function currentSettings() {
  const file = process.env.EASYNLP_BUILD_SETTINGS;
  return file ? JSON.parse(readFileSync(file, 'utf8')) : buildSettings(findLibtorch(process.env));
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const settings = currentSettings();
  const what = process.argv[2];
  if (what === undefined) console.log(JSON.stringify(settings, null, 2));
  else if (Array.isArray(settings[what])) console.log(settings[what].map(quote).join(' '));
  else throw new Error(`build-settings: no list '${what}' in ${join('build', 'build-settings.json')}`);
}

/** gyp splits the output as a shell would. */
function quote(flag) {
  return /^[\w@%+=:,./-]+$/.test(flag) ? flag : `'${flag.replaceAll("'", "'\\''")}'`;
}
