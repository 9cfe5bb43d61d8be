import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';
import type { Column } from './types.js';

const TYPES = ['str', 'int', 'float'] as const;

/**
 * Parses EasyNLP's `name:type:length` items, separated by commas: `text:str:1,label:str:1,logits:float:3`.
 * A missing length is 1, a missing type `str`. Throws DATA_SCHEMA.
 */
export function parseSchema(schema: string): Column[] {
  const fail = (item: number, reason: string) => new EasyNlpError('DATA_SCHEMA', { schema, item, reason });
  const columns: Column[] = [];
  const items = schema.trim().replace(/,$/, '').split(',');
  for (const [index, item] of items.entries()) {
    const [name = '', type = 'str', length = '1', ...rest] = item.split(':').map((part) => part.trim());
    if (rest.length > 0) throw fail(index + 1, `"${item}" has more than three parts`);
    if (name === '') throw fail(index + 1, 'the name is missing');
    if (name === '__proto__') throw fail(index + 1, 'this name is not allowed');
    if (!isType(type)) {
      const near = nearest(type, [...TYPES, 'string', 'integer']);
      const meant =
        near === null
          ? ''
          : `; did you mean "${near === 'string' ? 'str' : near === 'integer' ? 'int' : near}"?`;
      throw fail(index + 1, `"${type}" is not a type${meant}`);
    }
    if (!/^[1-9]\d{0,8}$/.test(length)) {
      throw fail(index + 1, `the length "${length}" is not a whole number from 1`);
    }
    if (columns.some((column) => column.name === name)) throw fail(index + 1, `"${name}" occurs twice`);
    columns.push({ name, type, length: Number(length) });
  }
  return columns;
}

/** The inverse of `parseSchema`. */
export function formatSchema(columns: readonly Column[]): string {
  return columns.map(({ name, type, length }) => `${name}:${type}:${length}`).join(',');
}

function isType(type: string): type is Column['type'] {
  return (TYPES as readonly string[]).includes(type);
}
