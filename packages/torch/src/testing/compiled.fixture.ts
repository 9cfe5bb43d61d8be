import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const packageFolder = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The package as plain JavaScript in a temporary folder, for tests that need processes or threads of their own.
 * Only types are removed, so it takes a moment and no build.
 */
export function compiled(): { readonly entry: string; readonly folder: string; dispose(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'easynlp-torch-'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n');
  symlinkSync(join(packageFolder, 'build'), join(folder, 'build'));
  const source = join(packageFolder, 'src');
  for (const path of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || /\.(test|fixture)\.ts$/.test(path)) continue;
    const { outputText } = ts.transpileModule(readFileSync(join(source, path), 'utf8'), {
      fileName: join(source, path),
      compilerOptions: {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
      },
    });
    const out = join(folder, 'src', path.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, outputText);
  }
  return {
    folder,
    entry: join(folder, 'src', 'index.js'),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}
