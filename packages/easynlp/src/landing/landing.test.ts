import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { resolveOptions } from '../config/index.js';
import '../methods.js';
import { pipeline } from '../predictor/pipeline.js';
import { sampleFile, workFolder } from '../trainer/runs.fixture.js';
import { type LandResult, land } from './land.js';
import { type LandOptions, landOptions } from './options.js';
import { type LandingReport, renderText } from './report.js';
import { renderHtml } from './report-html.js';
import { planStages, STAGES } from './stages.js';

const folder = workFolder('landing');
const train = sampleFile(join(folder, 'train.tsv'), 16);
const dev = sampleFile(join(folder, 'dev.tsv'), 12, 0, 'dev.tsv');
const more = sampleFile(join(folder, 'more.tsv'), 12, 100);
const options: LandOptions = {
  ...{ train, dev, unlabelled: [more], large: 'bert-tiny-zh', small: 'bert-tiny-zh' },
  ...{ pattern: 'text,"，很",label,。', labels: ['差评', '好评'], labelWords: ['差', '好'] },
  ...{ finetuneEpochs: 1, fewshotEpochs: 1, distilEpochs: 1, sequenceLength: 32, timingBatchSize: 4 },
  ...{ device: 'cpu', numThreads: 1, output: join(folder, 'out') },
};
const configOf = (changes: Partial<LandOptions>) =>
  resolveOptions(landOptions, 'land', { flags: { ...options, ...changes } });

describe('landing', () => {
  let result: LandResult;
  beforeAll(async () => {
    result = await land(options);
  }, 60_000);

  it('trains four models, each usable alone, and compares them', async () => {
    expect(result.rows.map((row) => row.stage)).toEqual([...STAGES]);
    for (const row of result.rows) {
      expect(row.accuracy).toBe(row.metrics.accuracy);
      expect(row.millisecondsPerRow).toBeGreaterThan(0);
      expect(row.timing.rows).toBe(12);
    }
    const by = Object.fromEntries(result.rows.map((row) => [row.stage, row]));
    expect(result.gains.distillation).toBeCloseTo(
      by['small-distilled']!.accuracy - by['small-finetune']!.accuracy,
    );
    const taught = await pipeline('text_classify', by['small-distilled']!.folder, { device: 'cpu' });
    expect(['差评', '好评']).toContain((await taught('房间干净，服务周到')).label);
    taught.dispose();
    expect(JSON.parse(readFileSync(result.files.json, 'utf8'))).toEqual(
      JSON.parse(JSON.stringify({ ...result, files: undefined })),
    );
  });

  it('does no finished stage again, and those behind a changed one anew', async () => {
    const log: string[] = [];
    const weights = (stage: string) => statSync(join(folder, 'out', stage, 'model.safetensors')).mtimeMs;
    const before = STAGES.map(weights);
    await land(options, { log: (line) => void log.push(line) });
    expect(log.filter((line) => line.endsWith('there already'))).toHaveLength(4);
    expect(STAGES.map(weights)).toEqual(before);
    log.length = 0;
    await land({ ...options, distilEpochs: 2 }, { log: (line) => void log.push(line) });
    expect(log.filter((line) => line.endsWith('there already'))).toHaveLength(3);
    expect(weights('small-distilled')).toBeGreaterThan(before[3]!);
  });

  it('goes on where it was interrupted', async () => {
    const output = join(folder, 'stopped');
    const stop = new AbortController();
    const stopAt = (line: string) => {
      if (line.startsWith('2 of 4')) stop.abort();
    };
    await expect(land({ ...options, output }, { signal: stop.signal, log: stopAt })).rejects.toThrow();
    expect(existsSync(join(output, 'large-finetune', 'easynlp.json'))).toBe(true);
    expect(existsSync(join(output, 'landing.json'))).toBe(false);
    const log: string[] = [];
    await land({ ...options, output }, { log: (line) => void log.push(line) });
    expect(log.filter((line) => line.endsWith('there already'))).toHaveLength(1);
    expect(existsSync(join(output, 'landing.html'))).toBe(true);
  });
});

describe('stages', () => {
  it('make texts when there are none without labels, and take rates that suit the models', async () => {
    const [finetune, fewshot, , distilled] = await planStages(configOf({ unlabelled: [] }));
    expect(distilled!.options).toMatchObject({
      augment: 10,
      augmentModel: 'bert-tiny-zh',
      method: 'kd',
      teacher: [fewshot!.folder],
    });
    expect(finetune!.options.learningRate).toBe(1e-4);
    const [, given] = await planStages(configOf({ fewshotLearningRate: 7e-6 }));
    expect(given!.options.learningRate).toBe(7e-6);
  });

  it('take further options from a file, and say where one is wrong', async () => {
    const file = join(folder, 'settings.yaml');
    writeFileSync(file, 'small-distilled:\n  weightDecay: 0.2\n');
    const stages = await planStages(configOf({ settings: file }));
    expect(stages.map(({ options: o }) => o.weightDecay)).toEqual([undefined, undefined, undefined, 0.2]);
    writeFileSync(file, 'large-finetune:\n  epochs: 1\nsmall-distiled:\n  epochs: 1\n');
    await expect(planStages(configOf({ settings: file }))).rejects.toMatchObject({
      code: 'CONFIG_UNKNOWN_KEY',
      details: { line: 3, suggestion: 'small-distilled' },
    });
    writeFileSync(file, 'small-distilled:\n  teacher: elsewhere\n');
    await expect(planStages(configOf({ settings: file }))).rejects.toMatchObject({ code: 'CONFIG_CONFLICT' });
  });
});

describe('the report', () => {
  const row = (stage: string, accuracy: number, parameters: number, time: number) => ({
    ...{ stage, title: `${stage} <&>`, model: 'm"\'', parameters, accuracy, metrics: { accuracy } },
    ...{ millisecondsPerRow: time, timing: { batchSize: 8, rows: 100, repetitions: 3 } },
    ...{ steps: 10, trainingSeconds: 2, folder: 'f' },
  });
  const report: LandingReport = {
    ...{ format: 1, task: 'text_classify', settings: { note: '</script><b>' }, versions: { easynlp: '1' } },
    data: { train: '训练.tsv', dev: 'd', measuredOn: 'd', unlabelled: [] },
    machine: { cpu: 'cpu', threads: 2, device: 'cpu', precision: 'fp32' },
    rows: [
      row('large-finetune', 0.7, 100e6, 10),
      row('large-fewshot', 0.8, 100e6, 10),
      row('small-finetune', 0.6, 1e6, 1),
      row('small-distilled', 0.75, 1e6, 1),
    ],
    gains: { fewshot: 0.1, distillation: 0.15, smaller: 100, faster: 10 },
  };

  it('as text says the figures and what they were measured on', () => {
    const text = renderText(report);
    expect(text).toContain('+10.0 points');
    expect(text).toContain('100.0 times smaller and 10.0 times faster');
    expect(text).toContain('which also chose the best epochs');
    expect(text).toMatch(/small-finetune.*60\.0 %.*54\.4 %/);
  });

  it('as HTML loads nothing and escapes whatever names hold', () => {
    const html = renderHtml(report);
    expect(html).not.toMatch(/<script|<link|src=|url\(|https?:/);
    expect(html).toContain('large-fewshot &lt;&amp;&gt;');
    expect(html).not.toContain('</script>');
    expect(html.match(/<rect/g)).toHaveLength(8);
    expect(html).toContain('训练.tsv');
  });
});
