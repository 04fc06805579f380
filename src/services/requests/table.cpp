#include "services/requests/table.hpp"

namespace p2p::requests {
namespace {

std::size_t words_of(const RequestState& state) { return state.request.prompt.size() + state.request.negative_prompt.size(); }

}  // namespace

const RequestState& Table::add(RequestState state) {
  const auto [item, fresh] = states_.try_emplace(state.request.id, std::move(state));
  RequestState& added = item->second;
  if (!fresh) return added;
  added.cancelling = cancelled_early_.has(added.request.id);
  ++days_[{std::chrono::floor<std::chrono::days>(added.request.time), added.owner}];
  if (!added.digest.empty()) by_body_[{added.owner, added.digest}] = added.request.id;
  count(added, 1);
  return added;
}

const RequestState* Table::find(const std::string& id) const {
  const auto found = states_.find(id);
  return found == states_.end() ? nullptr : &found->second;
}

const RequestState* Table::find(const std::string& owner, const std::string& id) const {
  const RequestState* const state = find(id);
  return state && state->owner == owner ? state : nullptr;
}

const RequestState* Table::with_body(const std::string& owner, const std::string& digest) const {
  const auto found = by_body_.find({owner, digest});
  return found == by_body_.end() ? nullptr : find(found->second);
}

Change Table::apply(const messages::Event& event) {
  RequestState& state = states_.at(event.id);
  if (state.over()) return Change::none;
  count(state, -1);
  const Change change = requests::apply(state, event);
  if (state.over()) ended_.add(state.owner, state.request.id, state.request.time);
  count(state, 1);
  return change;
}

const RequestState* Table::cancel(const std::string& id) {
  const auto found = states_.find(id);
  if (found == states_.end()) {
    cancelled_early_.add(id);
    return nullptr;
  }
  RequestState& state = found->second;
  if (state.over() || state.cancelling) return nullptr;
  state.cancelling = true;
  ++state.version;
  return &state;
}

void Table::forget_old(Time now) {
  for (const std::string& id : ended_.take_surplus(now)) {
    const auto old = states_.find(id);
    const auto body = by_body_.find({old->second.owner, old->second.digest});
    if (body != by_body_.end() && body->second == id) by_body_.erase(body);
    states_.erase(old);
  }
  std::erase_if(days_, [&](const auto& item) { return item.first.first < std::chrono::floor<std::chrono::days>(now); });
}

std::optional<std::string> Table::current_of(const std::string& owner) const {
  const RequestState* current = nullptr;
  const auto rank = [](const RequestState& state) { return std::pair(state.status == RequestState::Status::queued, state.request.time); };
  for (const auto& [id, state] : states_) {
    if (state.owner == owner && !state.over() && (!current || rank(state) < rank(*current))) current = &state;
  }
  return current ? std::optional(current->request.id) : std::nullopt;
}

Table::Usage Table::usage_of(const std::string& owner) const {
  const auto found = usage_.find(owner);
  return found == usage_.end() ? Usage{} : found->second;
}

int Table::count_of_day(const std::string& owner, Time time) const {
  const auto found = days_.find({std::chrono::floor<std::chrono::days>(time), owner});
  return found == days_.end() ? 0 : found->second;
}

void Table::count(const RequestState& state, int sign) {
  Usage& usage = usage_[state.owner];
  if (state.status == RequestState::Status::queued) usage.waiting += sign;
  if (!state.over()) unfinished_ += sign;
  const std::size_t words = words_of(state);  // none once it is over
  sign > 0 ? usage.words += words : usage.words -= words;
  sign > 0 ? all_words_ += words : all_words_ -= words;
  if (usage.waiting == 0 && usage.words == 0) usage_.erase(state.owner);
}

}  // namespace p2p::requests
