import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { EasyNlpError } from '../errors/index.js';
import {
  buildSchema,
  COMMAND_SCHEMAS,
  type CommandName,
  fieldsOf,
  loadConfigFile,
  OPTION_GROUPS,
  option,
  parseConfig,
  parseConfigText,
  resolveConfig,
} from './index.js';

const minimal = { train: 'a.tsv', output: 'out', architecture: 'text-cnn' } as const;

function failure(run: () => unknown): EasyNlpError {
  try {
    run();
  } catch (error) {
    if (EasyNlpError.isInstance(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('resolveConfig', () => {
  it('fills in the defaults', () => {
    const config = resolveConfig('train', { flags: minimal });
    expect(config).toMatchObject({
      app: 'text_classify',
      epochs: 3,
      sequenceLength: 128,
      optimizer: 'adamw',
    });
    expect(config.labels).toBeUndefined();
  });

  it('lets flags win over the file and the file over the defaults', () => {
    const file = parseConfigText('epochs: 7\nbatchSize: 8\ntrain: b.tsv\n', 'c.yaml');
    const config = resolveConfig('train', { flags: { ...minimal, batchSize: 16 }, file });
    expect(config).toMatchObject({ epochs: 7, batchSize: 16, train: 'a.tsv', seed: 42 });
  });

  it('is idempotent: a resolved configuration is a valid one', () => {
    for (const extra of [{}, { dev: 'd.tsv', evalSteps: 5 }, { tokenBudget: 4096 }, { warmupSteps: 3 }]) {
      const config = resolveConfig('train', { flags: { ...minimal, ...extra } });
      expect(parseConfig('train', config)).toEqual(config);
    }
  });

  it('derives the strategy from the number of steps', () => {
    const config = resolveConfig('train', { flags: { ...minimal, dev: 'd', evalSteps: 5, saveSteps: 9 } });
    expect(config).toMatchObject({ evalStrategy: 'steps', saveStrategy: 'steps' });
    expect(
      failure(() => resolveConfig('train', { flags: { ...minimal, saveStrategy: 'steps' } })).message,
    ).toMatch(/saveStrategy steps needs saveSteps/);
  });

  it('names file, line and column of a misspelled key and suggests the right one', () => {
    const file = parseConfigText(
      'train: a.tsv\noutput: o\n\nlearning_rat: 3e-5\narchitecture: bert\n',
      'c.yaml',
    );
    const error = failure(() => resolveConfig('train', { file }));
    expect(error.code).toBe('CONFIG_UNKNOWN_KEY');
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe("c.yaml:4:1: unknown option 'learning_rat'");
    expect(error.hint).toBe('Did you mean learningRate?');
  });

  it('names the position of a wrong value, inside lists too', () => {
    const file = parseConfigText(
      'architecture: text-cnn\ntrain: a\noutput: o\nkernelSizes: [1, 2,\n  zwei]\n',
      'c.yml',
    );
    const error = failure(() => resolveConfig('train', { file }));
    expect(error.code).toBe('CONFIG_INVALID_VALUE');
    expect(error.message).toBe('c.yml:5:3: kernelSizes: expected a whole number, got "zwei"');
  });

  it('suggests the nearest of several choices', () => {
    const error = failure(() => resolveConfig('train', { flags: { ...minimal, schedule: 'cosin' } }));
    expect(error.message).toBe('schedule: expected one of linear, cosine, constant, polynomial, got "cosin"');
    expect(error.hint).toBe('Did you mean cosine?');
  });

  it('says bounds in words', () => {
    expect(failure(() => resolveConfig('train', { flags: { ...minimal, epochs: 0 } })).message).toBe(
      'epochs: expected a whole number > 0, got 0',
    );
    expect(failure(() => resolveConfig('train', { flags: { ...minimal, warmupRatio: 2 } })).message).toBe(
      'warmupRatio: expected a number ≤ 1, got 2',
    );
    expect(failure(() => resolveConfig('train', { flags: { ...minimal, device: 'gpu' } })).message).toBe(
      'device: expected auto, cpu, cuda or cuda:N, got "gpu"',
    );
  });

  it('reports every problem at once', () => {
    const error = failure(() => resolveConfig('train', { flags: { epochs: 'x', lr: 1 } }));
    expect(error.code).toBe('CONFIG_SEVERAL_PROBLEMS');
    expect(error.message).toMatch(/train is required/);
    expect(error.message).toMatch(/output is required/);
    expect(error.message).toMatch(/epochs: expected a whole number, got "x"/);
    expect(error.message).toMatch(/unknown option 'lr'/);
  });

  it.each([
    [{ model: 'm' }, /exclude each other/],
    [{ architecture: undefined }, /which model\?/],
    [{ precision: 'fp16', device: 'cpu' }, /needs a CUDA device/],
    [{ skipFirstLine: true }, /needs schema/],
    [{ evalSteps: 10 }, /evalSteps needs dev/],
    [{ architecture: 'bert', hiddenSize: 100, heads: 3 }, /must divide/],
    [{ batchSize: 8, tokenBudget: 100 }, /exclude each other/],
    [{ format: 'easynlp' }, /format easynlp needs schema/],
    [{ layers: 2 }, /layers: not an option of architecture text-cnn/],
    [{ architecture: 'bert', kernelSizes: [1] }, /kernelSizes: not an option of architecture bert/],
    [
      { architecture: undefined, model: 'm', layers: 2 },
      /layers: pretrained weights have their sizes already/,
    ],
  ])('refuses contradictions %j', (extra, message) => {
    const error = failure(() => resolveConfig('train', { flags: { ...minimal, ...extra } }));
    expect(error.code).toBe('CONFIG_CONFLICT');
    expect(error.message).toMatch(message);
  });

  it('takes labels that look like numbers as they were typed', () => {
    const file = parseConfigText(
      'labels: [01, 1.0, yes]\ntrain: 2024\noutput: o\narchitecture: bert',
      'c.yaml',
    );
    const config = resolveConfig('train', { file });
    expect(config.labels).toEqual(['01', '1.0', 'yes']);
    expect(config.train).toBe('2024');
  });

  it('takes one value where a list is wanted, and null as not set', () => {
    const file = parseConfigText('model: m\ninput: a.tsv\noutput: o\nappendCols:\n', 'c.yaml');
    expect(resolveConfig('predict', { file })).toMatchObject({ input: ['a.tsv'], appendCols: [] });
  });

  it('reads JSON with positions too', () => {
    const file = parseConfigText('{\n  "model": "m",\n  "dta": "x"\n}', 'c.json');
    expect(failure(() => resolveConfig('evaluate', { file })).message).toContain(
      "c.json:3:3: unknown option 'dta'",
    );
  });

  it("accepts an app's own options and refuses them elsewhere", () => {
    const appOptions = z.object({
      threshold: option(z.number().default(0.5), { description: 't', group: 'App' }),
    });
    const flags = { model: 'm', data: 'd', threshold: 0.7 };
    expect(resolveConfig('evaluate', { flags, appOptions })).toMatchObject({ threshold: 0.7 });
    expect(failure(() => resolveConfig('evaluate', { flags })).code).toBe('CONFIG_UNKNOWN_KEY');
    const misspelled = { model: 'm', data: 'd', treshold: 1 };
    expect(failure(() => resolveConfig('evaluate', { flags: misspelled, appOptions })).hint).toMatch(
      /threshold/,
    );
  });

  it('turns any value of any option into a configuration or an EasyNlpError, never another error', () => {
    const keys = fieldsOf(buildSchema('train')).map((f) => f.key);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), fc.anything()), (flags) => {
        try {
          resolveConfig('train', { flags: { ...minimal, ...flags } });
        } catch (error) {
          expect(EasyNlpError.isInstance(error)).toBe(true);
        }
      }),
    );
  });
});

describe('config files', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  it.each([
    ['a: [1, 2', /c\.yaml:\d+:\d+: /],
    ['- 1\n- 2', /not a mapping/],
    ['just words', /not a mapping/],
    ['a: 1\na: 2', /c\.yaml:2:1: .*unique/],
    ['a: 1\n\tb: 2', /c\.yaml:2:/],
  ])('say where the syntax is wrong: %j', (text, message) => {
    const error = failure(() => parseConfigText(text, 'c.yaml'));
    expect(error.code).toBe('CONFIG_FILE_SYNTAX');
    expect(error.message).toMatch(message);
  });

  it('may be empty, start with a BOM and use CRLF', () => {
    expect(parseConfigText('', 'c').values).toEqual({});
    expect(parseConfigText('# only a comment\n', 'c').values).toEqual({});
    const file = parseConfigText('\uFEFFepochs: 3\r\nseed: 1\r\n', 'c');
    expect(file.values).toEqual({ epochs: 3, seed: 1 });
    expect(file.position(['seed'])).toEqual({ file: 'c', line: 2, column: 7 });
  });

  it('must exist', () => {
    const folder = mkdtempSync(join(tmpdir(), 'easynlp-config-'));
    folders.push(folder);
    expect(failure(() => loadConfigFile(join(folder, 'no.yaml'))).message).toMatch(/no such file/);
    expect(failure(() => loadConfigFile(folder)).message).toMatch(/it is a folder/);
    writeFileSync(join(folder, 'c.yaml'), 'learningRate: 3e-5\n');
    expect(loadConfigFile(join(folder, 'c.yaml')).values).toEqual({ learningRate: 3e-5 });
  });
});

describe('schemas', () => {
  it.each(Object.keys(COMMAND_SCHEMAS) as CommandName[])(
    'of %s become JSON Schema for forms and HTTP',
    (command) => {
      const json = z.toJSONSchema(buildSchema(command), { io: 'input' });
      expect(json.additionalProperties).toBe(false);
      expect(json.properties?.device).toMatchObject({ default: 'auto', group: 'Machine' });
    },
  );

  it.each(Object.keys(COMMAND_SCHEMAS) as CommandName[])('describe every option of %s', (command) => {
    for (const field of fieldsOf(buildSchema(command))) {
      expect(field.meta.description, field.key).toMatch(/\S{2,}/);
      expect(OPTION_GROUPS, field.key).toContain(field.meta.group);
      expect(field.key).toMatch(/^[a-z][a-zA-Z0-9]*$/);
    }
  });
});
