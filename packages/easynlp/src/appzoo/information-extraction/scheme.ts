import { EasyNlpError } from '../../errors/index.js';

/** A type of entity, or of event with the roles of its arguments. */
export interface ExtractionType {
  readonly type: string;
  /** None for entities. */
  readonly roles: readonly string[];
}

export type ExtractionScheme = readonly ExtractionType[];

/** What to look for in a text: the words around it make the question. */
export interface Prompt {
  readonly before: string;
  readonly after: string;
}

const clean = (parts: readonly string[]) => [...new Set(parts.map((part) => part.trim()))].filter(Boolean);

/**
 * EasyNLP's schemes: types separated by semicolons, `人物;地点`; events with their roles, `竞赛名称:主办方,承办方;比赛:冠军`.
 * Chinese punctuation will do as well. A type that comes twice has the roles of both.
 *
 * @throws EasyNlpError EXTRACTION_SCHEME
 */
export function parseScheme(text: string): ExtractionScheme {
  const roles = new Map<string, string[]>();
  for (const part of text.split(/[;；]/)) {
    const [type = '', ...rest] = part.split(/[:：]/);
    if (type.trim() === '') {
      if (rest.length === 0) continue;
      throw new EasyNlpError('EXTRACTION_SCHEME', {
        scheme: text,
        reason: `"${part}" has roles but no type`,
      });
    }
    if (rest.length > 1) {
      throw new EasyNlpError('EXTRACTION_SCHEME', {
        scheme: text,
        reason: `"${part}" has more than one colon`,
      });
    }
    const known = roles.get(type.trim()) ?? [];
    roles.set(type.trim(), clean([...known, ...(rest[0] ?? '').split(/[,，]/)]));
  }
  if (roles.size === 0)
    throw new EasyNlpError('EXTRACTION_SCHEME', { scheme: text, reason: 'it names no type' });
  return [...roles].map(([type, own]) => ({ type, roles: own }));
}

export function formatScheme(scheme: ExtractionScheme): string {
  return scheme
    .map(({ type, roles }) => (roles.length === 0 ? type : `${type}:${roles.join(',')}`))
    .join(';');
}

/** Words for types that the data name otherwise: `address=地址;name=姓名`. @throws EasyNlpError EXTRACTION_SCHEME */
export function parseTypeNames(text: string): Readonly<Record<string, string>> {
  const names = Object.create(null) as Record<string, string>;
  for (const part of text.split(/[;；]/).filter((p) => p.trim() !== '')) {
    const [type = '', name = '', ...rest] = part.split('=').map((p) => p.trim());
    if (type === '' || name === '' || rest.length > 0) {
      throw new EasyNlpError('EXTRACTION_SCHEME', {
        scheme: text,
        reason: `"${part}" is not type=words`,
      });
    }
    names[type] = name;
  }
  return { ...names };
}

const TEXT = '文章：【';

/** EasyNLP's question for the entities, or the triggers of events, of a type. */
export const entityPrompt = (name: string): Prompt => ({
  before: `找到文章中所有【${name}】类型的实体？${TEXT}`,
  after: '】',
});

/** EasyNLP's question for an argument of an event. */
export const rolePrompt = (trigger: string, role: string): Prompt => ({
  before: `找到文章中【${trigger}】的【${role}】？${TEXT}`,
  after: '】',
});

/** What a role is called in questions, answers and figures. */
export const roleQuestion = (type: string, trigger: string, role: string) => `${type}(${trigger})-${role}`;

export interface ParsedInstruction extends Prompt {
  readonly text: string;
  /** What is asked for: a type or a role; empty for questions of other forms. */
  readonly label: string;
}

/** Takes a question of EasyNLP's training data apart; one of another form is a text without a question around it. */
export function parseInstruction(instruction: string): ParsedInstruction {
  const at = instruction.indexOf(TEXT);
  if (at < 0 || !instruction.endsWith('】')) return { before: '', text: instruction, after: '', label: '' };
  const from = at + TEXT.length;
  const before = instruction.slice(0, from);
  const label =
    /^找到文章中所有【(.+?)】类型的实体？/s.exec(before)?.[1] ??
    /】的【([^】]+)】？/s.exec(before)?.[1] ??
    '';
  return { before, text: instruction.slice(from, -1), after: '】', label };
}
