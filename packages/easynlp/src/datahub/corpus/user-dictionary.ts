import { EasyNlpError } from '../../errors/index.js';
import { parseUserWord, type UserWord } from '../../text/user-word.js';
import { readLines } from '../line-reader.js';

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
      const word = parseUserWord(text);
      if (word === null) continue;
      if (typeof word === 'string') {
        throw new EasyNlpError('DATA_ROW_MALFORMED', {
          file: path,
          line: first + i,
          reason: word,
          hint: 'Expected a word, then its frequency and part of speech if wanted: 云原生 1000 n',
        });
      }
      words.push(word);
    }
  }
  return words;
}
