/** Words that say nothing about what a Chinese text is about; a file of one's own can be added. */
export const STOP_WORDS: ReadonlySet<string> = new Set(
  `的 了 和 是 在 我 有 不 就 人 都 一 一个 上 也 很 到 说 要 去 你 会 着 没有 看 好 自己 这 那 他 她 它 们 我们 你们 他们
  她们 它们 大家 这个 那个 这些 那些 这样 那样 这里 那里 什么 怎么 怎样 如何 为什么 哪 哪个 哪些 谁 多少 几 因为 所以 但是 但
  可是 不过 然而 而 而且 并 并且 或 或者 如果 虽然 即使 只要 只有 无论 不管 由于 于是 以及 以 及 与 跟 同 对 对于 关于 把 被
  让 使 给 向 从 自 由 为 为了 按照 根据 通过 随着 除了 之 其 其中 此 该 各 每 某 另 另外 其他 其它 还 还是 还有 又 再 才
  只 仅 仅仅 更 最 太 非常 十分 比较 已经 正在 曾经 将 将要 可以 可能 能 能够 应该 应当 必须 需要 想 觉得 认为 表示 进行
  成为 做 来 过 得 地 吗 吧 呢 啊 呀 哦 嗯 等 等等 时 时候 现在 今天 昨天 明天 年 月 日 号 个 些 点 次 种 里 中 内 外 前 后
  下 间 之间 以后 以前 之后 之前 同时 目前 近日 方面 问题 情况 有些 有的 许多 很多 一些 一下 一样 一种 一直 没 别 not
  the a an of to in on and or is are was were be been it this that for with as at by from i you he she we they`.split(
    /\s+/,
  ),
);
