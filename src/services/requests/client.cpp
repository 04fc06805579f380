#include "services/requests/client.hpp"

#include <charconv>

#include "base/random_id.hpp"
#include "services/requests/follower.hpp"
#include "services/requests/submitter.hpp"

namespace p2p::requests {

bool is_fresh(const std::string& id) {
  constexpr std::chrono::seconds kFresh{10};
  std::int64_t millis = 0;
  if (!is_id(id)) return false;
  const std::string digits = id.substr(0, 8) + id.substr(9, 4);  // a UUID of version 7 begins with its timestamp
  std::from_chars(digits.data(), digits.data() + digits.size(), millis, 16);
  return std::chrono::abs(now() - from_millis(millis)) < kFresh;
}

struct Client::Impl {
  Impl(bus::Bus& bus, Metrics& metrics, const ClientConfig& settings)
      : config(settings),
        known({.all = config.most_ended, .per_owner = config.most_ended_per_owner, .age = config.remember}),
        follower(bus, metrics, config, known),
        submitter(bus, metrics, config, known, follower) {}

  const ClientConfig config;
  KnownRequests known;
  Follower follower;
  Submitter submitter;
};

Client::Client(bus::Bus& bus, Metrics& metrics, const ClientConfig& config) : impl_(std::make_unique<Impl>(bus, metrics, config)) {}
Client::~Client() = default;

void Client::observe(Observer& observer) { impl_->known.observe(observer); }
void Client::run(const std::stop_token& stop) {
  impl_->follower.run(stop);
  impl_->submitter.flush(std::chrono::seconds(8));
}
std::string Client::problem() const { return impl_->follower.problem(); }
bool Client::stopping() const { return impl_->follower.stopping(); }
std::optional<std::map<bus::TopicPartition, std::int64_t>> Client::followed() const {
  const auto lock = impl_->known.lock();
  return impl_->follower.followed();
}

Client::Submitted Client::submit(const std::string& owner, messages::Request request, const Repeat& repeat, const Wake& wake,
                                 const Prepare& prepare) {
  return impl_->submitter.submit(owner, std::move(request), repeat, wake, prepare);
}
StoringPtr Client::cancel(const std::string& owner, const std::string& id, const Wake& wake) {
  return impl_->submitter.cancel(owner, id, wake);
}

std::optional<RequestState> Client::find(const std::string& id) const {
  const auto lock = impl_->known.lock();
  const RequestState* const state = impl_->known.table().find(id);
  return state ? std::optional(*state) : std::nullopt;
}
std::optional<RequestState> Client::find(const std::string& owner, const std::string& id) const {
  const auto lock = impl_->known.lock();
  const RequestState* const state = impl_->known.table().find(owner, id);
  return state ? std::optional(*state) : std::nullopt;
}
int Client::waiting_of(const std::string& owner) const {
  const auto lock = impl_->known.lock();
  return impl_->known.table().usage_of(owner).waiting;
}
std::optional<std::string> Client::current_of(const std::string& owner) const {
  const auto lock = impl_->known.lock();
  return impl_->known.table().current_of(owner);
}
int Client::unfinished() const {
  const auto lock = impl_->known.lock();
  return impl_->known.table().unfinished();
}
std::shared_ptr<void> Client::watch(const std::string& id, Wake wake) const { return impl_->known.watches().add(id, std::move(wake)); }

}  // namespace p2p::requests
