import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EasyNlpError } from '../../errors/index.js';

/** Files of a task, as CLUE's archives name them; of several names of one file the first that is there counts. */
export interface TaskFiles {
  /** Folder of the task; the archive's name with `_public` is taken as well. */
  readonly folder: string;
  readonly train: readonly (readonly string[])[];
  readonly dev: readonly (readonly string[])[];
  /** Only where its answers are public. */
  readonly test?: readonly (readonly string[])[];
}

const listed = (names: readonly (readonly string[])[]) =>
  names.map((others) => others.join(' or ')).join(', ');

/** What a person who has not got the files needs to know. */
const expected = ({ folder, train, dev, test }: TaskFiles) =>
  `CLUE’s files of this task are expected in ${folder} or ${folder}_public: ${listed([...train, ...dev, ...(test ?? [])])}; also with .gz where they are JSON Lines.`;

/** Folder of the task under `data`. @throws EasyNlpError DATA_FILE_NOT_FOUND naming the files that are expected */
export function taskFolder(data: string, files: TaskFiles): string {
  const folders = [files.folder, `${files.folder}_public`].map((name) => join(data, name));
  const found = folders.find((folder) => existsSync(folder));
  if (found !== undefined) return found;
  throw new EasyNlpError('DATA_FILE_NOT_FOUND', { file: folders[0], hint: expected(files) });
}

/** Paths of one part of the task. @throws EasyNlpError DATA_FILE_NOT_FOUND naming the files that are expected */
export function taskFiles(
  folder: string,
  files: TaskFiles,
  part: 'train' | 'dev' | 'test',
): readonly string[] {
  return (files[part] ?? []).map((names) => {
    const found = names
      .flatMap((name) => [name, `${name}.gz`])
      .map((name) => join(folder, name))
      .find((path) => existsSync(path));
    if (found !== undefined) return found;
    throw new EasyNlpError('DATA_FILE_NOT_FOUND', {
      file: join(folder, names[0]!),
      hint: expected(files),
    });
  });
}
