#include "services/dispatch/sent_requests.hpp"

#include <algorithm>

namespace p2p::dispatch {

void SentRequests::set_workers(const std::map<std::string, Worker>& workers) {
  workers_.clear();
  owners_.clear();
  for (const auto& [name, worker] : workers) {
    workers_.insert(name);
    for (const auto& [model, partitions] : worker.partitions) {
      for (const int partition : partitions) owners_[model][partition] = name;
    }
  }
  by_worker_.clear();
  by_owner_.clear();
  for (auto& [id, sent] : sent_) {
    const std::string name = holder_of(sent);
    if (name != sent.worker) {
      sent.worker = name;
      sent.started.reset();  // the previous worker started it
      sent.fraction = 0;
    }
    hold(sent);
  }
}

void SentRequests::add(SentRequest sent) {
  take(sent.entry.request.id);
  sent.worker = holder_of(sent);
  hold(sent);
  const std::string id = sent.entry.request.id;
  sent_.emplace(id, std::move(sent));
}

std::optional<SentRequest> SentRequests::take(const std::string& id) {
  const auto found = sent_.find(id);
  if (found == sent_.end()) return std::nullopt;
  SentRequest sent = std::move(found->second);
  sent_.erase(found);
  release(sent);
  return sent;
}

SentRequest* SentRequests::find(const std::string& id) {
  const auto found = sent_.find(id);
  return found == sent_.end() ? nullptr : &found->second;
}

void SentRequests::started(SentRequest& sent, const std::string& worker, Time at) {
  if (!sent.partition) {  // the partition is unknown, but the worker is known now
    release(sent);
    sent.worker = worker;
  }
  sent.started = sent.fraction_at = at;
  sent.fraction = 0;
  hold(sent);  // may have been drawn by a worker that has crashed since
}

bool SentRequests::progressed(SentRequest& sent, double fraction, Time at) {
  if (sent.drawn()) return false;
  sent.fraction = std::clamp(fraction, sent.fraction, 1.0);
  sent.fraction_at = at;
  if (!sent.drawn()) return false;
  release(sent);
  return true;
}

const SentRequests::Ids& SentRequests::ids_of(const Index& index, const std::string& key) {
  static const Ids kNone;
  const auto found = index.find(key);
  return found == index.end() ? kNone : found->second;
}

std::string SentRequests::holder_of(const SentRequest& sent) const {
  if (!sent.partition) return workers_.empty() || workers_.contains(sent.worker) ? sent.worker : "";
  const auto model = owners_.find(sent.entry.request.model);
  if (model == owners_.end()) return "";
  const auto owner = model->second.find(*sent.partition);
  return owner == model->second.end() ? "" : owner->second;
}

void SentRequests::hold(const SentRequest& sent) {
  if (sent.drawn()) return;
  by_worker_[sent.worker].insert(sent.entry.request.id);
  by_owner_[sent.entry.request.owner].insert(sent.entry.request.id);
}

void SentRequests::release(const SentRequest& sent) {
  by_worker_[sent.worker].erase(sent.entry.request.id);
  const auto mine = by_owner_.find(sent.entry.request.owner);
  if (mine == by_owner_.end()) return;
  mine->second.erase(sent.entry.request.id);
  if (mine->second.empty()) by_owner_.erase(mine);
}

}  // namespace p2p::dispatch
