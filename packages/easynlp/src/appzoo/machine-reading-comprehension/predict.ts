import type { PredictDataOptions } from '../app.js';
import type { LoadedApp } from '../inference.js';
import { questionOf, type ReadingResult } from './answers.js';
import type { ReadingUseConfig } from './options.js';

/**
 * One line a question, whatever its number of windows; and where it is wanted, all answers as one JSON object by the
 * questions' identifiers, empty for no answer.
 */
export async function predictReading(
  loaded: LoadedApp,
  config: unknown,
  { writeRows, writeFile }: PredictDataOptions,
): Promise<number> {
  const { outputAnswerFile } = config as Partial<ReadingUseConfig>;
  if (outputAnswerFile === undefined) return writeRows(loaded);
  const answers = new Map<string, string>();
  const rows = await writeRows(loaded, (result) => {
    const answer = result as ReadingResult;
    answers.set(questionOf(answer).id, answer.answer ?? '');
  });
  await writeFile(outputAnswerFile, `${JSON.stringify(Object.fromEntries(answers), null, 2)}\n`);
  return rows;
}
