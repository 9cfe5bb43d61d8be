import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Helpers of the tests that look at the repository as a whole. */

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '');

export const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const SKIPPED = new Set(['node_modules', 'dist', 'build', 'out', 'tmp', '.git', 'bundle-out']);

function walk(folder: string, found: string[]): string[] {
  for (const name of readdirSync(folder)) {
    if (SKIPPED.has(name)) continue;
    const path = join(folder, name);
    if (statSync(path).isDirectory()) walk(path, found);
    else found.push(relative(root, path).split(sep).join('/'));
  }
  return found;
}

/** Every file that belongs to the project, tracked or about to be; by walking where there is no git. */
export function projectFiles(): string[] {
  try {
    const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const files = listed.split('\0').filter((path) => path !== '' && exists(path));
    if (files.length > 0) return files;
  } catch {
    // a source archive without git
  }
  return walk(root, []);
}

function exists(path: string): boolean {
  try {
    return statSync(join(root, path)).isFile();
  } catch {
    return false;
  }
}

export const lineCount = (text: string): number => text.replace(/\n$/, '').split('\n').length;
