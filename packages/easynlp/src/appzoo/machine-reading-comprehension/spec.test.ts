import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../config/index.js';
import { type Cell, tableFromArray } from '../../datahub/index.js';
import { AutoModelForQuestionAnswering, savePretrained } from '../../modelzoo/index.js';
import { workFolder } from '../../predictor/models.fixture.js';
import { pipeline } from '../../predictor/pipeline.js';
import { Tokenizer } from '../../text/index.js';
import { machineReadingComprehension as app, type ReadingSpec } from './index.js';
import { readingTrainOptions } from './options.js';

const folder = workFolder('reading-spec');

function specOf(
  rows: readonly Record<string, Cell>[],
  options: Record<string, unknown> = {},
): Promise<ReadingSpec> {
  const given = { train: 'x', architecture: 'bert', output: join(folder, 'unused'), ...options };
  return app.prepare(parseConfig('train', given, readingTrainOptions) as never, tableFromArray(rows));
}

describe('a reading task', () => {
  const zh = {
    qas_id: 'a',
    question_text: '谁？',
    context_text: '人青山。',
    answer_text: '青山',
    start_position_character: '1',
  };
  const en = {
    id: '1',
    question: 'Who won?',
    context: 'The Broncos won.',
    'answers.text': ['Broncos'],
    'answers.answer_start': [4],
  };

  it("finds EasyNLP's columns and those of hubs, and the language", async () => {
    expect(await specOf([zh])).toMatchObject({
      ...{
        sequenceLength: 384,
        firstSequence: 'question_text',
        secondSequence: 'context_text',
        idName: 'qas_id',
      },
      ...{
        answerName: 'answer_text',
        startName: 'start_position_character',
        language: 'zh',
        maxAnswerLength: 100,
      },
      ...{ maxQueryLength: 64, docStride: 128, nBestSize: 10, unanswerable: false },
    });
    expect(await specOf([en])).toMatchObject({
      ...{ firstSequence: 'question', secondSequence: 'context', idName: 'id', answerName: 'answers.text' },
      ...{ startName: 'answers.answer_start', language: 'en', maxAnswerLength: 30 },
    });
    expect(await specOf([en], { language: 'zh', maxAnswerLength: 7 })).toMatchObject({
      language: 'zh',
      maxAnswerLength: 7,
    });
  });

  it('knows whether questions may have no answer', async () => {
    for (const none of ['', null, [], ['']] as Cell[]) {
      expect((await specOf([zh, { ...zh, answer_text: none }])).unanswerable).toBe(true);
    }
    expect((await specOf([zh, { ...zh, answer_text: '' }], { unanswerable: false })).unanswerable).toBe(
      false,
    );
  });

  it('asks for columns that it does not find', async () => {
    const { answer_text: _, ...rest } = zh;
    await expect(specOf([rest])).rejects.toMatchObject({ code: 'DATA_COLUMN_UNKNOWN' });
    await expect(specOf([zh], { qasId: 'qas_ix' })).rejects.toThrow(/Did you mean "qas_id"/);
    await expect(specOf([zh], { answerName: 'answer_txt' })).rejects.toThrow(/Did you mean "answer_text"/);
    await expect(specOf([{ ...zh, context_text: 7 }])).rejects.toMatchObject({ code: 'DATA_CELL' });
  });

  it('needs no training where the weights have the head', async () => {
    const config = { model_type: 'electra', vocab_size: 12, hidden_size: 16, embedding_size: 8 };
    const sizes = {
      num_hidden_layers: 1,
      num_attention_heads: 2,
      intermediate_size: 16,
      max_position_embeddings: 40,
    };
    const model = AutoModelForQuestionAnswering.fromConfig({ ...config, ...sizes });
    const path = join(folder, 'elsewhere');
    await savePretrained(path, model);
    await Tokenizer.fromVocab(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...'谁人青山']).save(path);
    const read = await pipeline('machine_reading_comprehension', path, { device: 'cpu' });
    const context = '人青山'.repeat(40);
    const { answer, start, end } = await read({ question: '谁', context });
    expect(context.slice(start!, end!)).toBe(answer);
    expect(read.spec.sequenceLength).toBe(40);
    read.dispose();
    await expect(pipeline('text_match', path, { device: 'cpu' })).rejects.toMatchObject({
      code: 'ARTEFACT_INVALID',
    });
    model.dispose();
  });
});
