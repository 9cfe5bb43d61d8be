import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TorchError } from './errors.js';

/** What `resolve` tells of one argument of an operator. */
export interface NativeArgument {
  readonly name: string;
  readonly kind: string;
  readonly type: string;
  readonly list: boolean;
  readonly fixed: number;
  readonly optional: boolean;
  readonly elementOptional: boolean;
  readonly kwargOnly: boolean;
  readonly hasDefault: boolean;
}

export interface NativeReturn {
  readonly kind: string;
  readonly type: string;
  readonly list: boolean;
  /** Index of the argument that this result is (in-place and out variants), or -1. */
  readonly alias: number;
}

export interface NativeOperator {
  readonly index: number;
  readonly schema: string;
  readonly args: readonly NativeArgument[];
  readonly returns: readonly NativeReturn[];
}

/** Functions of the addon. Tensors cross as handles: plain numbers, checked on every use. */
export interface Native {
  setErrorClass(ctor: unknown): void;
  call(index: number, ...args: unknown[]): unknown;
  resolve(name: string, overload: string): NativeOperator | null;
  listOps(): string[];
  fromBytes(
    data: ArrayBufferView | ArrayBuffer,
    dtype: string,
    shape: readonly number[],
    pinned?: boolean,
  ): number;
  toBytes(handle: number): ArrayBuffer;
  item(handle: number): number | bigint | boolean;
  shape(handle: number): number[];
  strides(handle: number): number[];
  dtype(handle: number): string;
  device(handle: number): string;
  numel(handle: number): number;
  storageId(handle: number): bigint;
  alive(handle: number): boolean;
  alias(handle: number): number;
  dispose(handle: number): void;
  disposeMany(handles: Float64Array, count: number): void;
  attach(object: object, handle: number): void;
  memory(): { tensors: number; bytes: Record<string, number> };
  backward(roots: number[], gradients: number[], retain: boolean, create: boolean, inputs: number[]): void;
  autogradGrad(
    outputs: number[],
    inputs: number[],
    gradients: number[],
    retain: boolean,
    create: boolean,
    allowUnused: boolean,
  ): (number | null)[];
  getGrad(handle: number): number | null;
  getGrads(handles: Float64Array | number[]): (number | null)[];
  setGrad(handle: number, gradient: number | null): void;
  clearGrads(handles: Float64Array | number[]): void;
  requiresGrad(handle: number, value?: boolean): boolean | undefined;
  isLeaf(handle: number): boolean;
  retainGrad(handle: number): void;
  gradMode(value?: boolean): boolean;
  enterInference(): void;
  exitInference(): void;
  getAutocast(device: string): { enabled: boolean; dtype: string };
  setAutocast(device: string, enabled: boolean, dtype: string): void;
  autocastClear(): void;
  autocastCache(enabled: boolean): void;
  versions(): { compiled: string; cuda: boolean; cudaApi: boolean; config: string; parallel: string };
  threads(count?: number): number;
  newGenerator(seed: number | bigint): number;
  manualSeed(seed: number | bigint, target?: number | string): void;
  rngGet(target: number | string): number;
  rngSet(target: number | string, state: number): void;
  flag(name: string, value?: boolean): boolean;
  cudaCount(): number;
  cudaSynchronize?(device?: number): void;
  cudaMemory?(device?: number): {
    allocated: number;
    allocatedPeak: number;
    reserved: number;
    reservedPeak: number;
    free: number;
    total: number;
    name: string;
  };
  cudaEmptyCache?(): void;
  cudaResetPeak?(device?: number): void;
  cudaStreamPush?(): void;
  cudaStreamPop?(): void;
  cudaGraphBegin?(shareWith?: number): number;
  cudaGraphEnd?(graph: number): void;
  cudaGraphReplay?(graph: number): void;
  cudaGraphRelease?(graph: number): void;
}

const packageFolder = fileURLToPath(new URL('..', import.meta.url));
const addonPath = join(packageFolder, 'build', 'Release', 'easynlp_torch.node');
const rebuild = `run "npm run setup" in the project, or "node ${join(packageFolder, 'scripts', 'build-native.mjs')}"`;

interface BuildInfo {
  readonly torchVersion?: string;
  readonly versionHeader?: string;
  readonly lib?: string;
}

function readBuildInfo(): BuildInfo {
  try {
    return JSON.parse(readFileSync(join(packageFolder, 'build', 'build-info.json'), 'utf8')) as BuildInfo;
  } catch {
    return {};
  }
}

/** The libtorch that lies where the addon was linked, which an upgrade may have replaced since. */
function installedVersion(info: BuildInfo): string | null {
  if (!info.versionHeader || !existsSync(info.versionHeader)) return null;
  const found = /#define\s+TORCH_VERSION\s+"([^"]+)"/.exec(readFileSync(info.versionHeader, 'utf8'));
  return found?.[1] ?? null;
}

function majorMinor(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

function load(): Native {
  if (!existsSync(addonPath)) {
    throw new TorchError('LIBTORCH_NOT_FOUND', `The native addon is not built yet; ${rebuild}.`, {
      path: addonPath,
    });
  }
  const info = readBuildInfo();
  const installed = installedVersion(info);
  if (info.torchVersion && installed && majorMinor(installed) !== majorMinor(info.torchVersion)) {
    throw new TorchError(
      'LIBTORCH_MISMATCH',
      `The native addon was built for libtorch ${info.torchVersion}, but ${installed} is installed now; ${rebuild}.`,
      { built: info.torchVersion, installed },
    );
  }
  // OpenMP's threads wait for work by spinning for about a millisecond. On a machine that others use as well this
  // makes small models several times slower, because the spinning threads keep the working ones from running.
  if (process.env.OMP_WAIT_POLICY === undefined && process.env.GOMP_SPINCOUNT === undefined) {
    process.env.GOMP_SPINCOUNT = '5000';
  }
  try {
    const addon = createRequire(import.meta.url)(addonPath) as Native;
    addon.setErrorClass(TorchError);
    const { compiled } = addon.versions();
    if (info.torchVersion && majorMinor(compiled) !== majorMinor(info.torchVersion)) {
      throw new TorchError(
        'LIBTORCH_MISMATCH',
        `The addon's libtorch version ${compiled} differs from its build record; ${rebuild}.`,
      );
    }
    return addon;
  } catch (cause) {
    if (cause instanceof TorchError) throw cause;
    const text = cause instanceof Error ? cause.message : String(cause);
    const code = /cannot open shared object/.test(text) ? 'LIBTORCH_NOT_FOUND' : 'LIBTORCH_MISMATCH';
    throw new TorchError(
      code,
      `The native addon does not load: ${text}. It was built for libtorch ${info.torchVersion ?? '(unknown)'}; ${rebuild}.`,
      { path: addonPath },
      { cause },
    );
  }
}

export const native: Native = load();
