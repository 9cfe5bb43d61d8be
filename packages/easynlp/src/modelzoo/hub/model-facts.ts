/*
 * What is known of the models that EasyNLP's model zoo names: architecture (`model_type`), size as their authors state
 * it (layers × hidden size), where they come from, and the licence where their authors' pages or papers name one that
 * we are sure of. `sure` says that the hub id is that of a public repository known to us; the others follow from
 * EasyNLP's list and have not been checked against the hub.
 */

export interface ModelFacts {
  /** `model_type`; architectures that the toolkit lacks among them. */
  readonly architecture: string;
  readonly size: string | null;
  readonly origin: string;
  readonly licence: string | null;
  readonly sure: boolean;
}

const facts = (
  architecture: string,
  size: string | null,
  origin: string,
  licence: string | null = null,
  sure = false,
): ModelFacts => ({ architecture, size, origin, licence, sure });

const GOOGLE = 'Google, Devlin et al. 2019';
const HFL = 'HFL (Harbin Institute of Technology and iFLYTEK)';
const PAI = 'Alibaba PAI';
const META = 'Facebook AI, Liu et al. 2019';
const LANGBOAT = 'Langboat, Zhang et al. 2021';
const IDEA = 'IDEA-CCNL, Fengshenbang';
const WOBERT = 'Zhuiyi Technology, Su 2020; words, cut by jieba';
const ROFORMER = 'Zhuiyi Technology, Su et al. 2021; words, cut by jieba';
const BASE = '12 × 768';
const LARGE = '24 × 1024';

export const MODEL_FACTS: Readonly<Record<string, ModelFacts>> = {
  'bert-tiny-zh': facts('bert', '2 × 128', 'this project, trained from scratch', 'Apache-2.0', true),
  'bert-small-zh': facts('bert', '4 × 312', 'this project, trained from scratch', 'Apache-2.0', true),
  'bert-base-chinese': facts('bert', BASE, GOOGLE, 'Apache-2.0', true),
  'bert-base-uncased': facts('bert', BASE, GOOGLE, 'Apache-2.0', true),
  'bert-large-uncased': facts('bert', LARGE, GOOGLE, 'Apache-2.0', true),
  'bert-base-cased': facts('bert', BASE, GOOGLE, 'Apache-2.0', true),
  'bert-base-multilingual-cased': facts('bert', BASE, GOOGLE, 'Apache-2.0', true),
  'bert-small-uncased': facts('bert', '6 × 768', 'Google, Turc et al. 2019', 'Apache-2.0', true),
  'bert-tiny-uncased': facts('bert', '2 × 128', 'Google, Turc et al. 2019', 'Apache-2.0', true),
  'roberta-base-en': facts('roberta', BASE, META, 'MIT', true),
  'roberta-large-en': facts('roberta', LARGE, META, 'MIT', true),
  'roberta-base': facts('roberta', BASE, META, 'MIT', true),
  'roberta-large': facts('roberta', LARGE, META, 'MIT', true),
  'alibaba-pai/pai-bert-base-zh': facts('bert', BASE, PAI),
  'alibaba-pai/pai-bert-small-zh': facts('bert', '4 × 312', PAI),
  'alibaba-pai/pai-bert-tiny-zh': facts('bert', '2 × 128', PAI),
  'pai-bert-base-zh': facts('bert', BASE, PAI),
  'pai-bert-small-zh': facts('bert', '4 × 312', PAI),
  'pai-bert-tiny-zh': facts('bert', '2 × 128', PAI),
  'alibaba-pai/pai-dkplm-medical-small-zh': facts('dkplm', '4 × 768', PAI),
  'alibaba-pai/pai-dkplm-medical-base-zh': facts('dkplm', BASE, PAI),
  'alibaba-pai/pai-dkplm-financial-base-zh': facts('dkplm', BASE, PAI),
  'pai-dkplm-medical-large-zh': facts('dkplm', null, PAI),
  'pai-dkplm-small-zh': facts('dkplm', null, PAI),
  'pai-dkplm-base-zh': facts('dkplm', null, PAI),
  'pai-dkplm-large-zh': facts('dkplm', null, PAI),
  'pai-dkplm-1.3b-zh': facts('dkplm', '1.3 billion', PAI),
  'pai-dkplm-13b-zh': facts('dkplm', '13 billion', PAI),
  'alibaba-pai/pai-ckbert-base-zh': facts('bert', BASE, PAI),
  'alibaba-pai/pai-ckbert-large-zh': facts('bert', LARGE, PAI),
  'alibaba-pai/pai-ckbert-huge-zh': facts('bert', '1.3 billion', PAI),
  'alibaba-pai/gpt2-chitchat-zh': facts('gpt2', '10 × 768', PAI),
  'alibaba-pai/mt5-title-generation-zh': facts('mt5', BASE, PAI),
  'alibaba-pai/randeng-title-generation-base-zh': facts('pegasus', '24 × 768', PAI),
  'alibaba-pai/randeng-title-generation-large-zh': facts('pegasus', '32 × 1024', PAI),
  'alibaba-pai/randeng-advertise-generation-base-zh': facts('pegasus', '24 × 768', PAI),
  'alibaba-pai/pegasus-summary-generation-en': facts('pegasus', '32 × 1024', PAI),
  'alibaba-pai/textcnn-en': facts('cnn', null, PAI),
  'alibaba-pai/textcnn-zh': facts('cnn', null, PAI),
  'alibaba-pai/geep-bert-base-zh': facts('bert', null, PAI),
  'alibaba-pai/geep-bert-large-zh': facts('bert', null, PAI),
  'geep-base-uncased': facts('bert', BASE, PAI),
  'bert-small-chinese': facts('bert', null, PAI),
  'kbert-base-chinese': facts('kbert', BASE, 'Liu et al. 2020'),
  'pai-kangaroo-base-chinese': facts('kangaroo', BASE, PAI),
  'pai-kangaroo-fin-base-chinese': facts('kangaroo', BASE, PAI),
  'langboat/mengzi-bert-base': facts('bert', BASE, LANGBOAT, 'Apache-2.0', true),
  'langboat/mengzi-bert-base-fin': facts('bert', BASE, LANGBOAT, 'Apache-2.0', true),
  'Langboat/mengzi-bert-base': facts('bert', BASE, LANGBOAT, 'Apache-2.0', true),
  'Langboat/mengzi-bert-base-fin': facts('bert', BASE, LANGBOAT, 'Apache-2.0', true),
  'hfl/chinese-roberta-wwm-ext': facts('bert', BASE, HFL, 'Apache-2.0', true),
  'hfl/chinese-roberta-wwm-ext-large': facts('bert', LARGE, HFL, 'Apache-2.0', true),
  'hfl/chinese-bert-wwm': facts('bert', BASE, HFL, 'Apache-2.0', true),
  'hfl/chinese-bert-wwm-ext': facts('bert', BASE, HFL, 'Apache-2.0', true),
  'hfl/chinese-macbert-base': facts('bert', BASE, HFL, 'Apache-2.0', true),
  'hfl/chinese-macbert-large': facts('bert', LARGE, HFL, 'Apache-2.0', true),
  'hfl/macbert-base-zh': facts('bert', BASE, HFL, 'Apache-2.0', true),
  'hfl/macbert-large-zh': facts('bert', LARGE, HFL, 'Apache-2.0', true),
  'hfl/rbt3': facts('bert', '3 × 768', HFL, 'Apache-2.0', true),
  'hfl/rbt6': facts('bert', '6 × 768', HFL, 'Apache-2.0', true),
  'hfl/randeng-238M-Summary-Chinese': facts('pegasus', '238 million', IDEA),
  'hfl/randeng-523M-Summary-Chinese': facts('pegasus', '523 million', IDEA),
  'hfl/randeng-summary-generation-base-zh': facts('pegasus', '24 × 768', IDEA),
  'hfl/randeng-summary-generation-large-zh': facts('pegasus', '32 × 1024', IDEA),
  'hfl/bart-generation-base-zh': facts('bart', '12 × 768', 'Fudan University'),
  'hfl/bart-generation-large-zh': facts('bart', LARGE, 'Fudan University'),
  'hfl/bloom-350m': facts('bloom', LARGE, 'BigScience'),
  'hfl/brio-summary-generation-large-en': facts('bart', LARGE, 'Yale University'),
  'hfl/brio-large-en': facts('bart', LARGE, 'Yale University'),
  'mg/glm-large-chinese': facts('glm', LARGE, 'Tsinghua University'),
  'mg/glm-generation-large-zh': facts('glm', LARGE, 'Tsinghua University'),
  'mg/glm-generation-10b-zh': facts('glm', '10 billion', 'Tsinghua University'),
  'IDEA-CCNL/Erlangshen-MegatronBert-1.3B': facts('megatron-bert', '1.3 billion', IDEA, null, true),
  'IDEA-CCNL/Erlangshen-Roberta-110M-Sentiment': facts('bert', BASE, IDEA, null, true),
  'blender-dialog-90M-en': facts('blenderbot-small', '90 million', 'Facebook AI', null, true),
  'junnyu/wobert_chinese_base': facts('bert', BASE, WOBERT, null, true),
  'junnyu/wobert_chinese_plus_base': facts('bert', BASE, WOBERT, null, true),
  'junnyu/roformer_chinese_small': facts('roformer', '6 × 384', ROFORMER, null, true),
  'junnyu/roformer_chinese_base': facts('roformer', BASE, ROFORMER, null, true),
  'junnyu/roformer_chinese_char_base': facts(
    'roformer',
    BASE,
    'Zhuiyi Technology, Su et al. 2021',
    null,
    true,
  ),
};
