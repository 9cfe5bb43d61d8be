import { existsSync, readFileSync } from 'node:fs';
import { EasyNlpError } from '../../../errors/index.js';

/** The patterns of an ensemble: those of `patterns` (a file with one a line, or `;;` between them), or `pattern` alone. */
export function readPatterns(patterns: string | undefined, pattern: string | undefined): string[] {
  const text = patterns !== undefined && existsSync(patterns) ? readFileSync(patterns, 'utf8') : patterns;
  const given = text === undefined ? (pattern === undefined ? [] : [pattern]) : text.split(/\r?\n|;;/);
  const list = given.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  if (list.length === 0) {
    throw new EasyNlpError('CONFIG_MISSING_VALUE', {
      key: 'patterns',
      expected:
        'prompts with ;; between them, such as "text,真,label,。;;很,label,。,text", or a file with one a line',
    });
  }
  const twice = list.find((line, i) => list.indexOf(line) !== i);
  if (twice !== undefined) {
    throw new EasyNlpError('PROMPT_PATTERN', {
      pattern: twice,
      problem: 'it is there twice',
      hint: 'Several models of one pattern are asked for with --pattern-seeds.',
    });
  }
  return list;
}
