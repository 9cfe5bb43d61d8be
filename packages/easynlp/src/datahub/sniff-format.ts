import { conllCells, isSentenceEnd } from './conll-table.js';
import { readLines } from './line-reader.js';
import { isSpanJson } from './span-table.js';

/** Names that CoNLL files usually end with. */
export const CONLL_NAMES = /\.(conll|conll03|conll2003|bio|bios|bioes|bmes|bmeso|iob|iob2|iobes)$/;

const TAG = /^(O|[BIESM](-\S+)?)$/;
/** Lines that are looked at. */
const LOOKED_AT = 200;

async function firstLines(path: string): Promise<readonly string[]> {
  for await (const block of readLines(path, { blankIsRow: true })) return block.lines.slice(0, LOOKED_AT);
  return [];
}

/** Whether every line at the beginning is a token and a tag (O, B-PER …): no table's header looks like that. */
export async function looksLikeConll(path: string): Promise<boolean> {
  const lines = (await firstLines(path)).filter((line) => !isSentenceEnd(line));
  return (
    lines.length > 0 &&
    lines.every((line) => {
      const cells = conllCells(line);
      return cells.length >= 2 && TAG.test(cells.at(-1)!);
    })
  );
}

/** Whether the first object has CLUENER's labels. */
export async function looksLikeSpans(path: string): Promise<boolean> {
  const first = (await firstLines(path)).find((line) => line.trim() !== '');
  return first !== undefined && isSpanJson(first);
}
