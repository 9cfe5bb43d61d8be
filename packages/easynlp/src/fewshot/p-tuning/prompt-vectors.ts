import { amp, empty, keep, lstm, nn, noGrad, type Tensor, tidy, zeros } from '@easynlp/torch';

/** How trainable tokens get their vectors: through the paper's LSTM and MLP, or each its own. */
export type PromptEncoding = 'lstm' | 'embedding';

const LAYERS = 2;

/** Two layers, both directions, H/2 each: [P, H] → [P, H]. */
class BiLstm extends nn.Module {
  /** Input-hidden and hidden-hidden weights and biases of each layer and direction, in PyTorch's order and names. */
  readonly weights: readonly nn.Parameter[];
  private readonly half: number;

  constructor(width: number) {
    super();
    this.half = width / 2;
    const bound = 1 / Math.sqrt(this.half);
    const gates = 4 * this.half;
    const weights: nn.Parameter[] = [];
    const fields = this as unknown as Record<string, nn.Parameter>;
    for (let layer = 0; layer < LAYERS; layer++) {
      for (const direction of ['', '_reverse']) {
        const shapes = {
          weight_ih: [gates, width],
          weight_hh: [gates, this.half],
          bias_ih: [gates],
          bias_hh: [gates],
        };
        for (const [name, shape] of Object.entries(shapes)) {
          const weight = tidy(() => new nn.Parameter(nn.init.uniform_(empty(shape), -bound, bound)));
          fields[`${name}_l${layer}${direction}`] = weight;
          weights.push(weight);
        }
      }
    }
    this.weights = weights;
  }

  forward(x: Tensor): Tensor {
    return tidy(() => {
      const state = zeros([2 * LAYERS, 1, this.half], { device: x.device, dtype: x.dtype });
      const [output] = lstm(x.unsqueeze(0), [state, state], this.weights, {
        hasBiases: true,
        numLayers: LAYERS,
        dropout: 0,
        train: this.training,
        bidirectional: true,
        batchFirst: true,
      });
      return output.squeeze(0);
    });
  }
}

class TwoLayers extends nn.Module {
  readonly first: nn.Linear;
  readonly second: nn.Linear;

  constructor(width: number) {
    super();
    this.first = new nn.Linear(width, width);
    this.second = new nn.Linear(width, width);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => this.second.forward(this.first.forward(x).relu()));
  }
}

/**
 * Vectors of the trainable tokens, Liu et al. 2021, "GPT Understands, Too", arXiv 2103.10385, §3.2, eq. (6):
 * h_i = MLP([LSTM(h_0…i) : LSTM(h_i…m)]), so that they depend on one another; or, as in EasyNLP, h_i itself.
 */
export class PromptVectors extends nn.Module {
  /** [P, H] */
  readonly embeddings: nn.Parameter;
  readonly lstm: BiLstm | null;
  readonly mlp: TwoLayers | null;

  /** @param std standard deviation of the first values; with the LSTM they begin at N(0, 1), as in the authors' code */
  constructor(tokens: number, width: number, encoding: PromptEncoding, std: number) {
    super();
    const deviation = encoding === 'lstm' ? 1 : std;
    this.embeddings = tidy(() => new nn.Parameter(nn.init.normal_(empty([tokens, width]), 0, deviation)));
    this.lstm = encoding === 'lstm' ? new BiLstm(width) : null;
    this.mlp = encoding === 'lstm' ? new TwoLayers(width) : null;
    // What prediction reads: computed once after training, without the network.
    this.registerBuffer('vectors', keep(zeros([tokens, width])));
  }

  /** [P, H] */
  forward(): Tensor {
    if (this.lstm === null || this.mlp === null) return this.embeddings.mul(1);
    return tidy(() => {
      // A handful of tokens: full precision costs nothing, and the recurrent kernels want it.
      const device = this.embeddings.device;
      const states = amp.autocast({ device, enabled: false }, () => this.lstm!.forward(this.embeddings));
      return this.mlp!.forward(states);
    });
  }

  /** The vectors as they were when `refresh` was called. */
  get stored(): Tensor {
    return this.buffer('vectors');
  }

  refresh(): void {
    noGrad(() => tidy(() => void this.stored.copy_(this.forward())));
  }
}
