/** A libtorch that the addon can be built against. */
export interface Libtorch {
  /** `EASYNLP_LIBTORCH`, `python: /path/to/python3` or `system`. */
  origin: string;
  root: string;
  /** Include folders, most general first. */
  include: string[];
  /** The folder that holds libtorch_cpu. */
  lib: string;
  /** Library names to link, without `lib` and extension. */
  libs: string[];
  /** As in torch/version.h, e.g. `1.13.1`. */
  version: string;
  /** e.g. `1.13`. */
  versionMajorMinor: string;
  /** Null for a libtorch without CUDA. `include` is null when CUDA's own headers are missing on this machine. */
  cuda: { version: string; include: string | null; lib: string | null; runtime: string | null } | null;
  cxx11Abi: 0 | 1;
  /** Places looked at before, with the reason why they were not taken. */
  rejected: { where: string; why: string }[];
}
export class LibtorchNotFoundError extends Error {
  readonly rejected: { where: string; why: string }[];
  constructor(rejected: { where: string; why: string }[]);
}
export function findLibtorch(env?: Record<string, string | undefined>): Libtorch;
