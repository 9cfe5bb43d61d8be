import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { manualSeed } from '@easynlp/torch';
import { beforeAll, describe, expect, it } from 'vitest';
import { AutoModelForMaskedLM, savePretrained } from '../modelzoo/index.js';
import { reviews, workFolder } from '../predictor/models.fixture.js';
import { buildVocab, Tokenizer } from '../text/index.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

/** The command with the real toolkit, a tiny model and a made-up FewCLUE. */
const folder = workFolder('benchmark-e2e');
const at = (name: string) => join(folder, name);

async function easynlp(argv: readonly string[], { interrupt = false } = {}) {
  const io = new FakeIo();
  io.library = async () => {
    const library = (await import('../index.js')) as unknown as Library;
    if (!interrupt) return library;
    const train: Library['train'] = async (config, run) => {
      io.press();
      return library.train(config, run);
    };
    return { ...library, train };
  };
  const code = await main(['benchmark', ...argv], io);
  return { code, out: io.out, err: io.err };
}

function rows(path: string, values: readonly unknown[]): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), values.map((value) => `${JSON.stringify(value)}\n`).join(''));
}

// 齉 is in no vocabulary made of these texts.
const IDIOMS = ['画蛇添足', '守株待兔', '井底之蛙'];
const RARE = '齉底之蛙';
const SENTENCES = ['他总是#idiom#，等着好运。', '这样做是#idiom#，没有必要。', '不要做#idiom#，看看外面。'];

const ENGLISH = ['It was great . Yes , a fine film', 'It was terrible . No , a dull film'];

beforeAll(async () => {
  const texts = [
    ...reviews(24).map((r) => r.text),
    ...IDIOMS,
    ...SENTENCES,
    '好差质量很。成语用得对错',
    ...ENGLISH,
  ];
  async function* corpus() {
    for (const text of [...texts, ...texts, ...texts]) yield text;
  }
  const tokenizer = Tokenizer.fromVocab(await buildVocab(corpus(), { size: 500 }));
  manualSeed(3);
  const model = await AutoModelForMaskedLM.fromConfig({
    model_type: 'bert',
    vocab_size: tokenizer.vocabSize,
    hidden_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 64,
    max_position_embeddings: 256,
    type_vocab_size: 2,
  });
  mkdirSync(at('bert-tiny'), { recursive: true });
  await savePretrained(at('bert-tiny'), model);
  await tokenizer.save(at('bert-tiny'));
  model.dispose();
  const sentences = reviews(16).map(({ text, label }, id) => ({
    id,
    sentence: text,
    label: label === '好评' ? 'Positive' : 'Negative',
  }));
  const gaps = Array.from({ length: 6 }, (_, id) => ({
    id,
    content: SENTENCES[id % 3],
    candidates: id === 1 ? [...IDIOMS.slice(0, 2), RARE] : IDIOMS,
    answer: [1, 0, 2][id % 3],
  }));
  for (const split of ['0', '1']) {
    rows(`data/eprstmt/train_${split}.json`, sentences.slice(0, 8));
    rows(`data/eprstmt/dev_${split}.json`, sentences.slice(8));
    rows(`data/chid/train_${split}.json`, gaps);
    rows(`data/chid/dev_${split}.json`, gaps.slice(0, 3));
  }
  const tsv = (path: string, lines: readonly string[]) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), `${lines.join('\n')}\n`);
  };
  for (const name of ['train', 'dev']) {
    tsv(`glue/SST-2/16-13/${name}.tsv`, [
      'sentence\tlabel',
      ...ENGLISH.map((text, i) => `${text}\t${1 - i}`),
    ]);
    tsv(`glue/QNLI/16-13/${name}.tsv`, [
      'index\tquestion\tsentence\tlabel',
      `1\tA fine film ?\t${ENGLISH[0]}\tentailment`,
      `2\tA fine film ?\t${ENGLISH[1]}\tnot_entailment`,
    ]);
  }
  writeFileSync(at('fast.yaml'), 'all: {sequenceLength: 48, batchSize: 8, epochs: 1, maxSteps: 2}\n');
});

const FAST = (output: string) => [
  ...['fewclue', '--data', at('data'), '--model', at('bert-tiny'), '--settings', at('fast.yaml')],
  ...['--device', 'cpu', '--num-threads', '1', '--output', at(output)],
];

describe('easynlp benchmark', () => {
  it('trains every method on every split and prints a table beside the published one', async () => {
    const methods = ['finetune', 'pet', 'ptuning', 'cptuning', 'cptuning-no-mlm'];
    const argv = [...FAST('all'), '--tasks', 'eprstmt', '--splits', '0,1', '--methods', methods.join()];
    const { code, out, err } = await easynlp(argv);
    expect(code, err).toBe(0);
    for (const method of methods)
      expect(out).toMatch(new RegExp(`^${method} +\\d+\\.\\d \\(\\d+\\.\\d\\)$`, 'm'));
    expect(out).toMatch(/measured on dev_i\.json; mean \(standard deviation\) of 2 runs/);
    expect(out).toMatch(/^P-tuning \(RoBERTa\) +88\.3 \(0\.7\)$/m);
    expect(err).toMatch(/\[10\/10\] eprstmt cptuning-no-mlm split 1 seed 42: \d/);
    expect(readFileSync(at('all/results.txt'), 'utf8')).toBe(out);
    const report = JSON.parse(readFileSync(at('all/results.json'), 'utf8'));
    expect(report.figures).toHaveLength(5);
    expect(report.figures[0].runs).toHaveLength(2);
    // What a default was is written down with the figure.
    expect(report.figures[0].config).toMatchObject({ optimizer: 'adamw', maxSteps: 2 });
    expect(report.figures[0].weights).toMatch(/^[0-9a-f]{16}$/);
    // Nothing is trained a second time: the result would tell, and there is no model left to measure.
    const again = await easynlp([...argv, '--json']);
    expect(again.err.match(/from an earlier run/g)).toHaveLength(10);
    expect(JSON.parse(again.out).figures).toEqual(report.figures);
    expect(existsSync(at('all/models/eprstmt/pet'))).toBe(true);
  });

  it('chooses among idioms: as pairs, and in the gap itself', async () => {
    const { code, out, err } = await easynlp([
      ...[...FAST('chid'), '--tasks', 'chid', '--splits', '0', '--markdown'],
      ...['--methods', 'finetune,pet,ptuning,cptuning'],
    ]);
    expect(code, err).toBe(0);
    for (const method of ['finetune', 'pet', 'ptuning', 'cptuning']) {
      // Three questions.
      expect(out).toMatch(new RegExp(`^\\| ${method} \\| (0\\.0|33\\.3|66\\.7|100\\.0) \\|$`, 'm'));
    }
    for (const method of ['finetune', 'pet']) {
      const run = JSON.parse(readFileSync(at(`chid/runs/chid/${method}/0-seed42.json`), 'utf8'));
      expect(run.rows).toEqual({ train: 6, evaluated: 3 });
      expect(run.config.app).toBe(method === 'finetune' ? 'multiple_choice' : 'text_classify');
    }
  });

  it('trains on the 16-shot sets, whose patterns are in quotes', async () => {
    const { code, out, err } = await easynlp([
      ...['glue16', '--data', at('glue'), '--model', at('bert-tiny'), '--settings', at('fast.yaml')],
      ...['--device', 'cpu', '--num-threads', '1', '--output', at('english')],
      ...['--tasks', 'sst-2,qnli', '--splits', '13', '--methods', 'finetune,pet,ptuning,cptuning'],
    ]);
    expect(code, err).toBe(0);
    for (const method of ['finetune', 'pet', 'ptuning', 'cptuning']) {
      expect(out).toMatch(new RegExp(`^${method}( +(0\\.0|25\\.0|50\\.0|75\\.0|100\\.0)){3}$`, 'm'));
    }
    expect(out).not.toContain('published');
  });

  it('runs CLUE: pairs, reading by EM, multiple choice by questions', async () => {
    for (const part of ['train', 'dev']) {
      rows(`clue/afqmc/${part}.json`, [
        { sentence1: '质量很好', sentence2: '质量好', label: '1' },
        { sentence1: '质量很好', sentence2: '成语', label: '0' },
      ]);
      const qas = [{ id: 'Q', question: '什么好？', answers: [{ text: '质量', answer_start: 0 }] }];
      rows(`clue/cmrc2018/${part}.json`, [
        { version: 'v1.0', data: [{ title: '', paragraphs: [{ id: 'P', context: '质量很好。', qas }] }] },
      ]);
      const asked = [{ question: '什么好？', choice: ['质量', '成语', '运气'], answer: '成语' }];
      rows(`clue/chid/${part}.json`, [
        { content: ['质量#idiom000001#，运气#idiom000002#。'], candidates: IDIOMS },
      ]);
      rows(`clue/chid/${part}_answer.json`, [{ '#idiom000001#': 0, '#idiom000002#': 1 }]);
      for (const kind of ['d', 'm']) rows(`clue/c3/${kind}-${part}.json`, [[[['成语很好。'], asked, '1']]]);
    }
    writeFileSync(
      at('clue.yaml'),
      `tasks:\n${['afqmc', 'cmrc2018', 'chid', 'c3'].map((t) => `  ${t}: {all: {sequenceLength: 32, batchSize: 2, maxSteps: 2}}\n`).join('')}`,
    );
    const { code, out, err } = await easynlp([
      ...['clue', '--data', at('clue'), '--model', at('bert-tiny'), '--settings', at('clue.yaml')],
      ...['--device', 'cpu', '--num-threads', '1', '--output', at('clue-out')],
      ...['--tasks', 'afqmc,cmrc2018,chid,c3', '--seeds', '1,2'],
    ]);
    expect(code, err).toBe(0);
    expect(out).toMatch(/^finetune( +\d+\.\d \(\d+\.\d\)| +\d+\.\d){5}$/m);
    expect(out).toMatch(/measured on dev\.json, d-dev\.json \+ m-dev\.json; .* of 2 runs/);
    expect(out).toMatch(/^BERT-base \(test\) +\d+\.\d +73\.7 +71\.6 +82\.0 +64\.5$/m);
    const run = (task: string) =>
      JSON.parse(readFileSync(at(`clue-out/runs/${task}/finetune/full-seed1.json`), 'utf8'));
    expect(run('cmrc2018').metrics).toMatchObject({ f1: expect.any(Number), em: expect.any(Number) });
    expect(run('c3').rows).toEqual({ train: 2, evaluated: 2 });
    expect(run('chid').metrics).toEqual({
      accuracy: expect.any(Number),
      unique_accuracy: run('chid').score,
      loss: expect.any(Number),
    });
    const missing = await easynlp([
      ...['clue', '--data', at('clue'), '--model', at('bert-tiny'), '--output', at('x'), '--tasks', 'drcd'],
    ]);
    expect(missing.code).toBe(3);
    expect(missing.err).toMatch(/drcd: there is no such file[\s\S]*train\.json or DRCD_training\.json/);
    rmSync(at('x'), { recursive: true, force: true });
  });

  it('goes on after an interruption', async () => {
    const argv = [...FAST('stop'), '--tasks', 'eprstmt', '--splits', '0'];
    const stopped = await easynlp(argv, { interrupt: true });
    expect(stopped.code).toBe(130);
    expect(stopped.err).toContain('The same command goes on where it was.');
    const { code, out } = await easynlp(argv);
    expect(code).toBe(0);
    expect(out).toMatch(/^finetune +\d/m);
  });

  it('prints the settings, with those of a file in them', async () => {
    const { code, out } = await easynlp(['fewclue', '--print-settings', '--settings', at('fast.yaml')]);
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}maxSteps: 2$/m);
    expect(out).toMatch(/^ {2}bustm:$/m);
  });

  it.each([
    [['fewclu'], 2, /unknown command 'benchmark fewclu'[\s\S]*Did you mean fewclue/],
    [['fewclue', '--modle', 'x'], 2, /unknown flag '--modle'[\s\S]*--model/],
    [['fewclue', '--data', 'x'], 2, /--model is required/],
    [[...FAST('x'), '--tasks', 'eprstm'], 2, /no task "eprstm"[\s\S]*Did you mean eprstmt/],
    [[...FAST('x'), '--methods', 'pett'], 2, /no training method "pett"\. Did you mean "pet"/],
    [[...FAST('x'), '--splits', '7'], 2, /--splits: "7" is not one of 0, 1, 2, 3, 4, few_all/],
    [[...FAST('x'), '--seeds', 'a'], 2, /--seeds: "a" is not a whole number/],
    [[...FAST('x'), '--tasks', 'csl'], 3, /csl: there is no such file/],
    [
      [...FAST('x'), '--tasks', 'eprstmt', '--evaluate-on', 'test'],
      3,
      /test_public\.json: there is no such file/,
    ],
  ])('%j ends with %d and says why', async (argv, exitCode, message) => {
    const { code, err } = await easynlp(argv);
    expect(err).toMatch(message);
    expect(code).toBe(exitCode);
    rmSync(at('x'), { recursive: true, force: true });
  });
});
