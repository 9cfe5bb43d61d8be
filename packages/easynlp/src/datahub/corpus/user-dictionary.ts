import { EasyNlpError } from '../../errors/index.js';
import { readLines } from '../line-reader.js';

/** A word for the segmentation. */
export interface UserWord {
  readonly word: string;
  /** As in jieba's dictionary, whose words have 60 million in all; by default as likely as needed to stay whole. */
  readonly frequency?: number;
  /** Part of speech in jieba's notation; noun by default. */
  readonly tag?: string;
}

/**
 * Reads a user dictionary of jieba's kind: a word a line, then a frequency and a part of speech if wanted, separated by
 * blanks; empty lines and those that begin with # do not count.
 *
 * @throws EasyNlpError DATA_FILE_NOT_FOUND, DATA_ROW_MALFORMED naming the line
 */
export async function readUserDictionary(path: string): Promise<UserWord[]> {
  const words: UserWord[] = [];
  for await (const { lines, first } of readLines(path)) {
    for (const [i, text] of lines.entries()) {
      const line = text.trim();
      if (line === '' || line.startsWith('#')) continue;
      const [word, ...rest] = line.split(/\s+/) as [string, ...string[]];
      const frequency = rest.length > 0 && /^\d+$/.test(rest[0]!) ? Number(rest.shift()) : undefined;
      const tag = rest.length > 0 && /^[a-z]{1,4}$/i.test(rest[0]!) ? rest.shift() : undefined;
      if (rest.length > 0 || frequency === 0) {
        throw new EasyNlpError('DATA_ROW_MALFORMED', {
          file: path,
          line: first + i,
          reason:
            frequency === 0
              ? 'a frequency of 0'
              : `"${rest.join(' ')}" is neither frequency nor part of speech`,
          hint: 'Expected a word, then its frequency and part of speech if wanted: 云原生 1000 n',
        });
      }
      words.push({
        word,
        ...(frequency === undefined ? {} : { frequency }),
        ...(tag === undefined ? {} : { tag }),
      });
    }
  }
  return words;
}
