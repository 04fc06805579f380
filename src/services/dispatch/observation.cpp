#include "base/log.hpp"
#include "services/dispatch/impl.hpp"

namespace p2p::dispatch {

using requests::Change;

QueuedRequest Dispatch::Impl::queued(const RequestState& state) const {
  return {state.request.id, state.owner, state.request.model, state.request.time, costs_.of(state.request)};
}

void Dispatch::Impl::accepted(const RequestState& state) {
  const Lock lock(mutex_);
  dispatcher_.add(queued(state));
  if (state.cancelling) {
    cancelling_.insert(state.request.id);
    end_now_ = true;
  }
  wake();
}

void Dispatch::Impl::changed(const RequestState& state, Change change, const messages::Event& event) {
  const std::string& id = state.request.id;
  const Time at = now();
  const Lock lock(mutex_);
  switch (change) {
    case Change::none:
    case Change::rejected:
      return;
    case Change::started:
      dispatcher_.started(id, event.worker, at);
      if (!leads_) break;
      if (state.images.empty())
        metrics_.seconds("prompt2pic_wait_seconds", "Time from acceptance to a worker's start.", {{"model", state.request.model}})
            .observe(std::chrono::duration<double>(at - state.request.time).count());
      // A worker that started after the cancel was sent may have missed it.
      if (state.cancelling) send_control(state, messages::Control::Type::cancel);
      break;
    case Change::progressed:
      dispatcher_.progressed(id, std::get<messages::Progress>(event.what).fraction, at);
      break;
    case Change::picture:
      dispatcher_.ended(id);
      dispatcher_.add(queued(state));
      end_now_ |= state.cancelling;
      break;
    case Change::handed_back:
      if (!dispatcher_.handed_back(id)) dispatcher_.add(queued(state));
      end_now_ |= state.cancelling;
      break;
    case Change::ended:
      dispatcher_.ended(id);
      cancelling_.erase(id);
      if (const auto* const finished = event.as<messages::Finished>()) costs_.learn(state.request, *finished);
      if (leads_) count_end(state);
      break;
  }
  wake();
}

void Dispatch::Impl::count_end(const RequestState& state) {
  const std::string outcome(name_of(state.status));
  metrics_
      .counter("prompt2pic_requests_total", "Ended requests.",
               {{"model", state.request.model}, {"outcome", outcome}, {"reason", state.reason}})
      .add();
  metrics_.seconds("prompt2pic_request_seconds", "Time from acceptance to the end.", {{"outcome", outcome}})
      .observe(std::chrono::duration<double>(state.ended - state.request.time).count());
  log::info("ended", {{"id", state.request.id}, {"outcome", outcome}, {"reason", state.reason}, {"detail", state.detail}});
}

void Dispatch::Impl::cancelling(const RequestState& state) {
  const Lock lock(mutex_);
  cancelling_.insert(state.request.id);
  end_now_ = true;
  wake();
}

void Dispatch::Impl::unknown(const messages::Event& event) {
  const Lock lock(mutex_);
  const auto* const progress = event.as<messages::Progress>();
  if (event.as<messages::Started>()) {
    dispatcher_.others_started(event.id, event.worker, now());
  } else if (event.ends() || event.as<messages::HandedBack>() || (progress && progress->fraction >= 1)) {
    dispatcher_.others_ended(event.id);
  } else if (progress) {
    dispatcher_.others_progressed(event.id, now());
  }
}

}  // namespace p2p::dispatch
