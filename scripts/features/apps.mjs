// Rows of docs/features.md: [English, Chinese, tests that prove it, and what is missing in English and Chinese].
// No tests: not yet. Tests and something missing: partly. A test is a file below packages/easynlp/src (below
// packages/torch/src with "torch:"), alone or with " > " and words of the title of a test in it.

export const APPS = {
  title: ['Applications (AppZoo)', '应用（AppZoo）'],
  rows: [
    [
      '`text_classify`: single label, one text or two',
      '`text_classify`：单标签，单句或句对',
      ['appzoo/text-classify/text-classify.test.ts', 'cli/e2e.test.ts > bert_classify'],
    ],
    [
      '`text_classify` with TextCNN',
      '`text_classify` 使用 TextCNN',
      [
        'appzoo/text-classify/text-classify.test.ts > are trained, evaluated and predicted with',
        'modelzoo/text-cnn/text-cnn.test.ts',
      ],
    ],
    [
      'Metrics of classification as scikit-learn gives them (accuracy, F1, AUC, MCC, report)',
      '分类指标与 scikit-learn 一致（准确率、F1、AUC、MCC、报告）',
      ['appzoo/metrics/metrics.parity.test.ts', 'appzoo/metrics/metrics.test.ts'],
    ],
    [
      'Multi-label classification, with label sets as predictions and true micro F1',
      '多标签分类：预测标签集合，真正的 micro F1',
      [
        'appzoo/text-classify-multi-label/multi-label.test.ts',
        'appzoo/metrics/multi-label.test.ts',
        'cli/e2e-multi-label.test.ts',
      ],
    ],
    [
      '`text_match` one tower',
      '`text_match` 单塔',
      ['appzoo/text-match/one-tower.test.ts', 'cli/e2e-text-match.test.ts > one tower'],
    ],
    [
      '`text_match` regression with Pearson and Spearman',
      '`text_match` 回归（Pearson、Spearman）',
      ['appzoo/text-match/regression.test.ts', 'appzoo/metrics/matching.test.ts'],
    ],
    [
      '`text_match` two tower, with losses that use the labels',
      '`text_match` 双塔，损失使用标签',
      [
        'appzoo/text-match/two-tower.test.ts',
        'appzoo/text-match/losses.test.ts',
        'cli/e2e-text-match.test.ts > margin and loss are used',
      ],
    ],
    [
      'Siamese pairs from class labels',
      '由类别标签构造孪生句对',
      [
        'cli/e2e-text-match.test.ts > siamese reads single texts',
        'appzoo/text-match/two-tower.test.ts > are the same every time',
      ],
    ],
    [
      'Search among vectors (exact index)',
      '向量检索（精确索引）',
      ['appzoo/text-match/exact-index.test.ts', 'cli/e2e-text-match.test.ts > search a file'],
    ],
    [
      'Multiple choice (CHID and C3 of CLUE; EasyNLP has no such task): a softmax over the choices of a question',
      '多项选择（CLUE 的 CHID、C3；EasyNLP 没有此任务）：在一题的选项之间做 softmax',
      [
        'appzoo/multiple-choice/multiple-choice.parity.test.ts',
        'appzoo/multiple-choice/multiple-choice.test.ts',
        'appzoo/multiple-choice/encoders.test.ts',
        'cli/e2e-multiple-choice.test.ts',
      ],
    ],
    [
      '`sequence_labeling`: space-separated, CoNLL and CLUENER data; BIO, BIOES, BMES; softmax or CRF',
      '`sequence_labeling`：空格分隔、CoNLL、CLUENER 数据；BIO、BIOES、BMES；softmax 或 CRF',
      [
        'appzoo/sequence-labeling/sequence-labeling.test.ts',
        'appzoo/sequence-labeling/schemes.test.ts',
        'appzoo/sequence-labeling/crf.test.ts',
        'cli/e2e-sequence-labeling.test.ts',
      ],
    ],
    [
      'Figures of entities as seqeval gives them, default and strict',
      '实体指标与 seqeval 一致（默认与严格模式）',
      [
        "appzoo/sequence-labeling/schemes.test.ts > are those of seqeval's documentation",
        'appzoo/sequence-labeling/schemes.test.ts',
      ],
    ],
    [
      'Entities with places in the original text',
      '实体带有原文位置',
      ['appzoo/sequence-labeling/sequence-labeling.test.ts > gives places in the original text'],
    ],
    [
      '`vectorization`: pooler, first token, all tokens; and means, normalised',
      '`vectorization`：池化层、首词元、全部词元；以及均值、归一化',
      ['appzoo/vectorization/vectorization.test.ts', 'cli/e2e-reading.test.ts > prints vectors'],
    ],
    [
      '`language_modeling`: masked language model with whole words of jieba',
      '`language_modeling`：以 jieba 分词做全词掩码',
      [
        'appzoo/language-modeling/masking.test.ts',
        'appzoo/language-modeling/language-modeling.test.ts',
        'datahub/corpus/token-cache.test.ts > marks the words of jieba',
      ],
    ],
    ['Filling in masks', '掩码填空', ['cli/fill-mask.test.ts']],
    [
      '`machine_reading_comprehension` with EM and F1, as the scripts of CMRC 2018 and SQuAD have them',
      '`machine_reading_comprehension`，EM 与 F1 同 CMRC 2018 与 SQuAD 的脚本',
      [
        'appzoo/machine-reading-comprehension/reading.test.ts',
        'appzoo/machine-reading-comprehension/scores.test.ts',
        'appzoo/machine-reading-comprehension/windows.test.ts',
        'cli/e2e-reading.test.ts',
      ],
    ],
    [
      '`information_extraction` (K-Global-Pointer): entities',
      '`information_extraction`（K-Global-Pointer）：实体',
      [
        'appzoo/information-extraction/extraction.test.ts > are learned, and evaluated strictly',
        'appzoo/information-extraction/pointer.test.ts',
      ],
    ],
    [
      '`information_extraction`: events in two steps; no row is lost',
      '`information_extraction`：事件两步抽取；不丢任何一行',
      [
        'appzoo/information-extraction/extraction.test.ts > are found in two steps',
        'appzoo/information-extraction/extraction.test.ts > no row is lost',
        'appzoo/information-extraction/scheme.test.ts',
        'cli/e2e-extraction.test.ts',
      ],
    ],
    [
      '`geep_classify`: early exit, decided for each text of a batch',
      '`geep_classify`：早退，批内逐条决定',
      [
        'appzoo/geep-classify/geep.test.ts',
        'cli/e2e-solutions.test.ts > accuracy and speed at several thresholds',
      ],
    ],
    [
      '`data_augmentation` by a masked language model',
      '`data_augmentation`：用掩码语言模型扩增',
      [
        'appzoo/data-augmentation/data-augmentation.test.ts',
        'cli/e2e-distillation.test.ts > data_augmentation writes rows',
      ],
    ],
    [
      'Tagging solution: tags, keywords, entity words, user dictionary',
      '标签方案：标签、关键词、实体词、用户词典',
      ['appzoo/tagging/tagging.test.ts', 'cli/e2e-solutions.test.ts > tags, with keywords'],
    ],
    [
      'Risk control: thresholds for a precision, dictionary that forces and forbids',
      '风控：按精确率定阈值，强制与禁止词典',
      [
        'appzoo/tagging/tagging.test.ts > are the lowest that reach the floor',
        'cli/e2e-solutions.test.ts > chooses thresholds for a precision',
      ],
    ],
    [
      'Long texts in windows (`text_classify`)',
      '长文本分窗（`text_classify`）',
      [
        'appzoo/text-classify/long-text.test.ts',
        'cli/e2e-solutions.test.ts > long texts are read in windows',
      ],
    ],
    [
      'Pipelines: one text, many, streams; a batch gives what singles give',
      'pipeline：单条、多条、流；批量与单条结果相同',
      [
        'predictor/pipeline.test.ts',
        'predictor/every-pipeline/table.test.ts',
        'predictor/every-pipeline/classification.test.ts',
        'predictor/every-pipeline/matching.test.ts',
        'predictor/every-pipeline/spans.test.ts',
        'predictor/every-pipeline/language-models.test.ts',
        'predictor/every-pipeline/methods.test.ts',
        'predictor/every-pipeline/solutions.test.ts',
      ],
    ],
    [
      'Pipelines with a default model for each task',
      '每个任务带默认模型的 pipeline',
      [],
      'a pipeline wants a trained model; none is published for the tasks yet',
      'pipeline 需要给出训练好的模型；尚未发布各任务的默认模型',
    ],
    [
      '`sequence_generation` (mT5, BART, Pegasus, GPT-2 …; ROUGE)',
      '`sequence_generation`（mT5、BART、Pegasus、GPT-2 等；ROUGE）',
      [],
      'not begun',
      '尚未开始',
    ],
    ['`open_domain_dialogue`', '`open_domain_dialogue`', [], 'not begun', '尚未开始'],
    [
      '`clip`, `wukong_clip`, `clip4clip`',
      '`clip`、`wukong_clip`、`clip4clip`',
      [],
      'images and video are not read',
      '不读取图像与视频',
    ],
    [
      '`text2image_generation`, `image2text_generation`, `video2text_generation`, `latent_diffusion`',
      '`text2image_generation`、`image2text_generation`、`video2text_generation`、`latent_diffusion`',
      [],
      'images and video are not read',
      '不读取图像与视频',
    ],
  ],
};
