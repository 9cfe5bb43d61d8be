import { cat, nn, noGrad, type Tensor, tidy } from '@easynlp/torch';
import { EasyNlpError } from '../../errors/index.js';
import type {
  ClassifierLogits,
  ClassifierOutput,
  EncoderInputs,
  EncoderOptions,
  SequenceClassifier,
} from '../interfaces.js';
import { numLabels } from '../model-config.js';
import type { TextCnnConfig } from './config.js';

const { Conv1d, Dropout, Embedding, Linear, Module } = nn;

/** Below every score, so that a hidden position never wins the maximum; fits float16. */
const HIDDEN = -3e4;

/**
 * TextCNN, Kim 2014 (arXiv 1408.5882): embeddings, one convolution per kernel size, maximum over time.
 *
 * A window starts at every token and sees zeros beyond the end, so texts shorter than a kernel need no special case
 * and padding can change nothing.
 */
export class TextCnnForSequenceClassification extends Module implements SequenceClassifier {
  readonly config: TextCnnConfig;
  readonly embedding: nn.Embedding;
  readonly convs: nn.Conv1d[];
  readonly linear: nn.Linear | null;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: TextCnnConfig, factory: nn.FactoryOptions = {}) {
    super();
    const { embed_size: width, conv_dim: channels, hidden_size: hidden } = config;
    this.config = config;
    this.embedding = new Embedding(config.vocab_size, width, { ...factory, paddingIdx: config.pad_token_id });
    this.convs = config.kernel_sizes.map((size) => new Conv1d(width, channels, size, factory));
    const pooled = channels * config.kernel_sizes.length;
    this.linear = hidden ? new Linear(pooled, hidden, factory) : null;
    this.dropout = new Dropout(config.hidden_dropout_prob);
    this.classifier = new Linear(hidden ?? pooled, numLabels(config), factory);
    if (factory.device !== 'meta') initTextCnnWeights(this, config);
  }

  /** Logits [B, C]. `tokenTypeIds` mean nothing here; every row needs at least one token. */
  forward(inputs: EncoderInputs): ClassifierLogits;
  forward(inputs: EncoderInputs, options: EncoderOptions): ClassifierOutput;
  forward({ inputIds, inputsEmbeds, attentionMask }: EncoderInputs): ClassifierOutput {
    if (!inputIds === !inputsEmbeds) {
      throw new EasyNlpError('MODEL_INPUT_INVALID', {
        model: 'TextCNN',
        reason: 'give either inputIds or inputsEmbeds',
        hint: '',
      });
    }
    return tidy(() => {
      const features = this.pool(inputsEmbeds ?? this.embedding.forward(inputIds!), attentionMask ?? null);
      const hidden = this.linear ? this.linear.forward(features).relu() : features;
      return { logits: this.classifier.forward(this.dropout.forward(hidden)) };
    });
  }

  /** [B, T, E] → [B, kernels · channels] */
  private pool(words: Tensor, attentionMask: Tensor | null): Tensor {
    return tidy(() => {
      const length = words.size(1);
      const mask = attentionMask?.to({ dtype: words.dtype }) ?? null;
      const shown = mask ? words.mul(mask.unsqueeze(-1)) : words;
      const widest = Math.max(...this.config.kernel_sizes);
      const x = shown.transpose(1, 2).constantPadNd([0, widest - 1]); // [B, T, E] → [B, E, T + widest − 1]
      const hide = mask?.sub(1).mul(-HIDDEN).unsqueeze(1) ?? null; // [B, T] → [B, 1, T]
      const pooled = this.convs.map((conv) =>
        tidy(() => {
          const scores = conv.forward(x).narrow(2, 0, length); // [B, channels, T]
          const [best] = (hide ? scores.add(hide) : scores).maxDim(-1); // [B, channels]
          // ReLU and maximum commute; this way round it costs a T-th, and ties at 0 cannot lose the gradient.
          return best.relu();
        }),
      );
      return cat(pooled, { dim: -1 });
    });
  }
}

/** Embeddings N(0, initializer_range), the padding row 0; the other layers as PyTorch starts them. */
export function initTextCnnWeights(
  root: nn.Module,
  config: { readonly initializer_range: number },
  only: (parameter: nn.Parameter) => boolean = () => true,
): void {
  for (const [, module] of root.namedModules()) {
    if (module instanceof Embedding) {
      if (!only(module.weight)) continue;
      nn.init.normal_(module.weight, 0, config.initializer_range);
      const padding = module.paddingIdx;
      if (padding === null) continue;
      noGrad(() =>
        tidy(() => {
          module.weight.select(0, padding).zero_();
        }),
      );
    } else if (module instanceof Linear || module instanceof Conv1d) {
      if (only(module.weight)) nn.init.kaimingUniform_(module.weight, { a: Math.sqrt(5) });
      const bound = 1 / Math.sqrt(nn.init.fans(module.weight).fanIn);
      if (module.bias && only(module.bias)) nn.init.uniform_(module.bias, -bound, bound);
    }
  }
}
