import { nn, type Tensor, tidy } from '@easynlp/torch';
import { meanPool } from './losses.js';

const { Dropout, Embedding, Linear, Module } = nn;

export interface DomainBranchSizes {
  readonly hiddenSize: number;
  readonly domains: number;
  readonly dropout: number;
  readonly initializerRange: number;
}

/**
 * What a model says about the domain of a text (Pan et al. 2021, §3.2):
 *
 *   h_d(x) = tanh(W·(c + E_D[d]) + b),  c = mean of the last hidden states
 *
 * and logits of the domains from it. The classifier learns corrupted domain labels, so that h_d carries what the
 * domains share; h_d itself is what the student imitates.
 */
export class DomainBranch extends Module {
  /** E_D */
  readonly embeddings: nn.Embedding;
  readonly dense: nn.Linear;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor({ hiddenSize, domains, dropout, initializerRange }: DomainBranchSizes) {
    super();
    this.embeddings = new Embedding(domains, hiddenSize);
    this.dense = new Linear(hiddenSize, hiddenSize);
    this.dropout = new Dropout(dropout);
    this.classifier = new Linear(hiddenSize, domains);
    nn.init.normal_(this.embeddings.weight, 0, initializerRange);
    for (const linear of [this.dense, this.classifier]) {
      nn.init.normal_(linear.weight, 0, initializerRange);
      nn.init.zeros_(linear.bias!);
    }
  }

  /** h_d: [B, T, H], domains int64 [B] → [B, H]. */
  representation(hidden: Tensor, attentionMask: Tensor | null | undefined, domains: Tensor): Tensor {
    return tidy(() =>
      this.dense.forward(meanPool(hidden, attentionMask).add(this.embeddings.forward(domains))).tanh(),
    );
  }

  /** Logits of the domains [B, K] from h_d. */
  forward(representation: Tensor): Tensor {
    return tidy(() => this.classifier.forward(this.dropout.forward(representation)));
  }
}
