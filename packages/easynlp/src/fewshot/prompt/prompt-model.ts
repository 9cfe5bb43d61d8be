import { nn, type Tensor, tidy } from '@easynlp/torch';
import type { AppModel, ModelInputs, ModelOutputs } from '../../appzoo/app.js';
import type { MaskedLanguageModel, ModelConfig } from '../../modelzoo/index.js';

/**
 * A masked language model that reads prompts. Its weights keep their names, so that what is stored is the language
 * model, for Python's transformers too; what a subclass adds (fields that are modules) stands beside them.
 */
export abstract class PromptModel extends nn.Module implements AppModel {
  readonly config: ModelConfig;
  /** The class that stored configurations name. */
  readonly architecture: string;
  readonly backbone: MaskedLanguageModel;

  constructor(backbone: MaskedLanguageModel) {
    super();
    this.config = backbone.config;
    this.architecture = backbone.constructor.name;
    this.backbone = backbone;
  }

  override *namedModules(prefix = ''): Generator<[string, nn.Module]> {
    yield [prefix, this];
    for (const [name, child] of this.namedChildren()) {
      yield* child.namedModules(child === this.backbone ? prefix : prefix ? `${prefix}.${name}` : name);
    }
  }

  abstract forward(inputs: ModelInputs): ModelOutputs;

  /** What the backbone reads instead of the batch as it is, such as vectors for pseudo tokens. */
  protected backboneInputs({ inputIds, attentionMask, tokenTypeIds }: ModelInputs): ModelInputs {
    return {
      inputIds: inputIds!,
      ...(attentionMask ? { attentionMask } : {}),
      ...(tokenTypeIds ? { tokenTypeIds } : {}),
    };
  }

  /** What the language model expects at each [MASK]: [B, M, V], not normalised. */
  maskLogits(inputs: ModelInputs): Tensor {
    return tidy(() => {
      const { inputIds, maskRows, maskColumns } = inputs;
      const positions = maskRows!.mul(inputIds!.size(1)).add(maskColumns!).reshape([-1]);
      const logits = this.tokenLogits(inputs, positions);
      return logits.reshape([...maskRows!.shape, logits.size(-1)]);
    });
  }

  /** What it expects at flat `positions` (sequence × T + position), int64 [N]: [N, V]. */
  tokenLogits(inputs: ModelInputs, positions: Tensor): Tensor {
    return tidy(() => this.backbone.forward(this.backboneInputs(inputs), { positions }).logits);
  }
}

/**
 * Log-probability of each label's words, [B, C].
 *
 * A word of n tokens has s(w | x) = Σ_{i=1…n} log p(t_i | x), the tokens at the first n positions of its block found at
 * once (Schick & Schütze 2021b, arXiv 2009.07118, eq. 5); a label with several words has their mean, as in the authors'
 * implementation. For words of one token, softmax over the labels of this is PET's q_p(l | x) (2021a, §3.1): logits and
 * log-probabilities differ by the same number for all labels.
 *
 * @param maskLogits [B, M, V]
 */
export function labelScores(maskLogits: Tensor, inputs: ModelInputs): Tensor {
  return tidy(() => {
    const { wordSlots, wordTokens, wordWeights } = inputs;
    const vocabulary = maskLogits.size(-1);
    const logProbabilities = maskLogits.to({ dtype: 'float32' }).logSoftmax(-1);
    const index = wordSlots!.mul(vocabulary).add(wordTokens!); // [J]
    const found = logProbabilities.reshape([maskLogits.size(0), -1]).indexSelect(1, index); // [B, J]
    // Not as a matrix product: autocast would round log-probabilities to 8 bits.
    return found
      .unsqueeze(-1)
      .mul(wordWeights!)
      .sum({ dim: [1] }); // [B, C]
  });
}
