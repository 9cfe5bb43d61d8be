import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EasyNlpError } from '../errors/index.js';
import { workFolder } from '../predictor/models.fixture.js';
import { mapEasynlpFlags } from './easynlp-flags.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

const folder = workFolder('cli-metakd');
const at = (name: string) => join(folder, name);

const SCHEMA = 'guid:str:1,text_a:str:1,text_b:str:1,label:str:1,domain:str:1,weight:str:1';
const TRAIN = {
  ...{ mode: 'train', app_name: 'text_classify', tables: 'train_with_weights.tsv,dev_standard.tsv' },
  ...{ input_schema: SCHEMA, first_sequence: 'text_a', second_sequence: 'text_b', label_name: 'label' },
  ...{ label_enumerate_values: 'positive,negative', checkpoint_dir: 'out', learning_rate: '3e-5' },
  ...{ epoch_num: '1', logging_steps: '20', save_checkpoint_steps: '50', sequence_length: '128' },
  micro_batch_size: '16',
};
const TEACHER =
  'pretrain_model_name_or_path=bert-tiny-zh use_sample_weights=True use_domain_loss=True domain_loss_weight=0.5';
const STUDENT = 'pretrain_model_name_or_path=bert-tiny-zh domain_loss_weight=0.5 genre=books T=2';
const flags = (given: Record<string, string>, parameters: string) => [
  ...Object.entries(given).map(([key, value]) => `--${key}=${value}`),
  `--user_defined_parameters=${parameters}`,
];
const map = (given: Record<string, string>, parameters: string) => mapEasynlpFlags(flags(given, parameters));
const told = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return EasyNlpError.isInstance(error) ? `${error.code} ${error.message}` : String(error);
  }
  return 'nothing';
};

describe("EasyNLP's MetaKD flags", () => {
  it('meta_teacher_train.sh', () => {
    const { values, warnings } = map(TRAIN, TEACHER);
    expect(values).toMatchObject({
      ...{ method: 'metakd_teacher', model: 'bert-tiny-zh', domainLossWeight: 0.5, transferWeights: true },
      ...{ schema: SCHEMA, skipFirstLine: true, dev: 'dev_standard.tsv', labels: ['positive', 'negative'] },
    });
    expect(warnings).toEqual([expect.stringMatching(/first line .* is skipped/)]);
    const plain = map(TRAIN, 'model=m use_sample_weights=False use_domain_loss=False domain_loss_weight=0.5');
    expect(plain.values).toMatchObject({ domainLossWeight: 0, transferWeights: false });
    // Options of this toolkit beside them.
    expect(map(TRAIN, `${TEACHER} domain_column=domain`).values.domainColumn).toBe('domain');
  });

  it('meta_student_distill.sh: layers without validation, then outputs without weights', () => {
    const first = map(TRAIN, `${STUDENT} teacher_model_path=t/ distill_stage=first`).values;
    expect(first).toMatchObject({
      ...{ method: 'metakd_student', teacher: ['t/'], distillStage: 'first', domain: 'books' },
      ...{ temperature: 2, domainLossWeight: 0.5, evalStrategy: 'none' },
    });
    expect(first).not.toHaveProperty('dev');
    expect(first).not.toHaveProperty('expertiseWeights');
    const second = map(TRAIN, `${STUDENT} teacher_model_path=t/ distill_stage=second`).values;
    expect(second).toMatchObject({
      distillStage: 'second',
      dev: 'dev_standard.tsv',
      expertiseWeights: false,
    });
    expect(second.transferWeights).toBe(false);
    const all = map(TRAIN, `${STUDENT.replace('books', 'all')} teacher_model_path=t distill_stage=first`);
    expect(all.values).not.toHaveProperty('domain');
  });

  it('what is wrong or cannot be done is told', () => {
    expect(told(() => map(TRAIN, `${STUDENT} teacher_model_path=t`))).toMatch(/MISSING_VALUE distill_stage/);
    expect(told(() => map(TRAIN, `${STUDENT} distill_stage=first`))).toMatch(/MISSING.* teacher_model_path/);
    expect(told(() => map(TRAIN, `${STUDENT} teacher_model_path=t distill_stage=third`))).toMatch(
      /INVALID_VALUE distill_stage .*first or second/,
    );
    expect(told(() => map(TRAIN, TEACHER.replace('0.5', 'half')))).toMatch(
      /INVALID_VALUE domain_loss_weight/,
    );
    expect(told(() => map(TRAIN, TEACHER.replace('use_domain_loss=True', 'use_domain_loss=maybe')))).toMatch(
      /use_domain_loss .*True or False/,
    );
    const evaluation = { mode: 'evaluate', tables: 'dev.tsv', checkpoint_dir: 'm' };
    expect(told(() => map(evaluation, 'genre=books'))).toMatch(/FEATURE_NOT_SUPPORTED genre .*all rows/);
    expect(map(evaluation, 'genre=all').warnings).toEqual([]);
    expect(map(evaluation, 'T=2 distill_stage=second').warnings.join()).toMatch(/only training distils/);
  });
});

const GOOD = ['great fun', 'well made', 'loved it', 'works'];
const BAD = ['boring', 'broke', 'bad story', 'returned it'];
const texts = Array.from({ length: 32 }, (_, i) => {
  const [label, words] = i % 2 === 0 ? (['positive', GOOD] as const) : (['negative', BAD] as const);
  return { domain: i & 2 ? 'books' : 'dvd', label, text: `${words[(i >> 2) % 4]!} ${i}`, weight: 0.9 };
});

async function run(...argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new FakeIo();
  io.library = async () => (await import('../index.js')) as unknown as Library;
  const code = await main(argv, io);
  return { code, out: io.out, err: io.err };
}
async function succeeds(...argv: readonly string[]): Promise<string> {
  const { code, out, err } = await run(...argv);
  expect(code, err).toBe(0);
  // The log goes to stderr.
  return out + err;
}

describe('MetaKD from the command line', () => {
  it("EasyNLP's three trainings one after another, and the student's evaluation", async () => {
    const line = (row: (typeof texts)[number], i: number) =>
      [`g${i}`, row.text, '', row.label, row.domain, row.weight].join('\t');
    const header = 'guid\ttext_a\ttext_b\tlabel\tdomain\tweight';
    writeFileSync(at('train.tsv'), `${[header, ...texts.map(line)].join('\n')}\n`);
    writeFileSync(at('dev.tsv'), `${[header, ...texts.slice(0, 8).map(line)].join('\n')}\n`);
    const short = 'num_threads=1 max_steps=2';
    const given = {
      ...TRAIN,
      ...{ tables: `${at('train.tsv')},${at('dev.tsv')}`, worker_gpu: '0', micro_batch_size: '8' },
      ...{ save_checkpoint_steps: '2', sequence_length: '16' },
    };
    await succeeds(...flags({ ...given, checkpoint_dir: at('teacher') }, `${TEACHER} ${short}`));
    const student = `${STUDENT} teacher_model_path=${at('teacher')} ${short}`;
    const first = flags({ ...given, checkpoint_dir: at('first') }, `${student} distill_stage=first`);
    expect(await succeeds(...first)).toMatch(/text_classify: 16 rows/);
    const second = flags(
      { ...given, checkpoint_dir: at('second') },
      `${student.replace('bert-tiny-zh', at('first'))} distill_stage=second`,
    );
    expect(await succeeds(...second)).toMatch(/text_classify: 16 rows/);
    const metrics = readFileSync(join(at('second'), 'training', 'metrics.jsonl'), 'utf8');
    expect(metrics).toMatch(/"output":/);
    expect(metrics).not.toMatch(/"hidden":/);
    await succeeds(
      ...flags(
        {
          ...{ mode: 'evaluate', app_name: 'text_classify', tables: at('dev.tsv'), input_schema: SCHEMA },
          ...{ skip_first_line: 'True', checkpoint_dir: at('second'), worker_gpu: '0' },
        },
        'num_threads=1',
      ),
    );
    const nobody = await run(
      ...flags(
        { ...given, checkpoint_dir: at('third') },
        `${student.replace('books', 'book')} distill_stage=first`,
      ),
    );
    expect(nobody.code).toBe(2);
    expect(nobody.err).toMatch(/genre|domain/);
    expect(nobody.err).toMatch(/books/);
  }, 60_000);

  const quick = [
    ...['--method', 'metakd', '--model', 'bert-tiny-zh', '--teacher-model', 'bert-tiny-zh'],
    ...['--epochs', '1', '--teacher-epochs', '1', '--layer-epochs', '1', '--baselines', 'none'],
    ...['--sequence-length', '16', '--batch-size', '8', '--device', 'cpu', '--num-threads', '1'],
  ];

  it('a folder a domain, a file a label, as the Amazon reviews are', async () => {
    for (const domain of ['books', 'dvd']) {
      mkdirSync(join(at('amazon'), domain), { recursive: true });
      for (const label of ['positive', 'negative']) {
        const own = texts.filter((row) => row.domain === domain && row.label === label);
        writeFileSync(
          join(at('amazon'), domain, `review_${label}`),
          `${own.map(({ text }) => text).join('\n')}\n`,
        );
      }
    }
    await succeeds('train', 'text_classify', '--train', at('amazon'), ...quick, '--output', at('o1'));
    const report = JSON.parse(readFileSync(join(at('o1'), 'report.json'), 'utf8')) as {
      domains: { domain: string }[];
    };
    expect(report.domains.map(({ domain }) => domain)).toEqual(['books', 'dvd']);
  }, 60_000);

  it('pairs by their genre, as OCNLI is, without rows that nobody agreed on', async () => {
    const pairs = texts.map(({ text, label, domain }, i) => ({
      ...{ sentence1: text, sentence2: `${text}？`, id: i },
      ...{ label: i === 5 ? '-' : label === 'positive' ? 'entailment' : 'neutral' },
      genre: i === 7 ? null : domain === 'books' ? 'news' : 'tv',
    }));
    writeFileSync(at('ocnli.json'), pairs.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const out = await succeeds(
      ...['train', 'text_match', '--train', at('ocnli.json'), '--format', 'jsonl', ...quick],
      ...['--output', at('o2')],
    );
    const { domains, evaluatedOn } = JSON.parse(readFileSync(join(at('o2'), 'report.json'), 'utf8')) as {
      evaluatedOn: string;
      domains: { domain: string; rows: Record<string, number> }[];
    };
    expect(domains.map(({ domain }) => domain)).toEqual(['news', 'tv']);
    expect(evaluatedOn).toBe('test');
    const rows = domains.flatMap(({ rows: { train, dev, test } }) => [train!, dev!, test!]);
    expect(rows.reduce((sum, count) => sum + count, 0)).toBe(30);
    expect(out).toMatch(/1 rows of .* without a domain/);
  }, 60_000);
});
