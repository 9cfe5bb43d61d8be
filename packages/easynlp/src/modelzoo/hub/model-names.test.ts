import { describe, expect, it } from 'vitest';
import { isPathLike, resolveModelFolder } from './index.js';
import { lookUpModelName, MODEL_NAMES, suggestModelNames } from './model-names.js';
import { badHubNameReason } from './safe-names.js';
import { failure } from './testing/workspace.js';

describe('model names', () => {
  it('has only possible hub names, and replacements that can be fetched', () => {
    for (const [name, entry] of Object.entries(MODEL_NAMES)) {
      for (const id of [name, entry.huggingface, entry.modelscope, entry.instead]) {
        if (id !== undefined) expect(badHubNameReason(id), id).toBeUndefined();
      }
      if (entry.instead) expect(MODEL_NAMES[entry.instead]?.unpublished).toBeUndefined();
      if (entry.unpublished) expect(entry.huggingface).toBeUndefined();
    }
  });

  it('translates what differs and leaves the rest', () => {
    const hf = (name: string) => lookUpModelName(name, 'huggingface').id;
    expect(hf('hfl/macbert-large-zh')).toBe('hfl/chinese-macbert-large');
    expect(hf('langboat/mengzi-bert-base')).toBe('Langboat/mengzi-bert-base');
    expect(hf('bert-small-uncased')).toBe('google/bert_uncased_L-6_H-768_A-12');
    expect(hf('alibaba-pai/pai-bert-tiny-zh')).toBe('alibaba-pai/pai-bert-tiny-zh');
    expect(hf('bert-base-chinese')).toBe('bert-base-chinese');
    expect(lookUpModelName('bert-base-chinese', 'modelscope').id).toBe('google-bert/bert-base-chinese');
    expect(hf('constructor')).toBe('constructor');
  });

  it.each([
    ['bert-base-chinse', 'bert-base-chinese'],
    ['bert-base-chniese', 'bert-base-chinese'],
    ['chinese-macbert-base', 'hfl/chinese-macbert-base'],
    ['hlf/chinese-roberta-wwm-ext', 'hfl/chinese-roberta-wwm-ext'],
    ['alibaba-pai/pai-bert-tinny-zh', 'alibaba-pai/pai-bert-tiny-zh'],
    ['Hfl/Chinese-MacBERT-Base', 'hfl/chinese-macbert-base'],
  ])('suggests for %s first %s', (wrong, right) => {
    expect(suggestModelNames(wrong)[0]).toBe(right);
  });

  it('suggests nothing for names that resemble none, and takes the cache into account', () => {
    expect(suggestModelNames('zzzzzzzzzz')).toEqual([]);
    expect(suggestModelNames('our-group/secret-mdel', ['our-group/secret-model'])).toEqual([
      'our-group/secret-model',
    ]);
  });

  it.each([
    ['a/b/c', 'at most one'],
    ['', 'empty'],
    ['bert base', 'contains " "'],
    ['模型', 'contains'],
    ['a--b', '"--"'],
    ['a..b', '".."'],
    ['.hidden', 'begin'],
    ['https://huggingface.co/bert-base-chinese', 'address'],
    ['x'.repeat(97), 'longer'],
    ['a\0b', 'NUL'],
  ])('refuses the name %j', async (name, reason) => {
    const error = await failure(resolveModelFolder(name), 'HUB_NAME_INVALID');
    expect(error.message).toContain(reason);
    expect(error.exitCode).toBe(2);
  });

  it('explains oss:// addresses and unpublished models', async () => {
    expect((await failure(resolveModelFolder('oss://bucket/model'), 'HUB_NAME_INVALID')).hint).toContain(
      'ossutil',
    );
    const error = await failure(resolveModelFolder('pai-dkplm-large-zh'), 'HUB_NAME_UNPUBLISHED');
    expect(error.hint).toContain('alibaba-pai/pai-dkplm-medical-base-zh');
  });

  it.each(['main/../../x', '..', 'a b', '/main', ''])('refuses the revision %j', async (revision) => {
    await failure(resolveModelFolder('bert-base-chinese', { revision }), 'HUB_NAME_INVALID');
  });

  it('tells paths from names', () => {
    for (const path of ['./a', '../a', '/a', '~/a', '.', '..', 'a/', 'C:\\a', 'C:/a', 'a\\b', '.\\a']) {
      expect(isPathLike(path), path).toBe(true);
    }
    for (const name of ['a', 'a/b', 'a.b', 'oss://a/b', '~a']) expect(isPathLike(name), name).toBe(false);
  });
});
