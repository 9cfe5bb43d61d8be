import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { reviews, workFolder, writeTsv } from '../predictor/models.fixture.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

/** Early exit, long texts, tagging and moderation through the command line, with the real toolkit behind it. */
const folder = workFolder('cli-solutions');
const at = (name: string) => join(folder, name);

async function easynlp(argv: readonly string[]) {
  const io = new FakeIo();
  io.library = async () => (await import('../index.js')) as unknown as Library;
  const code = await main(argv, io);
  return { code, out: io.out, err: io.err };
}
async function succeeds(line: string, ...rest: readonly string[]): Promise<string> {
  const { code, out, err } = await easynlp([...line.split(' '), ...rest]);
  expect(code, err).toBe(0);
  return out;
}
const task = (model: string) => JSON.parse(readFileSync(join(model, 'easynlp.json'), 'utf8')).task;
const CPU = '--device cpu --num-threads 1';

describe('early exit', () => {
  const model = at('geep');
  const SIZE =
    '--architecture bert --layers 3 --hidden-size 16 --heads 2 --sequence-length 24 --batch-size 8';
  beforeAll(async () => {
    writeTsv(at('reviews.tsv'), reviews(32));
    await succeeds(
      `train geep_classify --train ${at('reviews.tsv')} ${SIZE} --exits 1 --max-steps 12 --output ${model} ${CPU}`,
    );
  });

  it('shows accuracy and speed at several thresholds', async () => {
    expect(task(model)).toMatchObject({ app: 'geep_classify', exits: 1, exitThreshold: 0 });
    const data = `--model ${model} --data ${at('reviews.tsv')} ${CPU}`;
    const out = await succeeds(`evaluate geep_classify ${data} --compare-thresholds 0,0.5,1`);
    expect(out).toMatch(/mean_layers +3[\s\S]*exit threshold +accuracy +layers/);
    expect(await succeeds(`evaluate ${data}`)).toMatch(/exit threshold/);
    const json = await succeeds(
      `predict geep_classify --model ${model} ${CPU} --exit-threshold 1 --json --text`,
      '好吃',
    );
    expect(JSON.parse(json)[0].layers).toBe(1);
  });

  it("takes EasyNLP's flags", async () => {
    const own = at('geep-easynlp');
    const data = writeTsv(
      at('reviews.csv'),
      reviews(16).map(({ label, text }) => ({ label, text })),
      { header: false },
    );
    const flags = (mode: string) =>
      `--mode=${mode} --worker_gpu=0 --app_name=geep_classify --tables=${data} --input_schema=label:str:1,text:str:1 --first_sequence=text --sequence_length=16 --checkpoint_dir=${own}`;
    const small = 'architecture=bert layers=2 hidden_size=16 heads=2 num_threads=1 max_steps=2';
    await succeeds(
      `${flags('train')} --label_name=label`,
      `--user_defined_parameters=${small} geep_exit_num=8`,
    );
    expect(task(own)).toMatchObject({ app: 'geep_classify', exits: 8 });
    const out = at('geep.pred');
    await succeeds(
      `${flags('predict')} --outputs=${out} --output_schema=predictions,layers`,
      '--user_defined_parameters=geep_threshold=1 geep_exit_num=8',
    );
    expect(readFileSync(out, 'utf8')).toMatch(/^(好评|差评)\t1\n/);
  });
});

it('long texts are read in windows', async () => {
  const model = at('long');
  const train = `train text_classify --train ${at('reviews.tsv')} --architecture text-cnn --sequence-length 12 --max-steps 3 ${CPU}`;
  await succeeds(
    `${train} --long-text windows --window-merge max --window-training windows --output ${model}`,
  );
  expect(task(model).longText).toEqual({ merge: 'max', training: 'windows' });
  const text = '房间干净，服务周到。'.repeat(20);
  const predict = `predict text_classify --model ${model} ${CPU} --json`;
  const scores = async (flags: string) =>
    JSON.parse(await succeeds(`${predict}${flags} --text`, text))[0].probability;
  expect(await scores(' --long-text cut')).not.toBe(await scores(''));
});

describe('tagging and moderation', () => {
  const model = at('risks');
  const SIGNS = { 广告: '加微信领红包', 辱骂: '你真是个笨蛋' };
  const rows = Array.from({ length: 40 }, (_, i) => {
    const labels = (Object.keys(SIGNS) as (keyof typeof SIGNS)[]).filter((_, l) => (i >> l) & 1);
    return { text: `第${i % 5}条${labels.map((l) => SIGNS[l]).join('，')}`, label: labels.join(',') };
  });
  const data = at('risks.tsv');
  beforeAll(async () => {
    writeTsv(data, rows);
    await succeeds(
      `train text_classify --multi-label --train ${data} --dev ${data} --architecture text-cnn --embedding-size 16 --conv-dim 8 --linear-hidden-size 16 --sequence-length 24 --batch-size 8 --learning-rate 1e-2 --max-steps 100 --epochs 50 --output ${model} ${CPU}`,
    );
    writeFileSync(at('rules.tsv'), 'ＶＸ\tforce\t广告\n微信支付\tforbid\t广告\n');
  });

  it('chooses thresholds for a precision, and decides with them and a dictionary', async () => {
    const thresholds = at('thresholds.json');
    const report = await succeeds(
      `moderate --model ${model} --report ${data} --precision-floor 0.95 --output ${thresholds} ${CPU}`,
    );
    expect(report).toMatch(/precision of at least 0\.95[\s\S]*广告 +20[\s\S]*precision \/ recall at/);
    expect(Object.keys(JSON.parse(readFileSync(thresholds, 'utf8')).thresholds)).toEqual(['广告', '辱骂']);
    const moderate = `moderate --model ${model} --thresholds ${thresholds} --dictionary ${at('rules.tsv')} ${CPU}`;
    const out = await succeeds(
      moderate,
      '--text',
      '第1条加微信领红包',
      '--text',
      '第2条',
      '--text',
      '第3条vx',
      '--text',
      '第1条加微信领红包，微信支付',
    );
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^reject\t广告 \d\.\d{4}\t–\t第1条加微信领红包$/);
    expect(lines[1]).toBe('pass\t–\t–\t第2条');
    expect(lines[2]).toMatch(/^reject\t广告 .*\tvx\t第3条vx$/);
    expect(lines[3]).toMatch(/^pass\t–\t微信支付\t/);
    expect(await succeeds(`${moderate} --harmless 广告 --text`, '第3条vx')).toMatch(/^pass\t广告/);
    const json = await succeeds(`${moderate} --json --text`, '第3条vx');
    expect(JSON.parse(json)).toMatchObject({
      text: '第3条vx',
      decision: 'reject',
      hits: [{ start: 3, end: 5 }],
    });
  });

  it('tags, with keywords and a user dictionary', async () => {
    writeFileSync(at('words.txt'), '领红包\n');
    const keywords = `tag --tag-model ${model} --user-dictionary ${at('words.txt')} --keywords tfidf --top-k 3 ${CPU}`;
    expect(await succeeds(`${keywords} --text`, '第1条加微信领红包')).toMatch(
      /^广告 \d\.\d{4}\t.*领红包.*\t–\t第1条加微信领红包\n$/,
    );
    writeFileSync(at('texts.txt'), '第1条加微信领红包\n\n第2条\n');
    const output = at('tags.jsonl');
    await succeeds(`${keywords} --input ${at('texts.txt')} --output ${output}`);
    const lines = readFileSync(output, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).tags.map((t: { label: string }) => t.label))).toEqual([
      ['广告'],
      [],
    ]);
    expect(await succeeds('tag --text', '华为发布新款手机，手机摄像头升级')).toMatch(
      /^–\t.*手机.*摄像头 1\.0000/,
    );
  });

  it.each([
    ['tag', /there is no text/],
    ['tag --text a --input b', /exclude each other/],
    ['tag --keywords embedding --text a', /--vector-model/],
    ['moderate --text a', /--model/],
    [`moderate --model ${model} --harmless 无害 --text a ${CPU}`, /harmless|广告/],
    [`moderate --model ${model} --dictionary ${at('texts.txt')} --text a ${CPU}`, /line 1: expected a word/],
    [`tag --tag-model ${at('long')} --entity-model ${model} --text 一 ${CPU}`, /sequence_labeling/],
  ])('mistakes are told: %s', async (line, message) => {
    writeFileSync(at('texts.txt'), '第1条加微信领红包\n');
    const { code, err } = await easynlp(line.split(' '));
    expect(err).toMatch(message);
    expect(code).toBeGreaterThan(1);
    expect(existsSync(at('no'))).toBe(false);
  });
});

it('keywords by the vectors of an encoder', async () => {
  const text = '华为发布新款手机，手机摄像头升级';
  const out = await succeeds(
    `tag --keywords embedding --vector-model bert-tiny-zh --top-k 2 ${CPU} --json --text`,
    text,
  );
  const { keywords } = JSON.parse(out) as { keywords: { word: string; score: number }[] };
  expect(keywords).toHaveLength(2);
  for (const { word, score } of keywords) {
    expect(text).toContain(word);
    expect(score).toBeLessThanOrEqual(1.000001);
  }
});

it('entity words of a sequence labeling model, with their places', async () => {
  const data = at('ner.conll');
  const sentence = '马\tB-PER\n云\tI-PER\n在\tO\n杭\tB-LOC\n州\tI-LOC\n';
  writeFileSync(data, `${sentence}\n`.repeat(24));
  const model = at('ner');
  await succeeds(
    `train sequence_labeling --train ${data} --format conll --architecture bert --layers 1 --hidden-size 32 --heads 2 --learning-rate 5e-3 --batch-size 8 --epochs 20 --output ${model} ${CPU}`,
  );
  const out = await succeeds(
    `tag --keywords none --entity-model ${model} ${CPU} --json --text`,
    '马云在杭州',
  );
  expect(JSON.parse(out).entities).toEqual([
    { text: '马云', label: 'PER', start: 0, end: 2 },
    { text: '杭州', label: 'LOC', start: 3, end: 5 },
  ]);
});
