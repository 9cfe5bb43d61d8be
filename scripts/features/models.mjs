// See apps.mjs for the form of the rows.
const encoder = (name, title, note = ['', '']) => [
  `${title}${note[0]}`,
  `${title}${note[1]}`,
  [`modelzoo/${name}/${name}.test.ts`],
];

export const MODELS = {
  title: ['Models (ModelZoo)', '模型（ModelZoo）'],
  rows: [
    [
      'BERT and what has its form (MacBERT, RoBERTa-wwm, PAI-BERT, Mengzi …): hidden states and gradients as in Python',
      'BERT 及同结构模型（MacBERT、RoBERTa-wwm、PAI-BERT、孟子等）：隐藏状态与梯度和 Python 一致',
      ['modelzoo/bert/bert.parity.test.ts', 'modelzoo/bert/bert.test.ts'],
    ],
    encoder('roberta', 'RoBERTa', [' with its byte-level BPE', '（字节级 BPE）']),
    encoder('albert', 'ALBERT'),
    encoder('electra', 'ELECTRA'),
    encoder('ernie', 'ERNIE'),
    encoder('nezha', 'NEZHA'),
    encoder('roformer', 'RoFormer', [': the encoder', '：编码器']),
    encoder('deberta-v2', 'DeBERTa-v2'),
    encoder('megatron-bert', 'Megatron-BERT'),
    encoder('distilbert', 'DistilBERT'),
    encoder('text-cnn', 'TextCNN'),
    [
      'DKPLM, fine-tuned as BERT',
      'DKPLM，按 BERT 微调',
      ['modelzoo/architectures.test.ts > DKPLM is fine-tuned'],
    ],
    [
      'Every encoder trains and predicts as a classifier',
      '每种编码器都能训练并预测分类',
      ['predictor/architectures.test.ts'],
    ],
    [
      'WoBERT and RoFormer: tokenizer of words',
      'WoBERT 与 RoFormer 的词级分词器',
      [
        'text/word-tokenization.parity.test.ts',
        'text/word-tokenizer.test.ts',
        'predictor/word-models.test.ts',
      ],
    ],
    [
      'Folders that EasyNLP (Python) trained: labels and task are taken from them',
      'EasyNLP（Python）训练的文件夹：从中读取标签与任务',
      ['predictor/easynlp-folder.test.ts'],
    ],
    [
      'K-BERT (sentence tree, visible matrix)',
      'K-BERT（句子树、可见矩阵）',
      [
        'knowledge/k-bert/k-bert.parity.test.ts',
        'knowledge/k-bert/sentence-tree.test.ts',
        'knowledge/k-bert/k-bert.test.ts',
        'modelzoo/architectures.test.ts > K-BERT is loaded',
      ],
    ],
    ['Kangaroo', 'Kangaroo', [], 'not begun', '尚未开始'],
    [
      'GPT-2, T5, mT5, BART, Pegasus, Randeng, Bloom, GLM, Blender',
      'GPT-2、T5、mT5、BART、Pegasus、燃灯、Bloom、GLM、Blender',
      [],
      'no generative model is here',
      '没有生成式模型',
    ],
    [
      'CLIP, VQGAN, ARTIST, Stable Diffusion',
      'CLIP、VQGAN、ARTIST、Stable Diffusion',
      [],
      'images are not read',
      '不读取图像',
    ],
    ['TensorFlow checkpoints of BERT', 'BERT 的 TensorFlow 检查点', ['modelzoo/bert/tensorflow.test.ts']],
    [
      'Checkpoints of PyTorch (pickle) and safetensors, damaged ones refused',
      'PyTorch（pickle）与 safetensors 检查点，损坏者拒绝',
      [
        'torch:files/tensor-files.test.ts',
        'torch:files/checkpoint-attacks.test.ts',
        'modelzoo/pretrained.test.ts',
      ],
    ],
    [
      'Names of EasyNLP’s ModelZoo, mapped to the hub',
      'EasyNLP 模型库的名称，对应到仓库名',
      ['modelzoo/hub/model-names.test.ts', 'modelzoo/model-catalogue.test.ts', 'cli/models-command.test.ts'],
    ],
    [
      'Downloads: cached, continued, checked; ModelScope; offline',
      '下载：缓存、续传、校验；ModelScope；离线',
      ['modelzoo/hub/resolve.test.ts', 'modelzoo/hub/faults.test.ts', 'modelzoo/hub/modelscope.test.ts'],
    ],
    [
      'Small Chinese models that come with the toolkit',
      '随工具包提供的小型中文模型',
      ['modelzoo/bundled-models.test.ts', 'modelzoo/hub/bundled-models.test.ts'],
    ],
    [
      'Tokenizers: BERT’s WordPiece equal to `transformers`',
      '分词器：BERT 的 WordPiece 与 `transformers` 一致',
      ['text/tokenizer.test.ts', 'text/tokenization.parity.test.ts > equals that of transformers'],
    ],
    [
      'Tokenizers: SentencePiece models read directly',
      '分词器：直接读取 SentencePiece 模型',
      [],
      'a `tokenizer.json` made by `transformers` is wanted',
      '需要由 `transformers` 生成的 `tokenizer.json`',
    ],
    [
      'Vocabulary and model trained from scratch',
      '从零训练词表与模型',
      ['text/train-wordpiece.test.ts', 'cli/tokenizer-command.test.ts', 'cli/pretraining.test.ts'],
    ],
  ],
};
