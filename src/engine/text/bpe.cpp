#include "engine/text/bpe.hpp"

#include <algorithm>
#include <queue>
#include <tuple>

#include "base/error.hpp"

namespace p2p::engine {
namespace {

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

constexpr std::int32_t kNone = -1;

struct Symbol {
  std::int32_t id, previous, next;
  bool merged_away = false;
};

struct Candidate {
  std::int32_t rank, position, merged;
  bool operator>(const Candidate& other) const { return std::tie(rank, position) > std::tie(other.rank, other.position); }
};

}  // namespace

Bpe::Bpe(const Symbols& inner, const Symbols& last, const std::vector<Merge>& merges, std::optional<std::int32_t> unknown)
    : inner_(inner), last_(last), unknown_(unknown) {
  rules_.reserve(merges.size());
  for (const Merge& merge : merges) {
    rules_.push_back({pair_key(merge.left, merge.right), static_cast<std::int32_t>(rules_.size()), merge.merged});
  }
  std::ranges::sort(rules_, {}, &Rule::pair);
}

const Bpe::Rule* Bpe::find(std::int32_t left, std::int32_t right) const {
  const std::uint64_t key = pair_key(left, right);
  const auto found = std::ranges::lower_bound(rules_, key, {}, &Rule::pair);
  return found != rules_.end() && found->pair == key ? &*found : nullptr;
}

void Bpe::encode(std::string_view word, std::vector<std::int64_t>& ids) const {
  const auto size = static_cast<std::int32_t>(word.size());
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  for (std::int32_t i = 0; i < size; ++i) {
    const auto byte = static_cast<std::uint8_t>(word[static_cast<std::size_t>(i)]);
    const auto& known = (i + 1 == size ? last_ : inner_)[byte];
    if (!known && !unknown_) {
      throw ModelError("tokenizer: the vocabulary has neither a token for " + byte_symbol(byte) + (i + 1 == size ? "</w>" : "") +
                       " nor the unk_token");
    }
    symbols.push_back({known ? *known : *unknown_, i - 1, i + 1 == size ? kNone : i + 1});
  }
  const auto at = [&symbols](std::int32_t position) -> Symbol& { return symbols[static_cast<std::size_t>(position)]; };

  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](std::int32_t position) {
    if (position == kNone || at(position).next == kNone) return;
    if (const Rule* rule = find(at(position).id, at(at(position).next).id)) queue.push({rule->rank, position, rule->merged});
  };
  for (std::int32_t i = 0; i < size; ++i) offer(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = at(best.position);
    if (left.merged_away || left.next == kNone) continue;
    Symbol& right = at(left.next);
    const Rule* rule = find(left.id, right.id);
    if (rule == nullptr || rule->merged != best.merged) continue;  // another merge came first
    left.id = best.merged;
    left.next = right.next;
    right.merged_away = true;
    if (left.next != kNone) at(left.next).previous = best.position;
    offer(left.previous);
    offer(best.position);
  }
  for (const Symbol& symbol : symbols) {
    if (!symbol.merged_away) ids.push_back(symbol.id);
  }
}

std::string byte_symbol(std::uint8_t byte) {
  // Printable Latin-1 stands for itself; the other bytes, in order, are written from U+0100 on.
  const auto printable = [](unsigned b) { return (b > 0x20 && b < 0x7F) || (b > 0xA0 && b != 0xAD); };
  unsigned code = byte;
  if (!printable(byte)) {
    code = 0x100;
    for (unsigned b = 0; b < byte; ++b) code += printable(b) ? 0u : 1u;
  }
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

}  // namespace p2p::engine
