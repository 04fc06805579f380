#include "platform/http/connections.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <utility>

namespace p2p::http {
namespace {

constexpr std::size_t kWorthClosing = 2048;  // bytes
constexpr std::chrono::seconds kStalled{3};  // without the next MiB of a file

}  // namespace

std::string Connections::key(const std::string& text) {
  boost::system::error_code problem;
  const auto address = boost::asio::ip::make_address(text, problem);
  if (problem || address.is_v4()) return text;
  if (address.to_v6().is_v4_mapped()) return make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).to_string();
  auto bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return boost::asio::ip::address_v6(bytes).to_string();
}

bool Connections::enter(Seat& seat) {
  Caller& from = caller(seat.address, Clock::now());
  if (from.connections >= limits_.connections_per_address) return false;
  if (seats_.size() >= limits_.connections && !close_one()) return false;
  ++from.connections;
  seats_.insert(&seat);
  return true;
}

void Connections::leave(Seat& seat) {
  if (seats_.erase(&seat) == 0) return;
  held_by(seat) -= seat.held;
  seat.held = 0;
  --callers_.at(seat.address).connections;
}

bool Connections::close_one() {
  for (const auto phase : {Seat::Phase::idle, Seat::Phase::reading}) {
    if (Seat* const seat = longest({phase}, 0, nullptr)) {
      seat->close();
      return true;
    }
  }
  return false;
}

bool Connections::may_ask(const std::string& address, Clock::time_point now) {
  Caller& from = caller(address, now);
  from.requests = std::min(limits_.requests_per_second,
                           from.requests + limits_.requests_per_second * std::chrono::duration<double>(now - from.at).count());
  from.at = now;
  if (from.requests < 1) return false;
  from.requests -= 1;
  return true;
}

bool Connections::hold(Seat& seat, std::size_t bytes) {
  std::size_t& held = held_by(seat);
  held = held - seat.held + bytes;
  seat.held = bytes;
  while (held > (seat.takes_file ? limits_.buffered_files : limits_.buffered_bytes)) {
    Seat* const slowest = longest({Seat::Phase::reading, Seat::Phase::sending}, kWorthClosing, &seat);
    // A single response may exceed the limit, as long as it is the only one.
    if (!slowest) return seat.phase == Seat::Phase::sending && held == seat.held;
    // Files that arrive are not given up for another, or none would ever be complete.
    if (seat.takes_file && Clock::now() - slowest->since < kStalled) return false;
    slowest->close();
  }
  return true;
}

void Connections::take_file(Seat& seat, bool takes_file) {
  held_by(seat) -= seat.held;
  seat.takes_file = takes_file;
  held_by(seat) += seat.held;
}

std::size_t Connections::begin_handling(Seat& seat) {
  if (!seat.takes_file) return 0;
  seat.takes_file = false;
  return std::exchange(seat.held, 0);
}

Connections::Caller& Connections::caller(const std::string& address, Clock::time_point now) {
  constexpr std::size_t kMany = 10'000;
  const auto found = callers_.find(address);
  if (found != callers_.end()) return found->second;
  if (callers_.size() >= kMany) forget_quiet(now);
  return callers_.emplace(address, Caller{.requests = limits_.requests_per_second, .at = now}).first->second;
}

void Connections::forget_quiet(Clock::time_point now) {
  std::erase_if(callers_, [&](const auto& item) { return item.second.connections == 0 && now - item.second.at > std::chrono::seconds(1); });
}

Seat* Connections::longest(std::initializer_list<Seat::Phase> phases, std::size_t least_held, const Seat* rival) const {
  Seat* found = nullptr;
  for (Seat* const seat : seats_) {
    const bool counts = !rival || (seat != rival && seat->takes_file == rival->takes_file);
    const bool fits = counts && seat->held >= least_held && std::ranges::find(phases, seat->phase) != phases.end();
    if (fits && (!found || seat->since < found->since)) found = seat;
  }
  return found;
}

}  // namespace p2p::http
