import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EasyNlpError } from '../../errors/index.js';
import { readJson, requireFile } from '../rows.js';

export interface LabelWords {
  readonly labels: readonly string[];
  readonly words: Readonly<Record<string, string>>;
}

/** Labels and their words of the tasks whose data brings a file of them. */
export function labelWords(task: string, folder: string): LabelWords {
  return task === 'tnews'
    ? fromLines(join(folder, 'label_index2en2zh.json'))
    : fromTags(join(folder, 'label_words.json'));
}

/** `{"label": "100", "label_desc": "news_story", "label_zh": "故事"}` a line. */
function fromLines(path: string): LabelWords {
  requireFile(path);
  const words: Record<string, string> = {};
  for (const [i, line] of readFileSync(path, 'utf8').split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    let entry: { label?: unknown; label_zh?: unknown } = {};
    try {
      entry = JSON.parse(line) as typeof entry;
    } catch (cause) {
      throw malformed(path, i + 1, `not valid JSON: ${(cause as Error).message}`, cause);
    }
    const { label, label_zh: word } = entry;
    if (label === undefined || typeof word !== 'string') {
      throw malformed(path, i + 1, 'expected "label" and "label_zh"');
    }
    // Labels look like numbers, and an object would put those in front of others and in their own order.
    words[String(label)] = word;
  }
  return { labels: Object.keys(words), words };
}

const malformed = (file: string, line: number, reason: string, cause?: unknown) =>
  new EasyNlpError('DATA_ROW_MALFORMED', { file, line, reason }, { cause });

/** `{"label_des2tag": {"材料科学与工程": "材料", …}}`. */
function fromTags(path: string): LabelWords {
  const tags = (readJson(path) as { label_des2tag?: unknown } | null)?.label_des2tag;
  if (typeof tags !== 'object' || tags === null || Array.isArray(tags)) {
    throw new EasyNlpError('DATA_FORMAT', {
      file: path,
      reason: 'expected an object with "label_des2tag": label → word',
    });
  }
  const words: Record<string, string> = {};
  for (const [label, word] of Object.entries(tags)) {
    if (typeof word !== 'string' || word === '') {
      throw new EasyNlpError('DATA_FORMAT', {
        file: path,
        reason: `the word of the label "${label}" is no text`,
      });
    }
    words[label] = word;
  }
  return { labels: Object.keys(words), words };
}
