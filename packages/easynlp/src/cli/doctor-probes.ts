import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync, statfsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, freemem, homedir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** What `findLibtorch()` of @easynlp/torch tells; only the part that doctor shows. */
export interface FoundLibtorch {
  readonly origin: string;
  readonly lib: string;
  readonly version: string;
  readonly cuda: { readonly version: string; readonly include?: string | null } | null;
  readonly rejected: readonly { readonly where: string; readonly why: string }[];
}

export type LibtorchProbe =
  | { readonly found: FoundLibtorch }
  | { readonly missing: string; readonly rejected: FoundLibtorch['rejected'] };

/** What a child process saw after loading the native addon. */
export interface AddonProbe {
  /** Why it could not be loaded; the other fields are then empty. */
  readonly error?: string;
  readonly torchVersion?: string;
  readonly cuda?: boolean;
  readonly cudaDevices?: number;
  readonly threads?: number;
  readonly config?: string;
  /** Shared libraries that the process had mapped, real paths. */
  readonly libraries: readonly string[];
}

/** The questions that doctor asks the machine; tests answer them instead. */
export interface DoctorProbes {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  /** Folder of @easynlp/torch, or undefined. */
  torchPackage(): string | undefined;
  libtorch(torchPackage: string): Promise<LibtorchProbe>;
  buildInfo(torchPackage: string): { readonly torchVersion?: string; readonly builtAt?: string } | undefined;
  addon(torchPackage: string): AddonProbe | undefined;
  /** Libraries that a shared object would load, real paths. */
  linked(file: string): readonly string[];
  packageVersion(name: string): string | { readonly error: string };
  /** Output of a program's first line, or undefined when it cannot be run. */
  program(name: string, args: readonly string[]): string | undefined;
  cpu(): { readonly model: string; readonly cores: number; readonly flags: readonly string[] };
  memory(): { readonly total: number; readonly free: number };
  diskFree(folder: string): number | undefined;
  osRelease(): string;
  isRoot(): boolean;
  folders(path: string): readonly string[] | undefined;
  homedir(): string;
}

// Runs in a child process: an addon that crashes or hangs must not take doctor with it.
const ADDON_SCRIPT = `
const fs = require('fs');
const out = { libraries: [] };
try {
  const addon = require(process.argv[1]);
  const read = (f) => { try { return f(); } catch { return undefined; } };
  const v = read(() => addon.versions()) || {};
  out.torchVersion = v.compiled; out.cuda = v.cuda; out.config = v.config;
  out.threads = read(() => addon.threads());
  out.cudaDevices = read(() => addon.cudaCount());
} catch (e) { out.error = String(e && e.message || e).split('\\n')[0]; }
try {
  const maps = fs.readFileSync('/proc/self/maps', 'utf8');
  out.libraries = [...new Set(maps.split('\\n').map((l) => l.split(/\\s+/)[5]).filter((p) => p && /\\.so/.test(p)))];
} catch {}
process.stdout.write('\\n' + JSON.stringify(out));
`;

export function machineProbes(): DoctorProbes {
  const require = createRequire(import.meta.url);
  const run = (program: string, args: readonly string[], timeout = 20_000) =>
    spawnSync(program, [...args], { encoding: 'utf8', timeout, stdio: ['ignore', 'pipe', 'pipe'] });
  const readText = (file: string) => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  };
  return {
    env: process.env,
    node: process.version,
    platform: process.platform,
    arch: process.arch,
    torchPackage() {
      try {
        return dirname(require.resolve('@easynlp/torch/package.json'));
      } catch {
        return undefined;
      }
    },
    async libtorch(torchPackage) {
      try {
        const url = pathToFileURL(join(torchPackage, 'scripts', 'find-libtorch.mjs')).href;
        const { findLibtorch } = (await import(url)) as { findLibtorch: () => FoundLibtorch };
        return { found: findLibtorch() };
      } catch (error) {
        const { message, rejected = [] } = error as { message: string; rejected?: FoundLibtorch['rejected'] };
        return { missing: message.split('\n')[0]!, rejected };
      }
    },
    buildInfo(torchPackage) {
      try {
        return JSON.parse(readFileSync(join(torchPackage, 'build', 'build-info.json'), 'utf8'));
      } catch {
        return undefined;
      }
    },
    addon(torchPackage) {
      const file = join(torchPackage, 'build', 'Release', 'easynlp_torch.node');
      if (!existsSync(file)) return undefined;
      const child = run(process.execPath, ['-e', ADDON_SCRIPT, file], 60_000);
      try {
        return JSON.parse(child.stdout.slice(child.stdout.lastIndexOf('\n') + 1)) as AddonProbe;
      } catch {
        const why = child.signal
          ? `it ended the process with ${child.signal}`
          : `exit status ${child.status}`;
        return { error: `${why}: ${child.stderr.trim().split('\n').at(-1) ?? ''}`, libraries: [] };
      }
    },
    linked(file) {
      const paths = run('ldd', [file]).stdout?.matchAll(/=> (\/\S+)/g) ?? [];
      return Array.from(paths, (match) => {
        try {
          return realpathSync(match[1]!);
        } catch {
          return match[1]!;
        }
      });
    },
    packageVersion(name) {
      try {
        // Loading it is the test: a package may lack the binary for this platform.
        require(name);
        return (require(`${name}/package.json`) as { version: string }).version;
      } catch (error) {
        return { error: (error as Error).message.split('\n')[0]! };
      }
    },
    program(name, args) {
      const child = run(name, args);
      return child.status === 0 ? (child.stdout.split('\n')[0] ?? '') : undefined;
    },
    cpu() {
      const info = readText('/proc/cpuinfo');
      const flags = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1]?.split(/\s+/) ?? [];
      return { model: cpus()[0]?.model.trim() ?? 'unknown', cores: availableParallelism(), flags };
    },
    memory() {
      const limit = process.constrainedMemory?.() ?? 0;
      const total = totalmem();
      // A container's limit counts, where there is one below the machine's memory.
      const isLimited = limit > 0 && limit < total;
      return {
        total: isLimited ? limit : total,
        free: isLimited ? (process.availableMemory?.() ?? freemem()) : freemem(),
      };
    },
    diskFree(folder) {
      try {
        const { bavail, bsize } = statfsSync(folder);
        return bavail * bsize;
      } catch {
        return undefined;
      }
    },
    osRelease: () => readText('/etc/os-release'),
    isRoot: () => process.getuid?.() === 0,
    folders(path) {
      try {
        return readdirSync(path);
      } catch {
        return undefined;
      }
    },
    homedir,
  };
}
