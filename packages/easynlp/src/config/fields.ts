import { z } from 'zod';
import { option } from './option.js';

/** Options that several commands share. Each constant is one block of a schema's shape. */

const path = () => z.string().min(1);

export const dataFields = {
  format: option(
    z
      .enum(['auto', 'easynlp', 'tsv', 'csv', 'jsonl', 'parquet', 'conll', 'cluener', 'squad'])
      .default('auto'),
    {
      description:
        'format of the data files; auto = by the file name and content, easynlp = TSV without a header (needs schema)',
      group: 'Data',
    },
  ),
  schema: option(z.string().min(1).optional(), {
    description: 'columns of a TSV file without a header, as name:type:length,… (type str, int or float)',
    group: 'Data',
    value: 'columns',
    easynlp: 'input_schema',
    example: 'label:str:1,text:str:1',
  }),
  skipFirstLine: option(z.boolean().default(false), {
    description: 'skip the first line of a file without a header (needs schema)',
    group: 'Data',
    easynlp: 'skip_first_line',
  }),
  firstSequence: option(z.string().min(1).optional(), {
    description: 'column of the text; unset = the column named text, sentence, sent1 …',
    group: 'Data',
    value: 'column',
    easynlp: 'first_sequence',
  }),
  secondSequence: option(z.string().min(1).optional(), {
    description: 'column of the second text, for pairs',
    group: 'Data',
    value: 'column',
    easynlp: 'second_sequence',
  }),
};

export const labelFields = {
  labelName: option(z.string().min(1).optional(), {
    description: 'column of the label; unset = the column named label',
    group: 'Data',
    value: 'column',
    easynlp: 'label_name',
  }),
  labels: option(z.union([z.array(z.string().min(1)).min(1), path()]).optional(), {
    description:
      'labels in order, comma-separated, or a file with one label per line; unset = found in the training data',
    group: 'Data',
    easynlp: 'label_enumerate_values',
    example: '0,1',
  }),
};

/** `auto` takes the first CUDA device when there is one. */
export const devicePattern = /^(auto|cpu|cuda(:\d+)?)$/;

export const machineFields = {
  device: option(z.string().regex(devicePattern, 'expected auto, cpu, cuda or cuda:N').default('auto'), {
    description: 'cpu, cuda, cuda:N, or auto = CUDA when there is one',
    group: 'Machine',
    value: 'device',
    easynlp: 'worker_gpu',
  }),
  precision: option(z.enum(['fp32', 'bf16', 'fp16']).default('fp32'), {
    description: 'arithmetic of the forward and backward pass; fp16 needs CUDA',
    group: 'Machine',
    easynlp: 'use_amp',
  }),
  numThreads: option(z.int().positive().optional(), {
    description: 'CPU threads of the tensor engine; unset = one per core',
    group: 'Machine',
  }),
};

/** Architecture of a model trained from scratch, or changes to the configuration of `model`. */
export const architectureFields = {
  architecture: option(z.enum(['bert', 'text-cnn']).optional(), {
    description: 'train this architecture from random weights (instead of model)',
    group: 'Model',
    example: 'text-cnn',
  }),
  tokenizer: option(path().optional(), {
    description:
      'tokenizer folder or vocab.txt for a model from scratch; unset = characters of the training data',
    group: 'Model',
    value: 'path',
  }),
  userDictionary: option(path().optional(), {
    description:
      'words for a tokenizer of words (WoBERT, RoFormer) beside those of jieba: a word a line, then frequency and part of speech if wanted; kept with the model',
    group: 'Model',
    value: 'file',
  }),
  vocabSize: option(z.int().positive().optional(), {
    description: 'vocabulary size; with a vocabulary made from the data, its upper limit',
    group: 'Model',
    easynlp: 'vocab_size (user_defined_parameters)',
  }),
  modelSize: option(z.enum(['tiny', 'mini', 'small', 'base']).optional(), {
    description:
      'bert: sizes to start from (tiny 2×128, mini 4×256, small 4×512, base 12×768); unset = tiny; layers, hiddenSize … override them',
    group: 'Model',
  }),
  layers: option(z.int().positive().optional(), { description: 'bert: number of layers', group: 'Model' }),
  hiddenSize: option(z.int().positive().optional(), {
    description: 'bert: width of the hidden states',
    group: 'Model',
    easynlp: 'hidden_size (user_defined_parameters)',
  }),
  heads: option(z.int().positive().optional(), {
    description: 'bert: attention heads; must divide hiddenSize',
    group: 'Model',
  }),
  intermediateSize: option(z.int().positive().optional(), {
    description: 'bert: width of the feed-forward layer; unset = 4 × hiddenSize',
    group: 'Model',
  }),
  initializerRange: option(z.number().positive().optional(), {
    description:
      'bert: standard deviation of random weights; unset = 0.02. A small model trained from scratch on few rows learns better with about 0.1',
    group: 'Model',
  }),
  dropout: option(z.number().min(0).lt(1).optional(), {
    description: 'dropout probability of hidden states and attention',
    group: 'Model',
  }),
  attentionDropout: option(z.number().min(0).lt(1).optional(), {
    description: 'bert: dropout probability of attention alone; unset = dropout',
    group: 'Model',
  }),
  embeddingSize: option(z.int().positive().optional(), {
    description: 'text-cnn: width of the token embeddings',
    group: 'Model',
    easynlp: 'embed_size (user_defined_parameters)',
  }),
  convDim: option(z.int().positive().optional(), {
    description: 'text-cnn: filters per kernel size',
    group: 'Model',
    easynlp: 'conv_dim (user_defined_parameters)',
  }),
  kernelSizes: option(z.array(z.int().positive()).min(1).optional(), {
    description: 'text-cnn: kernel widths',
    group: 'Model',
    easynlp: 'kernel_sizes (user_defined_parameters)',
    example: '1,2,3,4',
  }),
  linearHiddenSize: option(z.int().positive().optional(), {
    description: 'text-cnn: width of the layer before the classifier',
    group: 'Model',
    easynlp: 'linear_hidden_size (user_defined_parameters)',
  }),
};
