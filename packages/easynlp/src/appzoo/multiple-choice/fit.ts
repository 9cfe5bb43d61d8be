/** Tokens of a choice with its question and text, before they are cut. */
export interface ChoiceTokens {
  readonly text: Int32Array;
  /** Tokens of the text that must be kept: those of the filled gap; from 0 to 0 where there is none. */
  readonly kept: readonly [first: number, end: number];
  readonly question: Int32Array | null;
  readonly choice: Int32Array;
}

/**
 * Cuts what is too long. The choice stays whole, since choices may differ in their last tokens only; the longer one of
 * text and question gives first. A text keeps its beginning, or else what is around its gap; a question its end.
 *
 * @param room tokens of all three together
 */
export function fit({ text, kept, question, choice }: ChoiceTokens, room: number): ChoiceTokens {
  const own = Math.min(choice.length, room);
  const rest = room - own;
  const asked = question?.length ?? 0;
  // The longer of the two is cut until they are alike.
  const questionRoom = Math.min(asked, Math.max(Math.ceil(rest / 2), rest - text.length));
  const window = around(text.length, kept, rest - questionRoom);
  return {
    text: text.subarray(window[0], window[1]),
    kept: [Math.max(0, kept[0] - window[0]), Math.min(window[1], kept[1]) - window[0]],
    question: question?.subarray(asked - questionRoom) ?? null,
    choice: choice.subarray(0, own),
  };
}

/** `room` of `length` tokens, with as much on both sides of those kept as there is. */
function around(length: number, [first, end]: readonly [number, number], room: number) {
  if (length <= room) return [0, length] as const;
  const middle = Math.floor((first + end - room) / 2);
  const from = end === 0 ? 0 : Math.min(Math.max(0, Math.min(middle, first)), length - room);
  return [from, from + room] as const;
}
